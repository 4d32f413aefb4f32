/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of azattest-hostd's core share; hostd.h says which file owns
 * what. Numbers are 0 or a negative errno unless said otherwise.
 */
#ifndef AZATTEST_HOSTD_CORE_H
#define AZATTEST_HOSTD_CORE_H

#include <userspace/hostd/hostd.h>

#define UUID_TEXT	37	/* with the terminating NUL */

/* config.c */

/* Calls back for each key that exists: the manual must name each. */
void config_each_key(void (*each)(const char *section, const char *key, void *arg), void *arg);

/* rights.c */

/* For good: all but what hostd needs later, of which two sleep. */
int rights_drop(struct failure *failure);
/* CAP_BPF and CAP_PERFMON work only in between: while programs are loaded. */
void rights_load_begin(void);
void rights_load_end(void);

/* backoff.c: something that may fail again and again */

struct backoff {
	unsigned int failures;	/* in a row */
	int64_t next_ms;	/* not before */
};

bool backoff_ready(const struct backoff *backoff);
void backoff_failed(struct backoff *backoff);
void backoff_clear(struct backoff *backoff);

/* audit.c: everything is looked at now and then */

bool audit_due(const struct hostd *hostd);
/* The next one, from now. */
void audit_plan(struct hostd *hostd);

/* store.c: JSON objects in files of one directory */

/* Of the whole directory. Another layout is another number, and takes over those before it. */
#define STORE_FORMAT	1

struct store {
	char path[256];
	int dir;		/* open, and locked */
};

/* Makes it (0700) if need be; refuses another's, and one that others may enter. */
int store_open(struct store *store, const char *path, struct failure *failure);
void store_close(struct store *store);
/* The whole object is on the disk; or it failed, and what was there before is. */
int store_put(struct store *store, const char *name, json_t *object, struct failure *failure);
/* It is gone from the disk; missing is fine. */
int store_remove(struct store *store, const char *name, struct failure *failure);
/* NULL: there is none, or (with a failure's text, else "") it is not readable. */
json_t *store_get(struct store *store, const char *name, struct failure *failure);
/* Calls back for each whole file; removes what a crash left. */
int store_each(struct store *store, void (*each)(const char *name, void *arg), void *arg,
	       struct failure *failure);
/* Called before each step that a crash may separate; tests replace it. */
void store_step(void);

/* process.c */

/*
 * Start time of @pid in clock ticks since boot.
 *   -ESRCH  there is no such process
 *   others  it cannot be told now, for want of memory or descriptors
 */
int process_start(pid_t pid, uint64_t *start);
/* pidfd of @pid if it is still the one that started then; errors as above. */
int process_open(pid_t pid, uint64_t start);
/* Surely: it has ended (a zombie has too). False where it cannot be told. */
bool process_gone(pid_t pid, uint64_t start);
/*
 * Path of the process's cgroup below the cgroup2 mount, and its id.
 *   -EPERM  it is the root, or holds other processes too; text says what to do
 */
int process_own_cgroup(pid_t pid, char *path, size_t size, uint64_t *id,
		       struct failure *failure);

/* slot.c: which slots are free; knows neither network nor VMs */

enum slot_state {
	SLOT_FREE,
	SLOT_TAKEN,
	SLOT_DRAINING,	/* nothing passes; connections may live */
	SLOT_RESTING,	/* until .until_ms */
};

enum slot_confirm {	/* of a draining slot: who must say that restd forgot it */
	SLOT_BY_REVOKED,	/* REVOKE was or will be sent */
	SLOT_BY_SYNCED,		/* the next SYNCED */
	SLOT_CONFIRMED,
};

struct slot {
	enum slot_state state;
	enum slot_confirm confirm;
	bool revoke_sent;
	bool withdrawn;		/* from the fence */
	bool unclean;		/* of a time before ours: connections may live */
	bool ending;		/* its connections are to be ended now */
	uint64_t generation;
	uint8_t uuid[AZATTEST_UUID_LEN];
	int64_t until_ms;
	struct backoff backoff;
	unsigned int next;	/* in the queue of free ones; 0: last */
};

struct slots {
	struct slot *slot;	/* [count]; [0] is unused */
	unsigned int count;
	unsigned int first, last;	/* of the queue; 0: empty */
	unsigned int used;		/* not free */
	unsigned int draining;		/* or resting */
};

int slots_open(struct slots *slots, unsigned int count);
void slots_close(struct slots *slots);
/* The one that has been free for longest; -ENOSPC. */
int slot_take(struct slots *slots);
/* A free one becomes this one's; -EBUSY. */
int slot_take_this(struct slots *slots, unsigned int number);
/* A taken one is given up; it is free only after slot_free(). */
struct slot *slot_drain(struct slots *slots, unsigned int number);
void slot_rest(struct slots *slots, unsigned int number, int64_t until_ms);
void slot_free(struct slots *slots, unsigned int number);

