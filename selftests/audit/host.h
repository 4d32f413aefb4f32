/* SPDX-License-Identifier: GPL-2.0 */
/* azattestd with its signers on a module that is a file, and its audit journal. */
#ifndef SELFTESTS_AUDIT_HOST_H
#define SELFTESTS_AUDIT_HOST_H

#include <jansson.h>

#include <selftests/azattestd/fakemodule.h>
#include <selftests/lib/tap.h>

extern struct fakemodule *host_module;
extern pid_t host_pid;
extern const char *host_daemon;	/* which one, relative to the tests */
extern const char *host_key_type;

/* tap_main() with a place for hosts, which is removed afterwards. */
int host_main(const struct tap_test *tests, size_t count, int argc, char **argv);
/* A new host; @journal: lines for its section [journal]. */
void host_make(const char *journal);
void host_configure(const char *journal);
const char *host_path(const char *name);
void host_start(void);
void host_start_ready(void);
bool host_ready(void);
/* It ends by itself, or by SIGTERM, with this code. */
void host_need_end(int code);
void host_stop(void);
bool host_log_has(const char *text);

/* Of the answer to "status", which is there until the next call. */
const char *host_text(const char *a, const char *b);
long long host_number(const char *a, const char *b);
/* The signers' processes; how many there are. */
size_t host_signers(pid_t *pids, size_t max);

/* One request's status, when it is answered. */
uint32_t host_ask(const char *nonce, const char *profile);
/* FAKEMODULE_REQUESTS at once; how many of them are to ask again. */
unsigned int host_ask_many(void);

/* "azattestctl audit WORDS": exit code, and what it printed, errors too. */
int host_audit(const char *words, ...) __attribute__((format(printf, 1, 2)));
extern char host_said[];
/* How many lines of the journal have this event, and the last one. */
unsigned int host_events(const char *event);
json_t *host_event(const char *event);

#endif
