/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host with its CA, on loopback: azattest-ca and azattestd are the real
 * programs, the module is a file (selftests/azattestd/fakemodule.h).
 */
#ifndef SELFTESTS_CERTIFICATE_RIG_H
#define SELFTESTS_CERTIFICATE_RIG_H

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>
#include <openssl/pkcs7.h>

#include <selftests/azattestd/fakemodule.h>
#include <selftests/lib/tap.h>

#define RIG_NAME	"node1.test"
/* Lines for rig_configure(), with the CA's port. */
#define RIG_CMP		"source = cmp\nca-url = http://127.0.0.1:%u/\n"

struct rig {
	char dir[64];
	char bin[400];		/* azattest-ca, azattest-sync */
	char tests[400];	/* azattestd-asan, azattest-signer-fake */
	struct fakemodule *module;
	const char *key;	/* lines of [key]; NULL: "level = file" */
	const char *key_type;	/* of the leaf; NULL: "p-256" */
	pid_t daemon, ca;
	pid_t socket;		/* of who starts azattest-sync; 0: azattestd does */
	unsigned int port;	/* of the CA */
};

/* tap_main(), in a folder that goes with it. */
int rig_main(const struct tap_test *tests, size_t count, int argc, char **argv);
/* A folder, a CA in it with this host enrolled; skips where it cannot run. */
void rig_open(struct rig *rig, const char *name);
/* The same in two steps, for who has other programs than rig_open_bare() finds. */
void rig_open_bare(struct rig *rig, const char *name);
void rig_make_ca(struct rig *rig);
const char *rig_path(struct rig *rig, const char *name);
/* Runs a shell command in the folder, with $CA and $SYNC; its exit status. */
int rig_shell(struct rig *rig, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* azattest-ca serve, until rig_stop_ca(); the port stays once it is known. */
void rig_start_ca(struct rig *rig, const char *options);
void rig_stop_ca(struct rig *rig);
/* Source cmp at the CA, and more lines for [certificate] and after. */
void rig_configure(struct rig *rig, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The two above, and source cmp at the CA, which serves. */
void rig_open_cmp(struct rig *rig, const char *name);
/* From now on azattest-sync is behind a socket. */
void rig_start_socket(struct rig *rig);
void rig_start(struct rig *rig);
/* Active, with all signers. */
void rig_start_active(struct rig *rig);
void rig_stop(struct rig *rig);
void rig_kill(struct rig *rig);

/* One answer of the control socket; NULL: nobody. Good until the next one. */
json_t *rig_ask(struct rig *rig, const char *request);
json_t *rig_status(struct rig *rig, const char *a, const char *b);
long long rig_number(struct rig *rig, const char *a, const char *b);
/* Whether that text is in it; "": whether it is empty. */
bool rig_says(struct rig *rig, const char *a, const char *b, const char *text);
bool rig_all_ready(struct rig *rig);
pid_t rig_signer(struct rig *rig, unsigned int index);
pid_t rig_keeper(struct rig *rig);
bool rig_log_has(struct rig *rig, const char *text);
/* No folder but that of this generation, once it is proved; one key file in it. */
bool rig_only_leaf_is(struct rig *rig, unsigned int number);
/* "" for success, or the reason. */
const char *rig_sync(struct rig *rig);
/* The same in a process of its own, for tap_join(): 0 for success. */
pid_t rig_begin_sync(struct rig *rig);
/* A new document of the VM that fakemodule_ask() asks for. */
PKCS7 *rig_document(struct rig *rig);
/* One that verifies: its expiry is no later than its leaf's end. */
void rig_need_document(struct rig *rig);

#endif
