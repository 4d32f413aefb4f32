/* SPDX-License-Identifier: GPL-2.0 */
/* azattestd and its signers, the real programs, with a module that is a file (fakemodule.h). */
#ifndef SELFTESTS_AZATTESTD_RIG_H
#define SELFTESTS_AZATTESTD_RIG_H

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>

#include <selftests/azattestd/fakemodule.h>
#include <selftests/lib/tap.h>

#define RIG_SIGNERS	"[host]\nname = node1.test\n[signer]\nuser = nobody\nkey-type = p-256\n" \
		"processes = 2\n"
#define RIG_P256	"[key]\nlevel = host-key\n" RIG_SIGNERS
#define RIG_PLAIN	"[key]\nlevel = file\n" RIG_SIGNERS

extern struct fakemodule *rig_module;	/* of this promise */
extern pid_t rig_daemon;

/* For main(): tap_main(), and the promises' folders are gone after it. */
int rig_main(const struct tap_test *tests, size_t count, int argc, char **argv);

/* ---- its life ---- */

/* A file of the promise; good until the fourth call after this. */
const char *rig_path(const char *name);
void rig_config(const char *text);
/* Folder, configuration and module; skips without root. */
void rig_prepare(const char *name, const char *config);
/* tap_spawn() children die with us: so does the daemon, so do its signers. */
void rig_start(void);

/* ---- what it says of itself ---- */

/* The control socket; -1 when nobody listens. */
int rig_connect(void);
/* Until the end, or @size bytes; how many. */
size_t rig_read(int fd, char *buf, size_t size);
/* NULL when nobody answers. */
json_t *rig_ask(const char *line);
/* Its answer to "status", until the next call. */
json_t *rig_status(void);
json_t *rig_member(json_t *object, const char *a, const char *b);
/* Of the status. */
long long rig_number(const char *a, const char *b);
bool rig_host_is(const char *state);
bool rig_all_ready(void);
pid_t rig_signer(size_t index);
void rig_need_log(const char *text);

/* ---- from its start to its end ---- */

/* rig_prepare() and rig_start(), and all signers sign. */
void rig_start_ready(const char *name, const char *config);
/* It ends by itself with that code, and no sanitizer has complained. */
void rig_need_end(int code);
/* SIGTERM; must end with 0. */
void rig_stop(void);

/* ---- what its signers sign ---- */

/* Whether the answer in that place is a document that verifies by its own leaf. */
bool rig_is_document(int place);
/* Asks for a document; the status of the answer, and the document is one if it is OK. */
uint32_t rig_ask_status(uint32_t version, const char *nonce, const char *profile);

#endif
