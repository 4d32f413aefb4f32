/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the API share; hostd.h tells which file owns what.
 */
#ifndef AZATTEST_HOSTD_API_H
#define AZATTEST_HOSTD_API_H

#include <userspace/hostd/hostd.h>

#include <sys/un.h>

#include <microhttpd.h>

/*
 * Everybody on the host may connect, so everything is bounded: connections in
 * all and of one user, with places that only root gets; a body's bytes; and the
 * time from accept to the end, but for that of calls themselves, whatever the
 * client does with it. A connection is one call.
 */
#define API_CLIENTS		64
#define API_CLIENTS_ROOT	8	/* of them, kept free for root */
#define API_CLIENTS_USER	8	/* that one other user can have */
#define API_BODY_MAX		65536
#define API_MEMORY_MAX		16384	/* of one connection: request line and headers */
#define API_TIME_MS		5000
#define API_GROUPS_MAX		65536	/* the kernel's NGROUPS_MAX */

struct api_answer {
	unsigned int status;	/* 0: not yet */
	const char *allow;	/* methods there are, for 405 */
	json_t *json;		/* NULL: no body; the caller's to release */
};

/* A call that ends after its function: no thread waits, its connection sleeps. */
struct api_later {
	struct bind_wait wait;
	struct hostd *hostd;
	uint8_t uuid[AZATTEST_UUID_LEN];
	unsigned int status;	/* if it ends well */
	struct api_answer answer;
	void (*wake)(struct api_later *later);
};

struct api_client {
	int fd;			/* -1: the place is free */
	uid_t uid;
	bool admin;
	int64_t until_ms;	/* INT64_MAX: was hung up */
	char *body;
	size_t length, size;	/* of the body: what has come, what was announced */
	bool begun;		/* its headers have been seen */
	struct api_later later;
	struct MHD_Connection *asleep;	/* until .later has an answer */
	bool woken;			/* it has, and the library has to be run for it */
	struct api *api;		/* with .asleep */
};

struct api {
	struct hostd *hostd;
	const struct config *config;
	struct MHD_Daemon *daemon;
	struct watch listener, http, timer;
	struct api_client client[API_CLIENTS];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* api.c: a call took that long; no client's time runs meanwhile */
void api_give_time(struct api *api, int64_t ms);

/* The timer fires when something is due next; at once if a connection was woken. */
void api_arm(struct api *api);

/* api_http.c: callbacks of libmicrohttpd; @arg is the struct api */
enum MHD_Result api_http_request(void *arg, struct MHD_Connection *connection, const char *path,
				 const char *method, const char *version, const char *data,
				 size_t *left, void **context);
size_t api_http_keep_escaped(void *arg, struct MHD_Connection *connection, char *text);

/* api_calls.c */

struct api_call {
	const char *method, *path;
	const char *body;
	size_t length;
	bool admin;		/* the caller may change something */
	const char *admin_group;
	struct api_later *later;
};

/* Status 0: call->later->wake() is called when call->later->answer is there. */
struct api_answer api_call_answer(struct hostd *hostd, const struct api_call *call);
struct api_answer api_call_refuse(unsigned int status, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
