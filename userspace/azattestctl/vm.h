/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands about VMs share; ctl.h tells which file owns what. */
#ifndef AZATTESTCTL_VM_H
#define AZATTESTCTL_VM_H

#include "ctl.h"

#include <net/if.h>
#include <sys/types.h>

#define UUID_TEXT	37

/* ---- names.c: which VM a word means: an exit code, said unless it is 0 ---- */

/* Is it a UUID: in lower case. */
bool names_is_uuid(const char *word, char uuid[UUID_TEXT]);

/* The one of @vms of this name; if none has it EXIT_UNKNOWN, which alone is not said. */
#define EXIT_UNKNOWN	(-1)
int names_find(const char *command, const char *name, const json_t *vms, char uuid[UUID_TEXT]);

/* The member of @vms with this UUID, or NULL. */
json_t *names_of_uuid(const json_t *vms, const char *uuid);

/* All that are enrolled: an array, the caller's to release. */
int names_enrolled(const struct ctl *ctl, const char *command, json_t **vms);

/* A UUID, or the name of an enrolled VM. */
int names_resolve(const struct ctl *ctl, const char *command, const char *word,
		  char uuid[UUID_TEXT]);

/* ---- tap.c ---- */

#define TAPS_MAX	8

struct taps {
	char name[TAPS_MAX][IF_NAMESIZE];
	int count;
};

/* Those that a VMM has open and that belong to no other network: 0 or -errno. */
int taps_of_process(pid_t pid, struct taps *taps);

/* ---- running.c ---- */

/* All VMs that have an identity now: an array of {uuid, name, pid}, the caller's to release. */
int running_vms(const struct ctl *ctl, const char *command, json_t **vms);

/* ---- managed.c ---- */

/* Whether VMs of this host can be given anything: not while it is Inactive or Expired. */
int managed_host(const struct ctl *ctl, const char *command);

/* Whether REST access is on: 0, or an exit code after a line. */
int managed_rest(const struct ctl *ctl, const char *command);

/* ---- domains.c: libvirt's domains, by azattest-domain (userspace/domain/domain.h) ---- */

/* No libvirt on this host, or nothing installed that asks it. */
#define DOMAINS_ABSENT	(-2)
/* There is one, that this user may not ask: polkit, or its socket. */
#define DOMAINS_CLOSED	(-3)

typedef void (*domains_fn)(const json_t *row, void *arg);

/*
 * Runs "WHAT HOW" on @count words, or all domains if it is 0, and calls @fn with
 * each line that is no failure; failures are said. An exit code, or DOMAINS_ABSENT,
 * which is not said; with @closed also DOMAINS_CLOSED, and why in @closed.
 */
#define DOMAINS_WHY	1024
int domains_run(const struct ctl *ctl, const char *command, const char *what, const char *how,
		int count, char **words, domains_fn fn, void *arg, char closed[DOMAINS_WHY]);
/* A line's member, as text that moves no terminal's cursor. */
const char *domains_text(const json_t *row, const char *key, char text[1024]);

/* ---- vm_domain.c ---- */

struct vm_domains {
	const struct ctl *ctl;
	bool quiet;		/* say nothing of those that stay as they are */
	bool closed_too;	/* a libvirt that this user may not ask is no failure: */
	char closed[DOMAINS_WHY];	/* why; "" */
	json_t *domains;	/* the lines about those that libvirt knows */
};

/* "rest on" or "off": an exit code; without a libvirt 0, and no domain is known. */
int vm_domains(const struct ctl *ctl, const char *command, const char *how, int count, char **words,
	       struct vm_domains *known);
void vm_domains_forget(struct vm_domains *known);

/* ---- wish.c ---- */

struct option;
struct vm_wish {
	const char *command;	/* for lines */
	const char *uuid;
	json_t *body;		/* of the call of the API */
	bool as_json, all;
};

/* Those of @table: u(uuid) t(ap) n(ame) p(rofile) i: pid, c(id) j(son) a(ll); false after one line. */
bool wish_read(struct vm_wish *w, int argc, char **argv, const struct option *table);

/* ---- told.c: a line about a VM; with ctl->told an object {uuid, name, text} there ---- */

void told_vm(const struct ctl *ctl, const char *uuid, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* How it stands: @vm as azattest-hostd tells it. */
void told_state(const struct ctl *ctl, const json_t *vm);
/* What was done: a line of azattest-domain. */
void told_domain(const struct ctl *ctl, const json_t *row);
/* The whole output of a dry run about one VM: an exit code. */
int told_dry_run(const char *command, bool as_json, const char *uuid, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- vm_many.c, vm_remove.c: of @count words (UUIDs or names), or all if it is 0 ---- */

int vm_add_many(const struct ctl *ctl, const char *command, int count, char **words);
int vm_remove_many(const struct ctl *ctl, const char *command, int count, char **words);

#endif
