/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattestd, the control process: one thread, one poll loop.
 *
 *   main.c         options, and the order of the start
 *   daemon.c       what happens on signals, ticks and renewals
 *   config.c       the INI file -> struct config
 *   config_rules.c what a value may be
 *   state.c        the state directory: who may own it, durable writes
 *   source.h       where certificates come from: a map of its own
 *   errand.c       a short-lived child for what blocks
 *   renew.c        runs a source in one, and when
 *   retire.c       takes the host out of service: revoked, keys destroyed
 *   leaf.c         the newest leaf in the state directory
 *   spawn.c        executes azattest-signer with its descriptors
 *   keeper.c       azattest-keeper, which has the wrapping keys
 *   supervise.c    generations of signers, restarts
 *   journal.c      reports of signers -> lines and counters
 *   audit.c        what happens -> lines of the audit journal
 *   trail.h        the files of that: a map of its own
 *   clock.c        whether this host's clock can be believed
 *   condition.c    which state the host is in, why, and what to do
 *   history.c      what became of certificates, on disk
 *   show.c         the certificate in use, in all detail
 *   status.c       the state with its age: lines about it, and all of it as JSON
 *   control.c      the Unix socket that tells it
 */
#ifndef AZATTESTD_H
#define AZATTESTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <jansson.h>
#include <openssl/x509.h>

#include <userspace/common/certificate.h>
#include <userspace/common/common.h>
#include <userspace/common/keeper.h>
#include <userspace/daemon/daemon.h>

#include "trail.h"

/* Exit codes, as in azattestd(8). */
#define EXIT_USAGE	2
#define EXIT_CONFIG	3
#define EXIT_STATE	4
#define EXIT_MODULE	5

/* config.c */

#define CONFIG_PATH	"/etc/azattest/azattestd.conf"

#define CONFIG_TEXT_MAX	192	/* of a path or a URL */

enum config_source { CONFIG_EMBEDDED, CONFIG_CMP, CONFIG_EXEC, CONFIG_FILE };

extern const char *const config_sources[];	/* their names */

enum config_journal { CONFIG_JOURNAL_ALL, CONFIG_JOURNAL_REFUSALS, CONFIG_JOURNAL_NONE };

struct config {
	/* [host] */
	char name[65];			/* CN of the leaf: 64 at most */
	char subscription_id[CONTENT_FIELD_MAX + 1];
	/* [signer] */
	enum keytype key_type;
	unsigned int processes;		/* 0: one per core, at least two */
	bool azure_exact;
	bool embed_chain;
	char user[65];
	uid_t uid;			/* of @user; (uid_t)-1: stay what we are */
	gid_t gid;
	/* [certificate] */
	enum config_source source;
	char ca_url[CONFIG_TEXT_MAX + 1];
	char ca_trust[CONFIG_TEXT_MAX + 1];
	char ca_reference[65];
	char ca_secret_file[CONFIG_TEXT_MAX + 1];
	char ca_identity_file[CONFIG_TEXT_MAX + 1];
	char exec[CONFIG_TEXT_MAX + 1];
	char directory[CONFIG_TEXT_MAX + 1];
	char sync_user[65];
	uid_t sync_uid;			/* of @sync_user; (uid_t)-1: stay what we are */
	gid_t sync_gid;
	unsigned int sync_timeout_s;
	char ca_issuers_url[CONFIG_TEXT_MAX + 1];
	unsigned int lifetime_days;
	unsigned int renew_days;
	/* [key] */
	enum seal_level key_level;
	enum seal_level key_require;
	uint32_t pcrs;			/* a bit for each */
	char tcti[CONFIG_TEXT_MAX + 1];
	uint32_t extend_pcr;		/* KEEPER_NO_EXTEND: none */
	/* [journal] */
	enum config_journal journal;
	bool audit;
	bool audit_required;
	unsigned int audit_max_bytes;	/* of one file */
	unsigned int audit_files;
	/* [document] is [0], then each [profile NAME] */
	struct setup_profile profile[1 + SETUP_PROFILES_MAX];
	unsigned int profiles;
};

