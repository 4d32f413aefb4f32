/* SPDX-License-Identifier: GPL-2.0 */
/* The API's server, with the fake hostd behind it, and a client that may send it anything. */
#ifndef SELFTESTS_API_RIG_H
#define SELFTESTS_API_RIG_H

#include "fakehostd.h"

#include <selftests/lib/tap.h>

#define RIG_VM		"/v1/vms/c0ffee42-0000-4000-8000-00000000002a"
#define RIG_ADMIN_GID	54321
#define RIG_NOBODY	65534

/* A call that changes something. */
#define RIG_WHOLE "PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n" \
	"{\"enabled\":false}"

extern char rig_run[64];	/* the folder of the socket */
extern struct hostd *hostd;	/* what the server sees and does */

/* REST access is on, RIG_ADMIN_GID may change something; root's own group does without root. */
void rig_start(void);
/* The same hostd on a host that has no such group. */
void rig_restart_without_group(void);
/* It has lived through all. */
void rig_stop(void);

/* ---- a client ---- */

struct rig_answer {
	int status;
	char head[2048];
	json_t *json;		/* NULL: no body */
	char code[32];		/* of an error */
	char message[1024];
};

/* A connection, or -errno. */
int rig_connect(void);
/* Until it is sent or the server has hung up. */
void rig_put(int fd, const void *data, size_t length);
/* All until the end of file; its length. */
size_t rig_take(int fd, char *to, size_t size);
struct rig_answer rig_read(int fd);

/* One call on a connection of its own: as bytes, or put together. */
struct rig_answer rig_raw(const void *request, size_t length);
struct rig_answer rig_ask_bytes(const char *method, const char *path, const void *body,
				size_t length);
struct rig_answer rig_ask(const char *method, const char *path, const char *body);

/* Skips the promise without root. */
void rig_need_root(void);
/* Asks with these credentials, which count at connect(). */
struct rig_answer rig_ask_as(uid_t uid, gid_t gid, const gid_t *groups, size_t count,
			     const char *method, const char *path, const char *body);

/* Its status, and its code if it is an error; one line that says something. */
void rig_need_answer(struct rig_answer a, const char *what, int status, const char *code);
void rig_need(const char *method, const char *path, const char *body, int status,
	      const char *code);
void rig_enrol(const char *path);
/* What @path has is @want, members in any order. */
void rig_need_json(const char *path, json_t *want);

#endif
