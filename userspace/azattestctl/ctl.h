/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattestctl: asks azattestd, azattest-hostd and the module of this
 * host; has no rights of its own.
 *
 *   main.c       from the command line to a command
 *   commands.c   the table of commands (commands.h); what is made of it:
 *   synopsis.c   a synopsis, read
 *   help.c       azattestctl help
 *   complete.c   azattestctl complete
 *   completion.c azattestctl completion
 *   shared.c     options that several commands share
 *   watch.c      --watch
 *
 *   arguments.c  words of the command line
 *   output.c     answers as JSON or as a table
 *   colour.c     which words have a colour, and when
 *
 *   ask.c        one question to azattestd
 *   status.c     azattestctl status
 *   certificate.c azattestctl certificate show
 *   metrics.c    azattestctl metrics, of the module too
 *   trust.c      azattestctl trust
 *   sync.c       azattestctl sync
 *   retire.c     azattestctl decommission, recommission
 *
 *   doctor.h     azattestctl doctor, and the files it is made of
 *   bugreport.h  azattestctl bugreport, likewise
 *   isolation.h  azattestctl selftest isolation
 *   reload.h     azattestctl module reload
 *
 *   audit.c        azattestctl audit verify, head
 *   audit_show.c   azattestctl audit show
 *   audit_source.h which files these read
 *
 *   hostd.c      one call of azattest-hostd's API (docs/api.md)
 *   rest.c       what status says of REST access
 *   bound.c      what status and doctor say of VMs that azattest-hostd binds
 *   legacy.c     azattestctl legacy
 *   vm.c         azattestctl vm list, show
 *   properties.c members of status and VMs with the cmdlets' names
 *
 * What changes VMs is in vm.h:
 *
 *   vm_add.c     azattestctl vm add, one with its tap
 *   bind.c       azattestctl vm bind
 *   wish.c       the options of these two
 *   vm_many.c    azattestctl vm add NAME...|--all
 *   vm_remove.c  azattestctl vm remove
 *   told.c       what these tell of each VM: a line, or an object of --json
 *   names.c      which VM a word means
 *   running.c    which VMs have an identity
 *   tap.c        which tap a VMM holds
 *   managed.c    whether this host's VMs can be given anything
 *   vm_vsock.c   azattestctl vm vsock
 *   vm_domain.c  the network card and metadata of libvirt's domains
 *   domains.c    one run of azattest-domain
 *
 * What asks the module is in module.h:
 *
 *   netlink.c    one question to the module, and its refusals in words
 *   fields.c     attributes of an answer as JSON
 *   listing.c    a whole command that lists what the module has
 *   module.c     azattestctl module
 *   bindings.c   azattestctl bindings, unbind
 *   grants.c     azattestctl grant, grants, revoke
 *   limit.c      azattestctl limit
 */
#ifndef AZATTESTCTL_H
#define AZATTESTCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* Exit codes, as in azattestctl(1). */
#define EXIT_USAGE	2
#define EXIT_NO_DAEMON	3	/* nobody answers: no daemon, no module */
#define EXIT_REFUSED	4	/* the daemon or the module says no */
#define EXIT_NOT_ACTIVE	5	/* status, vm add: the host cannot make documents now */
#define EXIT_BROKEN	6	/* audit: the chain is broken */
#define EXIT_TORN	7	/* audit verify: whole up to an end that is none */
#define EXIT_UNHEALTHY	8	/* doctor, selftest: something is FAIL */

struct ctl {
	const char *socket;	/* of azattestd */
	const char *api;	/* of azattest-hostd */
	bool dry_run;		/* says what it would do to VMs, and does not */
	json_t *told;		/* told.c: an array that has what else were lines, or NULL */
	long patience;		/* seconds that a call of its API may take; 0: as long as it needs */
};

/* ask.c: the answer, or NULL and *@exit after one line on standard error. */
json_t *ask_daemon(const struct ctl *ctl, const char *request, int *exit);
/* The same for what takes the daemon long; it is the daemon that loses patience. */
json_t *ask_daemon_slow(const struct ctl *ctl, const char *request, int *exit);
/* The same without a word: NULL and @why. */
json_t *ask_daemon_quietly(const struct ctl *ctl, const char *request, char *why, size_t size);

/* ---- hostd.c ---- */

struct hostd_answer {
	long status;		/* of HTTP; 0: nobody answers, and why not: */
	char why[256];
	json_t *json;		/* NULL: none; the caller's to release */
};

/* @method is GET, PUT (with @body) or DELETE. */
void hostd_call(const struct ctl *ctl, const char *method, const char *path, const json_t *body,
		struct hostd_answer *answer);
/* The array of those that it has made, the caller's to release; NULL: it does not tell. */
json_t *hostd_bindings(const struct ctl *ctl);

/*
 * The same for a command, about @object if it is not NULL: 0 and an answer of
 * status 2xx, or an exit code after one line on standard error.
 */