/*
 * Reads @path; NULL: CONFIG_PATH, which may be missing. 0 and all of *@config,
 * or a failure that begins with "file:line: ".
 */
int config_read(struct config *config, const char *path, struct failure *failure);
/* Calls back for each key that exists: the manual must name each. */
void config_each_key(void (*each)(const char *section, const char *key, void *arg), void *arg);
/* How many signers @config asks for on this machine. */
unsigned int config_processes(const struct config *config);

/* state.c */

struct state {
	char path[256];
	int dir;
	int lock;
};

#define STATE_LEAF_NAME		32

/* What was opened is ours and nobody else's: owner and mode. */
int state_check(int fd, const char *path, struct failure *failure);
/* Makes it (0700) if need be; refuses another's, and one that others may enter. */
int state_open(struct state *state, const char *path, struct failure *failure);
void state_close(struct state *state);
/*
 * A folder is filled under the name "NAME.new" and appears as NAME at once and
 * whole. begin() removes what a crash left and returns a descriptor.
 */
int state_begin(struct state *state, const char *name, struct failure *failure);
int state_publish(struct state *state, const char *name, int dir, struct failure *failure);
/* A new file in a folder that was begun, 0600, open for writing. */
int state_create(int dir, const char *name, struct failure *failure);
int state_write(int dir, const char *name, const void *bytes, size_t length,
		struct failure *failure);
/* Removes what begin() made, or a folder; that it cannot is no failure. */
void state_abandon(struct state *state, const char *name);
void state_drop(struct state *state, const char *name);
/* Overwrites all files of a folder and removes it: 0 when nothing of it is left. */
int state_destroy(struct state *state, const char *name, struct failure *failure);
/* The same for each folder that may hold a key. */
int state_destroy_keys(struct state *state, struct failure *failure);
/* An existing folder; -ENOENT without a failure's text. */
int state_folder(struct state *state, const char *name, struct failure *failure);
/* Bytes of a file; refuses another's, and one that others may read. */
int state_read(struct state *state, const char *folder, const char *name, void *buf, size_t size,
	       struct failure *failure);
/* A file beside the folders, for notes that are no secret: the older or the new one, whole. */
int state_replace(struct state *state, const char *name, const void *bytes, size_t length,
		  struct failure *failure);
/* The same file, open for reading. */
int state_open_file(struct state *state, const char *folder, const char *name,
		    struct failure *failure);
/* A file of a folder takes the place of another, at once and durable. */
int state_move_in(struct state *state, const char *folder, const char *name, const void *bytes,
		  size_t length, struct failure *failure);
/* Removes a file, if it is there. */
void state_remove(struct state *state, const char *folder, const char *name);
void state_each(struct state *state,
		void (*each)(struct state *state, const char *name, void *arg), void *arg);
/* Number of the newest leaf folder, 0 if there is none. */
uint64_t state_newest_leaf(struct state *state);
/* The newest below @number, 0 if there is none. */
uint64_t state_older_leaf(struct state *state, uint64_t number);
void state_leaf_name(uint64_t number, char name[STATE_LEAF_NAME]);
/* Removes all leaf folders but @keep, and what crashes left. */
void state_prune(struct state *state, uint64_t keep);
/* Called before each step that a crash may separate; tests replace it. */
void state_step(void);

/* leaf.c */

struct leaf {
	uint64_t number;	/* of its folder; the generation. 0: none */
	enum config_source source;
	bool sealed;
	struct seal_head head;	/* of its key, if sealed */
	enum seal_level level;	/* of its key */
	X509 *cert;
	X509 *issuer;
	X509 *root;
	int64_t not_before;
	int64_t not_after;
};

/* The newest one, without its key. -ENOENT if there is none. */
int leaf_load(struct leaf *leaf, struct state *state, struct failure *failure);
void leaf_free(struct leaf *leaf);
/* Whether it is what @config would have made: name, type of key, URL. */
bool leaf_fits(const struct leaf *leaf, const struct config *config);
/* Bytes of a sealed key of any folder and its head; -ENOENT if there is none. */
int leaf_read_sealed(struct state *state, const char *folder, const char *name, uint8_t *blob,
		     size_t size, struct seal_head *head, struct failure *failure);
