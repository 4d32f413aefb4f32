/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattest-restd, the HTTP front: the only program that guests' IP
 * packets reach. It has no key, no capability, no file but those that
 * azattest-hostd gave it, one for each VM, and each of them speaks for that VM
 * alone. One thread, one poll loop.
 *
 *   main.c      options, the listening socket, order of the start, the loop
 *   rights.c    the user, the capabilities
 *   seccomp.c   the system calls
 *   link.c      the session with azattest-hostd (common/restlink.h)
 *   vm.c        slots: who may ask, and with which file
 *   ask.c       requests to the module and its replies, as frames
 *   conn.c      connections: who is let in, deadlines, resets
 *   pool.c      buffers of one size
 *   guard.c     what libmicrohttpd receives: whole and checked heads only
 *   http.c      libmicrohttpd: from a head to its answer
 *   head.c      bytes of a request -> struct head, or what is wrong (pure)
 *   query.c     the query string (pure)
 *   route.c     the contract: a head -> what to answer (pure)
 *   body.c      the bodies of answers, byte by byte (pure)
 *   instance.c  /metadata/instance: the schema, a VM's facts, filters
 *   count.c     how often what was refused; the few lines about it
 *
 * A connection takes its VM when it is accepted, and never looks again: a
 * struct vm is one {slot, generation}, and ends with all of its connections.
 */
#ifndef AZATTEST_RESTD_H
#define AZATTEST_RESTD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <linux/azattest.h>
#include <userspace/common/restlink.h>
#include <userspace/daemon/daemon.h>

#define EXIT_USAGE	2

/* count.c */

/* What happened to a connection or a request; docs/rest.md lists them. */
#define COUNTS(X)			\
	X(accepted)	X(answered)	\
	X(no_vm)	X(vm_full)	X(full)		X(idle)		X(slow)		\
	X(malformed)	X(body)		X(relayed)	X(browser)	X(host)		\
	X(method)	X(metadata)	X(path)		X(query)	X(version)	X(nonce) \
	X(retry)	X(expired)	X(busy)		X(unbound)	X(denied)	X(fault) \
	X(late)		X(revoked)	X(hung_up)	X(unguarded)

enum count {
#define X(name) COUNT_##name,
	COUNTS(X)
#undef X
	COUNT_MAX
};

void count_up(enum count what);
/* One line about what changed, at most every COUNT_INTERVAL_MS. */
#define COUNT_INTERVAL_MS	(10 * 60 * 1000)
/* Milliseconds until there may be something to say; -1: never. */
int count_report(int64_t now);

/* head.c */

#define HEAD_MAX	8192	/* bytes, its last empty line included */
#define HEAD_FIELDS_MAX	64

/* A piece of a request where it lies; not terminated. */
struct text {
	const char *at;
	size_t length;
};

bool text_is(struct text text, const char *word);
bool text_is_nocase(struct text text, const char *word);

struct head {
	struct text method;
	struct text path;	/* begins with a slash, as sent */
	struct text query;	/* after the first '?' */
	bool http10;
	bool close;		/* the client wants no further answer on it */
	bool body;		/* Content-Length above 0, or Transfer-Encoding */
	unsigned int hosts;
	struct text host;	/* the last of them */
	unsigned int metadatas;
	struct text metadata;
	bool relayed;		/* X-Forwarded-For, Forwarded, Via */
	bool browser;		/* Origin, Sec-Fetch-* */
};

/*
 * The first @length bytes of a request: > 0 this many are a whole head, 0 more
 * are needed, -1 it can become none and *@why is a sentence. The answer for
 * all bytes is the same however they were cut on the way.
 */
int head_parse(const char *bytes, size_t length, struct head *head, const char **why);

/* query.c */

#define QUERY_KEYS_MAX	32

struct query {
	bool has_version, has_nonce, has_format;
	struct text version, nonce, format;
};

/* NULL, or what is wrong. Nothing is decoded: a key is the bytes of a key. */
const char *query_parse(struct text raw, struct query *query);
/* 20181001 for "2018-10-01", 0 if it is no published version. */
uint32_t query_version(struct text text);

/* route.c */

enum route_kind {
	ROUTE_REFUSE,		/* .status, .why */
	ROUTE_VERSIONS,
	ROUTE_DOCUMENT,		/* .version, .nonce: "" without */
	ROUTE_ISSUER,
	ROUTE_INSTANCE,		/* .version, .below, .text */
};

struct route {
	enum route_kind kind;
	enum count count;
	unsigned int status;	/* 400, 404, 405 */
	const char *why;	/* of a 400: a sentence; NULL: the version list */
	bool close;		/* what follows on the connection is not read */
	uint32_t version;
	char nonce[AZATTEST_NONCE_MAX + 1];
	bool text;		/* format=text */
	struct text method;
	struct text path;
	struct text below;	/* what follows /metadata/instance */
};

void route_find(const struct head *head, const struct restlink_config *config,
		struct route *route);
/* For a head that is none. */
void route_malformed(const char *why, struct route *route);

/* pool.c */

#define POOL_SIZE	12288	/* a head; a frame; the longest document in base64 */

/* POOL_SIZE bytes; NULL: no memory, or @size is more. */
void *pool_take(size_t size);
void pool_give(void *buffer);

/* body.c: heap strings, NULL without memory */

