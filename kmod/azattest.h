/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of the module: its objects, then the calls of each file.
 *
 *   device.c speak.c  exchange.c listener.c       signer.c
 *        |   |              |     |                  |
 *        |   +---> door.c <-+     |                  |
 *        |           |            |                  |
 *        |           +-----> queue.c <--- serve.c <--+
 *        +---> bind.c, registry.c <+       netlink.c event.c
 *               proof.c life.c grant.c
 *
 * Lives: a binding, a connection, a file, a request and a signer each have a
 * reference count; nobody's destructor ends somebody else's life.
 */
#ifndef AZATTEST_H
#define AZATTEST_H

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/timerqueue.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

#include <linux/azattest.h>
#include <linux/azattest_netlink.h>
#include <linux/azattest_signer.h>

#include "counters.h"
#include "frame.h"
#include "limits.h"
#include "trace.h"

#define AZATTEST_VERSION "0.1.0"

struct azattest_signer;
struct genl_info;
struct netlink_callback;
struct sk_buff;
struct socket;

/* RESERVED: CID and UUID are held, nobody can find it. DEAD: ends, then leaves the tables. */
enum azattest_binding_state {
	AZATTEST_BINDING_RESERVED,
	AZATTEST_BINDING_LIVE,
	AZATTEST_BINDING_DEAD,
};

/* Who a VM is, as BIND asked for it. */
struct azattest_identity {
	u8 uuid[AZATTEST_UUID_LEN];
	char name[AZATTEST_NAME_LEN];
	char profile[AZATTEST_PROFILE_LEN];
	u32 cid;			/* 0: none */
};

/* The hook that ends a binding when its VMM dies (life.c). */
struct azattest_life {
	struct file *file;		/* pidfd, or NULL */
	poll_table table;
	wait_queue_entry_t wait;
	wait_queue_head_t *head;	/* where @wait is hooked, or NULL */
};

/*
 * A binding: which VM this is. All members without a bracket are set before
 * publication and never change.
 */
struct azattest_binding {
	refcount_t ref;
	enum azattest_binding_state state;	/* [registry lock; once DEAD stays] */
	struct azattest_identity id;
	u64 generation;
	u64 netns;
	u32 pid;
	struct file *vhost;		/* held until all connections are closed */
	struct azattest_life life;
	bool has_life;

	struct hlist_node by_uuid;	/* [registry lock] */
	struct hlist_node by_cid;	/* [registry lock] */
	struct list_head all;		/* [registry lock] */
	struct work_struct end_work;
	const char *end_reason;		/* [first writer wins] */
	struct completion gone;		/* it has left the tables, all is dropped */

	spinlock_t lock;		/* guards the next ones */
	bool dead;			/* [lock] no connection may join */
	unsigned int conn_count;	/* [lock] */
	unsigned int file_count;	/* [lock] */
	struct list_head conns;		/* [lock] */
	struct list_head files;		/* [lock] */
	struct azattest_bucket accepts;	/* [listener mutex] */

	struct list_head queued;	/* [queue lock] requests that wait, in order */
	struct list_head requests;	/* [queue lock] all open requests */
	struct list_head turn;		/* [queue lock] in the round while queued has any */
	unsigned int request_count;	/* [queue lock] open */
	struct azattest_bucket rate;	/* [queue lock] */
	u64 asked, answered, refused;	/* [queue lock] */
	u8 last_transport;		/* [queue lock] of the request asked last; 0: none yet */
	time64_t last_asked;		/* [queue lock] when, seconds since 1970 */
};

enum azattest_request_state {
	AZATTEST_REQUEST_NEW,
	AZATTEST_REQUEST_QUEUED,
	AZATTEST_REQUEST_INFLIGHT,
	AZATTEST_REQUEST_DONE,		/* answered, expired or given up: see status */
	AZATTEST_REQUEST_CANCELLED,	/* nobody wants it any more: done is not called */
};

/*
 * A request. Whoever moves it to DONE calls @done, once, without any lock;
 * from then on @status, @frame and @frame_len belong to the origin.
 */