/* Adds its key and certificates to @setup. */
int leaf_setup(const struct leaf *leaf, struct state *state, struct setup *setup,
	       struct failure *failure);

/* spawn.c */

#define SPAWN_FDS	8

struct spawn {
	const char *path;	/* of azattest-signer or azattest-keeper */
	char *const *argv;
	int fds[SPAWN_FDS];	/* become 3, 4 and so on; -1: none */
	unsigned int count;	/* of them */
};

/* Pid of the child, or -errno. It has nothing else of ours. */
pid_t spawn_signer(const struct spawn *spawn);
/* azattest-sync with @socket for its standard descriptors. Pid, or -errno. */
pid_t spawn_sync(const char *path, const char *config_path, int socket);
/* A program beside our own; "" if that cannot be told. */
void spawn_default_path(char *path, size_t size, const char *name);

/* source.c */

/* What sources work with. */
struct source_host {
	struct state *state;
	const struct config *config;
	const char *config_path;	/* NULL: CONFIG_PATH */
	const char *signer;		/* azattest-signer */
	int keeper;			/* where grants are asked for; -1: keys are not sealed */
	bool sealed;			/* new keys are to be sealed, by @kek */
	uint8_t kek[SEAL_ID_LEN];
	const char *sync;		/* azattest-sync or a socket that leads to it; "": find it */
	uint64_t used;			/* no new leaf folder has this number, or one below it */
};

/*
 * Makes a new key and has the configured source certify it: a new leaf folder,
 * or a failure and nothing changed. For a short-lived child: it blocks, and the
 * embedded CA's key is in its memory.
 */
int source_run(const struct source_host *host, struct failure *failure);

/* errand.c */

struct azattestd;

struct errand {
	struct watch watch;	/* the child's last words */
	pid_t pid;		/* 0: none is running */
	struct failure failure;	/* of the last run that has ended badly */
	char words[sizeof(((struct failure *)0)->text)];	/* of the one that runs */
	size_t length;		/* of these */
};

/* Runs in the child; what it changes there is lost. */
typedef int errand_fn(const struct azattestd *d, const struct source_host *host,
		      struct failure *failure);

void errand_init(struct errand *errand);
int errand_start(struct azattestd *d, struct errand *errand, errand_fn *fn);
/* Its child has ended: 0, or -EIO and its failure. */
int errand_ended(struct errand *errand, int status);
/* Tells it to end; that it did is heard as always. */
void errand_stop(struct errand *errand);

/* renew.c */

struct renew {
	struct errand errand;
	int64_t next_ms;	/* not before */
	int64_t rested_ms;	/* nor before this, if it is only that few days are left */
	unsigned int failures;	/* in a row */
	uint64_t run;		/* counts them */
	int64_t last_s;		/* start of the last run, seconds since 1970; 0: none */
	int64_t failing_s;	/* of the first failure in a row */
	uint64_t taken, failed;	/* runs that brought a certificate, and that did not */
	bool wanted;
	uint64_t seen;		/* source "file": what the directory looked like */
};

int renew_start(struct azattestd *d);
/* Its child has ended: 0 if there is a new leaf. */
int renew_ended(struct azattestd *d, int status);
/* What looked like success was none: @why, and when it is tried again. */
void renew_failed(struct azattestd *d, const char *why);
/* Source "file": whether somebody has put something there since it was asked. */
bool renew_directory_changed(struct azattestd *d);

/* retire.c */

struct retire {
	struct errand errand;	/* asks the CA to revoke */
	int64_t since;		/* decommissioned, seconds since 1970; 0: in service */
	bool revoked;		/* the CA has done it */
};

/* What was begun by another life of this daemon is finished. */
void retire_open(struct azattestd *d);
/*
 * Takes the host out of service. 0: done; -EINPROGRESS: the CA is being asked,
 * retire_revoked() goes on; else nothing was changed, and why.
 */