int hostd_ask(const struct ctl *ctl, const char *command, const char *object,
	      const char *method, const char *path, const json_t *body,
	      struct hostd_answer *answer);

/* Without a body; an answer of this HTTP status is no failure either. */
int hostd_ask_unless(const struct ctl *ctl, const char *command, const char *object,
		     const char *method, const char *path, long status, struct hostd_answer *answer);

/* ---- rest.c: lines of status about an answer to GET /v1/status ---- */

void rest_print_status(const struct hostd_answer *answer);

/* ---- bound.c: of a binding, or of the array, that azattest-hostd tells ---- */

bool bound_waits(const json_t *binding);		/* the VM has no identity yet */
size_t bound_waiting(const json_t *bindings);
const char *bound_called(const json_t *binding);	/* its name, or else its UUID */
const char *bound_reason(const json_t *binding);

/* ---- properties.c: the cmdlets' names of what is known already ---- */

void properties_of_status(json_t *status);	/* with its member "hostd" */
void properties_of_vm(json_t *vm);
void properties_of_domain(json_t *domain);	/* a line of vm vsock */

/* ---- arguments.c: true, or false after one line on standard error ---- */

/* --json and nothing else. */
bool arguments_json(int argc, char **argv, bool *as_json);

/* --json and --all, which set what they mean; operands may follow. */
bool arguments_json_all(int argc, char **argv, bool *as_json, bool *all);

/* --json and @count operands; @names for the line. */
bool arguments_json_words(int argc, char **argv, bool *as_json, int count, const char *names);

/* @count operands and no option; @names for the line. */
bool arguments_words(int argc, char **argv, int count, const char *names);

bool arguments_none_left(int argc, char **argv);
bool arguments_uuid(const char *command, const char *text, unsigned char *uuid);
bool arguments_u32(const char *command, const char *what, const char *text, uint32_t *value);

/* ---- output.c ---- */

struct column {
	const char *key;	/* of each row's object */
	const char *title;
	bool right;		/* numbers */
};

void output_table(const json_t *rows, const struct column *columns, size_t count);
/* No titles from now on. */
void output_no_headers(void);
void output_json(const json_t *json);

/* A member as text: "-" if there is none; nothing in it moves a terminal's cursor. */
#define OUTPUT_CELL	80
void output_cell(const json_t *row, const char *key, char out[OUTPUT_CELL]);
/* The same for text that somebody else wrote, in place. */
void output_plain(char *text);

/* colour.c: a word; with its colour if it has one, on a terminal that may have any. */
void output_word(const char *word);

/* The exit code of a command that has printed all it had. */
int output_end(const char *command);

/* ---- commands: exit codes; @argv begins with the command's name ---- */

int status_command(const struct ctl *ctl, int argc, char **argv);
int doctor_command(const struct ctl *ctl, int argc, char **argv);
int bugreport_command(const struct ctl *ctl, int argc, char **argv);
int selftest_command(const struct ctl *ctl, int argc, char **argv);
int module_reload_command(const struct ctl *ctl, int argc, char **argv);
int certificate_show_command(const struct ctl *ctl, int argc, char **argv);
int metrics_command(const struct ctl *ctl, int argc, char **argv);
int trust_command(const struct ctl *ctl, int argc, char **argv);
int decommission_command(const struct ctl *ctl, int argc, char **argv);
int recommission_command(const struct ctl *ctl, int argc, char **argv);
int sync_command(const struct ctl *ctl, int argc, char **argv);
int audit_verify_command(const struct ctl *ctl, int argc, char **argv);
int audit_show_command(const struct ctl *ctl, int argc, char **argv);
int audit_head_command(const struct ctl *ctl, int argc, char **argv);
int module_command(const struct ctl *ctl, int argc, char **argv);
int bindings_command(const struct ctl *ctl, int argc, char **argv);
int unbind_command(const struct ctl *ctl, int argc, char **argv);
int grant_command(const struct ctl *ctl, int argc, char **argv);
int grants_command(const struct ctl *ctl, int argc, char **argv);
int revoke_command(const struct ctl *ctl, int argc, char **argv);
int limit_command(const struct ctl *ctl, int argc, char **argv);
int legacy_command(const struct ctl *ctl, int argc, char **argv);
int vm_add_command(const struct ctl *ctl, int argc, char **argv);
int vm_bind_command(const struct ctl *ctl, int argc, char **argv);
int vm_remove_command(const struct ctl *ctl, int argc, char **argv);
int vm_list_command(const struct ctl *ctl, int argc, char **argv);
int vm_show_command(const struct ctl *ctl, int argc, char **argv);
int vm_vsock_command(const struct ctl *ctl, int argc, char **argv);
int completion_command(const struct ctl *ctl, int argc, char **argv);
int complete_command(const struct ctl *ctl, int argc, char **argv);
int help_command(const struct ctl *ctl, int argc, char **argv);

/* main.c: one line, "azattestctl: ...". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