/* module.c */

struct module {
	const char *device;
	struct watch events;	/* .fd -1: no netlink */
	struct nl_sock *sock;
	int family;		/* 0: not loaded */
	bool joined;		/* the group of its events */
};

struct module_binding {
	uint64_t generation;
	uint32_t cid;		/* 0: none */
	uint32_t pid;		/* process that called BIND */
	char name[AZATTEST_NAME_LEN];
	char profile[AZATTEST_PROFILE_LEN];
	uint8_t uuid[AZATTEST_UUID_LEN];
	bool owner, ended;
};

struct module_bind {
	const uint8_t *uuid;
	const char *name, *profile;
	pid_t pid;		/* for words */
	int life_fd;
	uint32_t cid;		/* 0: none, and no .vhost_fd */
	int vhost_fd;		/* the proof of it */
	bool once;		/* no patience with a binding that is just ending */
};

/* The module may come and go later; hostd_changed() and vm_bound() are told. */
int module_open(struct module *module, struct hostd *hostd, const char *device,
		struct failure *failure);
void module_close(struct module *module);
bool module_present(const struct module *module);
/* A new file attached to the binding of @uuid; -ENOENT: there is none. */
int module_attach(const struct module *module, const uint8_t uuid[AZATTEST_UUID_LEN],
		  struct failure *failure);
/* A new file that owns a new binding, which ends with .life_fd. */
int module_bind(const struct module *module, const struct module_bind *request,
		struct failure *failure);
int module_info(int fd, struct module_binding *binding);
/* The door that a VM asked through last. */
struct module_path {
	uint8_t uuid[AZATTEST_UUID_LEN];
	uint32_t transport;	/* AZATTEST_TRANSPORT_*; 0: it has asked for nothing yet */
	int64_t asked;		/* seconds since 1970 */
};

/* Calls back for the binding of @uuid, or for all if it is NULL; for none without the module. */
void module_each_path(const struct module *module, const uint8_t *uuid,
		      void (*each)(const struct module_path *path, void *arg), void *arg);
/* Ends the binding of @uuid, whoever holds its files. */
void module_end(struct module *module, const uint8_t uuid[AZATTEST_UUID_LEN]);

/* fdstore.c */

/* Calls back for each descriptor that the service manager kept; owns it. */
void fdstore_each(void (*each)(const char *name, int fd, void *arg), void *arg);
void fdstore_put(const char *name, int fd);
void fdstore_remove(const char *name);

/* taker.c: one question to azattest-take; nothing here waits for its answer */

struct taken {
	int error;		/* 0, or the failure says why not; -ECONNREFUSED: no answer */
	int pidfd;		/* of the process in question; it and .vhost are closed afterwards */
	int vhost;		/* its vhost-vsock descriptor; -1 */
	uint32_t cid;		/* what its guest was given */
};

struct take_question;
struct taker {
	struct watch sock;	/* fd -1: nothing is asked */
	int pidfd;
	int64_t until_ms;	/* then it has not answered */
	void (*ended)(struct taker *taker, const struct taken *taken, const struct failure *failure);
	void *owner;
};

void taker_init(struct taker *taker,
		void (*ended)(struct taker *, const struct taken *, const struct failure *), void *owner);
bool taker_busy(const struct taker *taker);
/*
 * 0: .ended is called once, unless it is closed before; @pidfd is its own now.
 *   -ECONNREFUSED  azattest-take is not there
 */
int taker_ask(struct taker *taker, const char *path, const struct take_question *question, int pidfd,
	      struct failure *failure);
/* Ends it if its time is over. */
void taker_tick(struct taker *taker);
void taker_close(struct taker *taker);

/* vhost.c */

/*
 * 0: a VM of this host has the CID now. The module then finds out whose it is; one that is
 * free, or that its VM leaves before it does, it gives the VM's device, and cuts off its guest.
 *   -EINVAL  nobody has it
 *   -EIO     the driver cannot be asked
 */
int vhost_check_cid(pid_t pid, uint32_t cid, struct failure *failure);

/* rules.c: NULL, or which field breaks which rule */

const char *vm_wrong_request(const struct vm_request *request);
const char *bind_wrong_request(const struct bind_request *request);

/* bind.c, bind_ask.c */

struct bound {
	struct bound *next;
	struct bind_request request;
	uint64_t pid_start;
	int64_t added;
	bool fresh;			/* never bound yet: no record; forgotten if it fails, unless .keep */
	struct taker taker;
	struct bind_wait *waits;	/* calls that hear how the question ends */
	int64_t wait_ms;		/* until when it must be asked, if .waits */
	struct hostd *hostd;		/* of .owner */
	struct watch owner;		/* the file that owns the binding; fd -1: not bound */
	struct module_binding binding;	/* valid while .owner is open */
	struct failure failure;		/* why it is not bound; "" if it is */
	struct backoff backoff;
	pid_t second;			/* another process that was refused this UUID last */
};