int retire_begin(struct azattestd *d, bool revoke, struct failure *failure);
void retire_revoked(struct azattestd *d, int status);
int retire_undo(struct azattestd *d, struct failure *failure);
json_t *retire_json(const struct azattestd *d);
void retire_describe(const struct azattestd *d, char *out, size_t size);

/* embedded.c */

/* Whether the CA's key is sealed, and by which wrapping key. */
bool embedded_kek(struct state *state, uint8_t id[SEAL_ID_LEN]);

/* keeper.c */

struct keeper_process {
	struct watch watch;	/* its report */
	pid_t pid;		/* 0: there is none */
	int ask;
	int folder;		/* for a new wrapping key; -1: none */
	uint8_t id[SEAL_ID_LEN];	/* of that */
	uint8_t given[KEEPER_KEKS][SEAL_ID_LEN];	/* what it was to open */
	unsigned int count;
	uint8_t above[SEAL_ID_LEN];
	int64_t since_ms;
	size_t heard;		/* of @report */
	struct keeper_report report;
};

struct keeper {
	struct keeper_process now;	/* serves */
	struct keeper_process next;	/* starts; replaces that one when it serves */
	bool renewing;		/* @next may give up what does not open */
	int64_t next_ms;	/* of the next start */
	char error[KEEPER_WHY_MAX];	/* of the last start, "" when all is well */
};

void keeper_open(struct azattestd *d);
/* Whether this host has sealed keys, or is to have some. */
bool keeper_needed(struct azattestd *d);
/*
 * Starts one that replaces what there is when it is ready. @renew: what does not
 * open is given up, and a new wrapping key is made.
 */
void keeper_start(struct azattestd *d, bool renew);
void keeper_tick(struct azattestd *d);
/* False: not one of ours. */
bool keeper_ended(struct azattestd *d, pid_t pid, int status);
bool keeper_ready(const struct azattestd *d);
/* Whether it opens what is wrapped by that. */
bool keeper_has(const struct azattestd *d, const uint8_t id[SEAL_ID_LEN]);
/* The wrapping key whose id comes next, from the lowest on. */
bool keeper_next_id(struct azattestd *d, const uint8_t *above, uint8_t id[SEAL_ID_LEN]);
/* Removes wrapping keys that nothing needs. */
void keeper_prune(struct azattestd *d);
void keeper_stop(struct azattestd *d);
const char *keeper_memory(uint32_t memory);

/* supervise.c */

#define SHOW_SERIAL		64	/* hex, with a NUL; see show.c */
#define SUPERVISE_SIGNERS_MAX	64
/* Deaths in a row, each soon after the start, that make the host's state Error. */
#define SUPERVISE_REPEATED	5

enum supervise_phase { SUPERVISE_FREE, SUPERVISE_STARTING, SUPERVISE_READY, SUPERVISE_STOPPING };

struct supervise_signer {
	struct watch watch;	/* its reports */
	enum supervise_phase phase;
	pid_t pid;
	uint64_t epoch;
	int64_t since_ms;	/* of this phase */
	char serial[SHOW_SERIAL];	/* of the certificate that it signs with */
	uint8_t partial[sizeof(struct report)];
	size_t partial_len;
};

struct supervise {
	struct supervise_signer signer[2 * SUPERVISE_SIGNERS_MAX];
	uint64_t epoch;		/* of the signers that are wanted; 0: none */
	unsigned int wanted;
	unsigned int failures;	/* in a row */
	int64_t next_ms;	/* of the next start */
	uint64_t restarts;
	char why[200];		/* the last failure, "" when all is well */
	uint32_t memory;	/* enum arena_memory, of the signer that was ready last */
	uint32_t host_state;	/* as signers last saw the certificate */
};