struct azattest_request {
	refcount_t ref;
	enum azattest_request_state state;	/* [queue lock] */
	u8 transport;
	u8 attempts;			/* [queue lock] */
	u32 cid;
	struct azattest_ask ask;
	u64 cookie;
	struct azattest_binding *binding;
	struct azattest_signer *signer;	/* [queue lock] INFLIGHT: who holds it */
	struct list_head node;		/* [queue lock] binding's queued or signer's held */
	struct list_head sibling;	/* [queue lock] binding's requests */
	struct hlist_node by_cookie;	/* [queue lock] INFLIGHT */
	struct timerqueue_node timer;	/* [queue lock] */
	ktime_t deadline;
	void (*done)(struct azattest_request *req);
	void *origin;
	struct list_head origin_node;	/* [origin's lock] */
	bool replied;			/* [origin's lock] */
	bool ready;			/* @frame has its header: it never was in the queue */
	u16 status;			/* AZATTEST_STATUS_* */
	u32 frame_len;
	u8 *frame;			/* the reply, header and document; header not yet filled */
};

/* An open file of /dev/azattest. */
struct azattest_file {
	refcount_t ref;
	struct mutex bind_lock;		/* one BIND or ATTACH at a time */
	struct azattest_binding *binding;	/* set once, read with acquire */
	bool owner;			/* set before @binding */
	u32 transport;			/* set before @binding */
	struct list_head node;		/* [binding's lock] in its files */
	wait_queue_head_t wait;
	spinlock_t lock;		/* guards the next ones */
	bool closed;			/* [lock] */
	unsigned int open;		/* [lock] requests asked and replies unread */
	struct list_head asked;		/* [lock] requests without reply */
	struct list_head replies;	/* [lock] requests with reply, to be read */
};

/* bind.c: BIND and the end of a binding */
int azattest_bind_make(struct azattest_bind *arg, struct azattest_binding **out);
void azattest_bind_end(struct azattest_binding *b, const char *reason);
void azattest_bind_end_async(struct azattest_binding *b, const char *reason);
int azattest_bind_init(void);
void azattest_bind_exit(void);

/* registry.c: the tables of bindings */
struct azattest_binding *azattest_registry_alloc(const struct azattest_identity *id);
int azattest_registry_reserve(struct azattest_binding *b, struct azattest_binding **older);
void azattest_registry_publish(struct azattest_binding *b);
bool azattest_registry_kill(struct azattest_binding *b);
void azattest_registry_remove(struct azattest_binding *b);
struct azattest_binding *azattest_registry_by_uuid(const u8 *uuid);
struct azattest_binding *azattest_registry_by_cid(u32 cid);
struct azattest_binding *azattest_registry_next(u64 generation);
unsigned int azattest_registry_count(void);
void azattest_registry_sweep(void);
void azattest_registry_put(struct azattest_binding *b);
void azattest_registry_init(void);

static inline struct azattest_binding *azattest_registry_get(struct azattest_binding *b)
{
	refcount_inc(&b->ref);
	return b;
}

/* proof.c: whose CID is it? */
struct file *azattest_proof_file(int fd);
int azattest_proof_set_cid(struct file *vhost, u32 cid);
void azattest_proof_drop(struct file *vhost);

/* life.c: a binding ends with its VMM */
int azattest_life_open(struct azattest_life *life, int fd);
void azattest_life_arm(struct azattest_binding *b);
void azattest_life_disarm(struct azattest_life *life);
void azattest_life_close(struct azattest_life *life);

/* grant.c: who may BIND which VM */
struct azattest_grant {
	struct list_head node;		/* [grant mutex] */
	u64 serial;
	struct azattest_identity id;
	kuid_t uid;
	bool reserved;			/* [grant mutex] a BIND under way uses it */
};

int azattest_grant_add(const struct azattest_identity *id, kuid_t uid);
int azattest_grant_del(const u8 *uuid);
int azattest_grant_take(struct azattest_identity *id, u64 *serial);
void azattest_grant_settle(u64 serial, bool used);
bool azattest_grant_next(u64 after, struct azattest_grant *copy);
unsigned int azattest_grant_count(void);
void azattest_grant_exit(void);

/* identity.c: rules for names that people and policy see */
bool azattest_identity_name_ok(const u8 *name, size_t size);
bool azattest_identity_profile_ok(const u8 *profile, size_t size);
bool azattest_identity_uuid_ok(const u8 *uuid);

/* door.c: where the doors meet */

/* What became of a frame: @req is set, and will have the reply; or @frame is the reply. */
struct azattest_door {
	struct azattest_request *req;
	u8 *frame;			/* the caller frees it */
	u32 len;
	u16 status;			/* of @frame */
};