char *body_bad_request(const char *why);
char *body_bad_version(void);
char *body_no_path(struct text path, struct text method);
char *body_no_method(struct text path, struct text method);
char *body_error(const char *sentence);
char *body_versions(void);
/* A buffer of the pool; NULL also for a document that is too long. */
char *body_document(const uint8_t *der, size_t length);

/* instance.c */

/* Compact JSON of what @path names; NULL: no such path. *@leaf: a single value,
 * then the text is that value without quotes.
 */
char *instance_get(const json_t *facts, uint32_t version, struct text path, bool *leaf);

/* vm.c */

struct conn;

struct vm {
	struct restlink_vm id;
	struct watch file;	/* of /dev/azattest */
	bool ended;		/* its binding has: nothing is asked any more */
	json_t *facts;
	unsigned int conns;
	struct conn *first;	/* its connections */
	uint32_t last_ask;
	int64_t filled;		/* when its bucket was, and how full: thousandths */
	int64_t tokens;
	bool named;		/* by a GRANT of the running session */
};

#define VM_SLOTS_MAX	65536
/* Another range than before ends all VMs. -EINVAL, -ENOMEM. */
int vm_set_slots(uint32_t base, uint32_t slots);
/* NULL: nobody that may ask. */
struct vm *vm_of_peer(struct in_addr peer);
/*
 * Takes @fd whatever happens. -EINVAL: a slot or a text that is none; -EMFILE:
 * @fd is, nothing is known of that slot now, and all others are as they were.
 */
int vm_grant(const struct restlink_vm *id, const char *facts, int fd);
/* Returns when no byte can leave on any connection of it. */
void vm_revoke(const struct restlink_vm *id);
void vm_begin_session(void);
/* Ends those that no GRANT named since vm_begin_session(). */
void vm_end_unnamed(void);
/* One more answer that the module is not asked for; false: over the VM's rate. */
bool vm_take_token(struct vm *vm);
/* Its binding is over: its connections are reset, nothing is asked again. */
void vm_end(struct vm *vm);

/* ask.c */

#define ASK_GRACE_MS	100	/* for the module's own RETRY to arrive first */

/*
 * Writes the request of @conn's route; the reply comes by conn_reply().
 *   -EAGAIN  too many open: as BUSY
 *   -ENODEV  the binding has ended: vm_end() was called
 *   others   as FAULT
 */
int ask_send(struct conn *conn);
/* Handler of a VM's file. */
void ask_ready(struct watch *watch, uint32_t events);

/* conn.c */

struct MHD_Connection;

enum conn_phase {
	CONN_IDLE,	/* no byte of a request */
	CONN_REQUEST,	/* some bytes of one */
	CONN_ASKING,	/* libmicrohttpd has it suspended */
	CONN_SENDING,
	CONN_LINGER,	/* libmicrohttpd is done; what comes is thrown away */
	CONN_DEAD,	/* reset; libmicrohttpd does not know yet */
	CONN_PHASES
};

struct conn {
	struct watch socket;	/* watched in CONN_LINGER only */
	struct vm *vm;		/* NULL in CONN_DEAD */
	struct conn *vm_next, *vm_prev;
	enum conn_phase phase;
	int64_t since;		/* of this phase */
	struct conn *next, *prev;	/* of this phase, in order of @since */
	struct MHD_Connection *mhd;
	/* guard.c */
	char *bytes;		/* HEAD_MAX, while a request is here */
	size_t length;
	const char *instead;	/* what libmicrohttpd still has to be given for them */
	bool whole;		/* .route is about what it was given */
	bool last;		/* the answer is the last: further bytes are nobody's */
	bool linger;		/* and some are there, or may still come: see linger_ready() */
	/* the request */
	struct route route;
	uint32_t ask;		/* id of its frame, 0: none */
	uint8_t ask_type;
	uint16_t status;	/* reply: AZATTEST_STATUS_* */
	bool replied;
	uint8_t *document;	/* payload of the reply */
	size_t document_length;
};

/* Accepted and lingering ones together: at most @most. */
int conn_open(int listener, unsigned int most);
/* CONFIG has come: let them in. */
void conn_configure(const struct restlink_config *config);
const struct restlink_config *conn_config(void);
struct conn *conn_of_fd(int fd);
void conn_free(struct conn *conn);
void conn_phase(struct conn *conn, enum conn_phase phase);
/* At once and for good: not a byte leaves after this. */
void conn_reset(struct conn *conn);
/* libmicrohttpd closes its descriptor now. */
void conn_closing(struct conn *conn);
/* A reply, or the lack of one; @der NULL or copied. */
void conn_reply(struct conn *conn, uint16_t status, const uint8_t *der, size_t length);
void conn_forget_request(struct conn *conn);
/* What is over its time is ended; milliseconds until the next one, -1 none. */
int conn_tick(int64_t now);

/* http.c */

int http_open(unsigned int connections);
/* Takes the descriptor whatever happens; on failure @conn is freed too. */
void http_add(struct conn *conn, const struct sockaddr_in *peer);
/* Its request is to be looked at again: answered, or reset. */
void http_resume(struct conn *conn);
/* Runs libmicrohttpd if something happened. */
void http_run(void);
/* 0 if it has to run again at once, else -1. */
int http_timeout(void);

/* link.c */

int link_open(const char *run, int listener);
int link_tick(int64_t now);

/* rights.c, seccomp.c */

/* @name: who to become; only root can, and must. */
int rights_drop(const char *name, struct failure *failure);
int seccomp_close(struct failure *failure);

#endif