struct bound *bind_find(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN]);
struct bound *bind_new(struct hostd *hostd, const struct bind_request *request);
/* What the service manager kept; false: it is another's. */
bool bind_adopt(struct hostd *hostd, const char *name, int fd);
/* Binds again what is not bound, forgets whose process has ended. */
void bind_settle(struct hostd *hostd);
/* Calls that wait are told that hostd stops. */
void bind_close_all(struct hostd *hostd);

/* What bind.c and bind_ask.c have of each other. */

#define ASKING_MAX	4

/* Its question to azattest-take has no answer, or a bad one: who waits is told. @b may be gone. */
void bind_failed(struct bound *b, int error, const struct failure *failure);
/* The binding and its record end, and @b. */
void bind_forget(struct bound *b, int error, const char *why);
/* 0: it is asked about, or waits for a place. */
int bind_ask(struct bound *b, struct failure *failure);

/* bind_record.c */

#define BIND_PREFIX	"bind-"		/* of records, and of names in the descriptor store */
#define BIND_NAME_SIZE	(sizeof(BIND_PREFIX) - 1 + UUID_TEXT)

void bind_name(const struct bound *b, char name[BIND_NAME_SIZE]);
int bind_write_record(const struct bound *b, struct failure *failure);
/* A record of the state directory; false: it is another's. */
bool bind_load_record(struct hostd *hostd, const char *name, struct failure *failure);

/* facts.c */

struct vm;
/*
 * JSON text for restd, the caller's to free. NULL: there is none that restd can
 * be told, and the failure says why.
 */
char *facts_text(const struct hostd *hostd, const struct vm *vm, struct failure *failure);

/* vm.c */

struct vm {
	struct vm *next;
	struct vm_request request;
	uint64_t pid_start;	/* with request.pid */
	int64_t added;

	struct watch watch;	/* a file attached to the binding; fd -1: not bound */
	struct hostd *hostd;	/* of .watch */
	struct module_binding binding;	/* valid while .watch is open */
	struct module_path path;	/* as status.c was told last */
	int owner;		/* file that owns the binding made here; -1 */
	bool unbound;		/* somebody has ended that: it is not made again */
	struct failure not_bound;	/* why it could not be made; "" */
	int bind_error;		/* and its errno; 0 */
	struct backoff binding_backoff;

	char reason[300];	/* why it has no slot */
	unsigned int slot;	/* 0: none */
	unsigned int ifindex;	/* of the tap that has the slot; 0: none */
	unsigned int port;	/* ifindex that was joined to a bridge; 0: none */
	bool granted;		/* restd has it, in this session */
	struct backoff grants;	/* that restd had no room for */
	struct backoff backoff;
};

struct vm *vm_find(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN]);
/* Records of the state directory -> waiting VMs. */
int vm_load(struct hostd *hostd, struct failure *failure);
/* The record goes, and the VM with it; nothing is told to anybody. */
int vm_forget(struct hostd *hostd, struct vm *vm, struct failure *failure);
void vm_close_all(struct hostd *hostd);
/* Slots that the pinned fence has given to VMs which are still the same. */
void vm_adopt_slots(struct hostd *hostd);
/* What to show; *@reason is valid until the next call. */
enum vm_state vm_state(struct hostd *hostd, const struct vm *vm, const char **reason);
/* Event: @uuid was bound. */
void vm_bound(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN]);
void vm_uuid_text(const uint8_t uuid[AZATTEST_UUID_LEN], char text[UUID_TEXT]);

/* vm_process.c: VMs with request.pid */

/* The identity of one that is new: errors of process_start() and module_bind(). */
int vm_process_begin(struct hostd *hostd, struct vm *vm, struct failure *failure);
/* The same for one that has ended, by whomever; nothing if it has not. */
int vm_process_again(struct hostd *hostd, struct vm *vm, struct failure *failure);
/* All that it has goes, by whomever it was bound, and with its record @vm. */
void vm_process_ended(struct hostd *hostd, struct vm *vm);
/* Makes again what could not be made, forgets those whose process has ended unseen. */
void vm_process_settle(struct hostd *hostd);

/* settle.c: one VM, from what is to what should be */

void vm_settle(struct hostd *hostd, struct vm *vm);
/* Nothing passes from here on; the slot drains. */
int vm_withdraw(struct hostd *hostd, struct vm *vm, struct failure *failure);
/* Opens the binding's file if there is a binding. -ENOENT: there is none. */
int vm_attach(struct vm *vm, struct failure *failure);
void vm_detach(struct vm *vm);
void vm_leave_port(struct hostd *hostd, struct vm *vm);