/* Whether the device can be opened: the module is there. */
int supervise_check_device(const char *device, struct failure *failure);
/* A new epoch with the current configuration and leaf; the older one ends when it is ready. */
void supervise_renew(struct azattestd *d);
void supervise_tick(struct azattestd *d);
/* Removes what the leaf in use replaces; not while a renewal is writing. */
void supervise_prune(struct azattestd *d);
/* False: not one of ours. */
bool supervise_ended(struct azattestd *d, pid_t pid, int status);
void supervise_stop(struct azattestd *d);
/* There is nothing to sign with any more: all end, and none is wanted. */
void supervise_retire(struct azattestd *d);
/* Ends them, and starts none until it is released. */
void supervise_hold(struct azattestd *d, bool hold);
unsigned int supervise_count(const struct supervise *s, enum supervise_phase phase);
/* Ready and of the current epoch. */
unsigned int supervise_ready(const struct supervise *s);

/* journal.c */

struct journal {
	uint64_t issued;
	uint64_t issuer;	/* issuing certificates handed out */
	uint64_t refused[AZATTEST_STATUS_MAX + 1];
	uint64_t lost;
	char lines[16384];
	size_t length;
};

void journal_report(struct journal *journal, enum config_journal level,
		    const struct report *report);
/* To be called after each run of reports. */
void journal_flush(struct journal *journal);
const char *journal_status_name(uint32_t status);

/* clock.c */

#define CLOCK_BOOT	40	/* boot_id of the kernel */

enum clock_doubt { CLOCK_FINE, CLOCK_NEVER_SET, CLOCK_BEHIND, CLOCK_JUMPED };

struct clock {
	int64_t seen;		/* the latest time that was believed; 0: none */
	int64_t kept_ms;	/* when that was written down; 0: not yet */
	int64_t last;		/* at the last look */
	int64_t offset;		/* of the time since boot to the clock, then */
	bool looked;		/* there is an @offset */
	int64_t jump;		/* the last time it was set, by so much; 0: never */
	int64_t jumped_at;
	char boot[CLOCK_BOOT];
};

void clock_open(struct azattestd *d);
void clock_tick(struct azattestd *d);
void clock_close(struct azattestd *d);
/* There is a new certificate. */
void clock_confirm(struct azattestd *d);
enum clock_doubt clock_doubt(const struct clock *clock, int64_t now);
/* Whether the certificate had not ended, had nobody set the clock ahead. */
bool clock_explains_end(const struct clock *clock, int64_t now, int64_t not_after);
/* What speaks against the clock, "" if nothing does. */
void clock_describe(const struct clock *clock, int64_t now, char *out, size_t size);

/* audit.c */

struct audit {
	bool on;
	bool held;		/* signers were ended: what cannot be told must not happen */
	struct trail trail;
};

/*
 * Takes up the journal in the state directory, if the configuration wants one;
 * fails on what is another's. Without it, or when it is off, the others do nothing.
 */
int audit_open(struct azattestd *d, struct failure *failure);
/* The closing line; @why is why azattestd ends. */
void audit_close(struct azattestd *d, const char *why);
/* After a new configuration. */
void audit_reload(struct azattestd *d);
/* Puts it on disk, tries again, and holds or releases the signers. */
void audit_tick(struct azattestd *d);
/* To be called after each run of reports. */
void audit_flush(struct azattestd *d);
void audit_report(struct azattestd *d, const struct supervise_signer *signer,
		  const struct report *report);
void audit_signer_ended(struct azattestd *d, pid_t pid, const char *how);
/* A new key with its certificate, which is d->leaf; signers have proved it; it was dropped. */
void audit_certificate(struct azattestd *d);
void audit_live(struct azattestd *d);
void audit_dropped(struct azattestd *d, uint64_t generation, const char *why);
void audit_renewal_failed(struct azattestd *d);
void audit_decommissioned(struct azattestd *d, bool revoked);
void audit_recommissioned(struct azattestd *d);
void audit_sync(struct azattestd *d, uid_t uid);
void audit_state(struct azattestd *d, const char *from, const char *to, const char *reason);
void audit_refused_reload(struct azattestd *d, const char *why);
json_t *audit_json(const struct azattestd *d);

/* status.c */

enum status_state { STATUS_INACTIVE, STATUS_ACTIVE, STATUS_EXPIRED, STATUS_ERROR };

struct status {
	enum status_state state;
	const char *sub;	/* in what way: a word that stays the same over releases */
	int64_t since;		/* seconds since 1970 */
	int64_t warned;		/* of the end, last; 0: not yet */
	char reason[800];
	char next[300];		/* what to do; "" when there is nothing to do */
};