int azattest_door_ask(struct azattest_binding *b, const struct azattest_ask *ask, u8 transport,
		      void (*done)(struct azattest_request *req), void *origin,
		      struct azattest_request **out);
int azattest_door_frame(struct azattest_binding *b, const void *buf, size_t len, u8 transport,
			void (*done)(struct azattest_request *req), void *origin,
			struct azattest_door *door);
int azattest_door_reply(struct azattest_request *req);
u8 *azattest_door_refusal(u8 type, u32 id, u16 status, u32 *len);
u8 *azattest_door_hello(u32 id, u32 *len);

/* queue.c: requests between origins and signers */
int azattest_queue_submit(struct azattest_request *req);
bool azattest_queue_charge(struct azattest_binding *b);
bool azattest_queue_cancel(struct azattest_request *req);
void azattest_queue_cancel_all(struct azattest_binding *b);
void azattest_queue_put(struct azattest_request *req);
void azattest_queue_counts(unsigned int *queued, unsigned int *inflight);
u8 azattest_queue_last(struct azattest_binding *b, time64_t *when);
int azattest_queue_init(void);
void azattest_queue_exit(void);

/* serve.c: the signers' side of the queue */
struct azattest_signer {
	struct list_head node;		/* [queue lock] in the queue's signers, once joined */
	struct list_head held;		/* [queue lock] requests it holds */
	unsigned int held_count;	/* [queue lock] */
	unsigned int slots;		/* [queue lock] 0: not joined */
	u32 host_state;			/* [queue lock] */
	u64 generation;			/* [queue lock] */
};

bool azattest_serve_join(struct azattest_signer *s, u32 slots, u32 host_state, u64 generation);
bool azattest_serve_leave(struct azattest_signer *s);
unsigned int azattest_serve_take(struct azattest_signer *s, struct azattest_signer_request *out,
				 unsigned int max);
int azattest_serve_wait(struct azattest_signer *s);
int azattest_serve_answer(struct azattest_signer *s, u64 cookie, u16 status, u8 *frame, u32 len);
void azattest_serve_return(struct azattest_signer *s, u64 cookie);
__poll_t azattest_serve_poll(struct azattest_signer *s, struct file *file, poll_table *pt);
u32 azattest_serve_host_state(unsigned int *signers, u64 *generation);

/* signer.c: /dev/azattest-signer */
int azattest_signer_init(void);
void azattest_signer_exit(void);

/* device.c: /dev/azattest */
int azattest_device_init(void);
void azattest_device_exit(void);
void azattest_device_hangup(struct azattest_binding *b);
void azattest_device_put(struct azattest_file *f);

int azattest_device_copy_in(void *dst, size_t size, void __user *src);
int azattest_device_copy_out(void __user *dst, const void *src, size_t size);

/* The binding that a file speaks for, or NULL. */
static inline struct azattest_binding *azattest_device_binding(struct azattest_file *f)
{
	/* Pairs with speak_for: who sees the binding sees all that was set before. */
	return smp_load_acquire(&f->binding);
}

/* speak.c: frames and ATTEST on /dev/azattest */
ssize_t azattest_speak_read(struct file *file, char __user *buf, size_t len, loff_t *off);
ssize_t azattest_speak_write(struct file *file, const char __user *buf, size_t len, loff_t *off);
__poll_t azattest_speak_poll(struct file *file, poll_table *pt);
int azattest_speak_attest(struct azattest_file *f, struct azattest_attest *arg);
void azattest_speak_close(struct azattest_file *f);

/* listener.c: AF_VSOCK connections come in */
int azattest_listener_init(void);
void azattest_listener_exit(void);
int azattest_listener_drain(void);
unsigned int azattest_listener_port(void);
void azattest_listener_reset(struct socket *sock);

/* conn.c: the life of a vsock connection (what is said on it: exchange.c, conn.h) */
int azattest_conn_open(struct azattest_binding *b, struct socket *sock);
void azattest_conn_close_all(struct azattest_binding *b);
unsigned int azattest_conn_count(void);
int azattest_conn_init(void);
void azattest_conn_exit(void);

/* netlink.c and event.c: family "azattest" */
int azattest_netlink_init(void);
void azattest_netlink_exit(void);
void azattest_event_binding(u32 kind, const struct azattest_binding *b, const char *reason);
void azattest_event_refused(const u8 *uuid, u32 cid, const char *reason);
void azattest_event_signer(u32 kind, u64 generation);

#endif