/* drain.c: slots on their way to be free */

void drain_begin(struct hostd *hostd, unsigned int slot, const uint8_t uuid[AZATTEST_UUID_LEN],
		 uint64_t generation, bool granted, bool withdrawn);
void drain_settle(struct hostd *hostd);
/* Sessions of restd: a new one, one that has synchronised, none any more. */
void drain_session_began(struct hostd *hostd);
void drain_session_synced(struct hostd *hostd);
void drain_session_ended(struct hostd *hostd);
void drain_revoked(struct hostd *hostd, unsigned int slot, uint64_t generation);
/* No connection of a time before ours is left on @slot, which is to be enrolled. */
int drain_clean(struct hostd *hostd, unsigned int slot, struct failure *failure);

/* rest.c */

enum rest_phase { REST_NONE, REST_HELLO, REST_GRANTING, REST_SYNCING, REST_SYNCED };

struct rest {
	struct hostd *hostd;
	struct watch listener, session;	/* .session.fd -1: none */
	enum rest_phase phase;
	pid_t pid;
	int pidfd;		/* of the last session's process; -1: none ever */
	int64_t since;		/* seconds since 1970 */
	int64_t until_ms;	/* for HELLO */
	int listening;		/* restd's socket; -1 */
	char cgroup[512];
	char path[108];
	char refused[300];	/* why the last one was, "" if it was not */
	bool in_fence;		/* cgroup and socket are */
	bool stale;		/* the sockmap may hold a socket of an earlier session */
};

int rest_open(struct rest *rest, struct hostd *hostd, const char *run, struct failure *failure);
void rest_close(struct rest *rest);
/* Whether GRANTs reach somebody. */
bool rest_connected(const struct rest *rest);
/* Nobody serves with what an earlier session was told. */
bool rest_forgot(const struct rest *rest);
/* Sends what is to be sent: CONFIG, REVOKEs, GRANTs, SYNC. */
void rest_pump(struct rest *rest);
/* cg_in and the socket, once there is a fence. */
int rest_into_fence(struct rest *rest, struct failure *failure);
void rest_drop(struct rest *rest, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void rest_tick(struct rest *rest);

/* rest_socket.c: it and restd's cgroup (kept in @rest) are what cg_in can guard, or why not. */
int rest_check_socket(struct rest *rest, int sock, struct failure *failure);

/* hostd.c */

enum hostd_problem {
	PROBLEM_NETWORK, PROBLEM_VLANS, PROBLEM_FENCE, PROBLEM_REST, PROBLEM_MODULE, PROBLEM_FIREWALL,
	PROBLEM_RECORDS, PROBLEM_COUNT
};

struct hostd {
	struct config config;
	const char *pin_dir;
	const char *signer_config;	/* azattestd.conf */
	unsigned int audit_s;		/* 0: on events only; longer with many VMs */

	struct store store;
	struct net *net;
	struct fence *fence;		/* NULL: not loaded */
	struct module module;
	struct slots slots;
	struct vm *vms;
	struct bound *bound;
	const char *take_socket;	/* azattest-take's */
	struct rest rest;
	struct api *api;
	struct watch signals, net_watch;

	bool legacy;
	unsigned int bridge;		/* ifindex the fence knows; 0: none */
	struct backoff backoff;		/* of network and fence */
	uint64_t repairs;
	char problem[PROBLEM_COUNT][300];	/* "": none */
	int64_t started;		/* seconds since 1970 */
	int64_t opened_ms;
	bool slots_known;		/* a fence has told which are in use, or there was none */
	bool changed;			/* a pass is due */
	int64_t passed_ms, pass_took_ms;	/* the last one */
	int64_t audit_ms;		/* when the next audit is due */
	int64_t firewall_ms;		/* the firewall is not looked at before */
	int64_t wake_ms;		/* somebody wants a pass then; 0: nobody */
	bool stopping;
};

struct hostd_options {
	const char *config, *state, *run, *device, *pin_dir, *signer_config, *take_socket;
	unsigned int audit_s;
};

int hostd_open(struct hostd *hostd, const struct hostd_options *options, struct failure *failure);
/* Until a signal ends it. */
void hostd_run(struct hostd *hostd);
/* Makes things as they should be, as far as that goes now; idempotent. */
void hostd_pass(struct hostd *hostd);
/* Something may be different: a pass is due soon. */
void hostd_changed(struct hostd *hostd);
/* A pass is due then at the latest. */
void hostd_wake_at(struct hostd *hostd, int64_t ms);
/* Counts and says it. */
void hostd_repaired(struct hostd *hostd, unsigned int count, const char *what);
/* Said once, when it changes; NULL: it is over. */
void hostd_problem(struct hostd *hostd, enum hostd_problem which, const char *text);

#endif