/* history.c */

#define HISTORY_MAX	64	/* entries */

void history_open(struct azattestd *d);
void history_close(struct azattestd *d);
void history_issued(struct azattestd *d);
void history_dropped(struct azattestd *d, const char *why);
void history_retired(struct azattestd *d, bool revoked);
void history_failing(struct azattestd *d, const char *why);
/* When attempts began to fail, seconds since 1970; 0: the last one did not. */
int64_t history_failing_since(const struct azattestd *d);
/* The highest generation that it tells of, 0 if none: the next is above it. */
uint64_t history_newest(const struct azattestd *d);

/* show.c */

/* Hexadecimal. */
const char *show_serial(X509 *cert, char text[SHOW_SERIAL]);
json_t *show_json(struct azattestd *d);

/* condition.c */

/* The end of a certificate is a warning from here on, or from renew-days. */
#define CONDITION_WARN_DAYS	7

/* All of @status but its times; where nothing is known it stays as it was. */
void condition_derive(const struct azattestd *d, int64_t now, struct status *status);
bool condition_ends_soon(const struct azattestd *d, int64_t now);


/* Derives it anew; logs and notifies when it has changed. */
void status_update(struct azattestd *d);
const char *status_name(enum status_state state);
/* As people are told. */
const char *status_source(enum config_source source);
/* Any bytes as a JSON string: of what is no UTF-8, or cut within it, only ASCII is told. */
json_t *status_text(const char *text);
json_t *status_json(struct azattestd *d);

/* control.c */

#define CONTROL_SOCKET		"azattestd.sock"
#define CONTROL_CLIENTS		16
#define CONTROL_OF_USERS	12	/* of all who are not root */
#define CONTROL_OF_A_USER	4
#define CONTROL_REQUEST_MAX	1024
#define CONTROL_TIME_MS		5000

struct control_client {
	struct watch watch;	/* fd -1: free */
	struct azattestd *d;
	uid_t uid;
	int64_t until_ms;
	bool retires;		/* waits for the end of decommissioning */
	uint64_t waits;		/* for the end of this run of the source, or a later; 0: no */
	char request[CONTROL_REQUEST_MAX];
	size_t request_len;
	char *answer;
	size_t answer_len, answer_sent;
};

struct control {
	struct watch watch;
	char path[108];
	struct control_client client[CONTROL_CLIENTS];
};

int control_open(struct azattestd *d, const char *run, struct failure *failure);
void control_tick(struct azattestd *d);
/*
 * A run is over: whoever waits for it hears @error, or NULL for success. True:
 * somebody asked after it had begun, so its failure is not the answer.
 */
bool control_sync_ended(struct azattestd *d, const char *error);
/* Decommissioning is over: whoever waits for it hears @error, or NULL for success. */
void control_retired(struct azattestd *d, const char *error);
void control_close(struct azattestd *d);

/* daemon.c */

struct azattestd {
	const char *config_path;
	const char *device;
	char signer[512];
	char keeper_path[512];
	const char *sync;	/* --sync, or "" */
	struct config config;
	struct state state;
	struct leaf leaf;
	uint64_t proved;	/* leaf that signers have signed with */
	struct renew renew;
	struct retire retire;
	struct supervise supervise;
	struct keeper keeper;
	struct journal journal;
	struct clock clock;
	json_t *history;	/* array, the newest last */
	struct audit audit;
	struct status status;
	struct control control;
	struct watch signals;
	int64_t started;
	bool notified;		/* READY=1 was sent */
	bool stopping;
	char why[300];		/* it is stopping */
	int exit;
};

int daemon_open(struct azattestd *d, struct failure *failure);
/* Until a signal ends it; its value is the exit code. */
int daemon_run(struct azattestd *d);
/* azattest-keeper serves, or serves anew. */
void daemon_keys_open(struct azattestd *d);
/* Something makes going on useless: ends with this line. */
void daemon_abort(struct azattestd *d, int exit, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
