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

typedef void (*domains_fn)(const json_t *row, void *arg);

/*
 * Runs "WHAT HOW" on @count words, or all domains if it is 0, and calls @fn with
 * each line that is no failure; failures are said. An exit code, or DOMAINS_ABSENT,
 * which is not said.
 */
int domains_run(const struct ctl *ctl, const char *command, const char *what, const char *how,
		int count, char **words, domains_fn fn, void *arg);
/* A line on what was done. */
void domains_print(const json_t *row);

/* ---- vm_domain.c ---- */

struct vm_domains {
	bool quiet;		/* say nothing of those that stay as they are */
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

/* ---- vm.c ---- */

/* A line on how it stands. */
void vm_print_state(const json_t *vm);

/* ---- vm_many.c, vm_remove.c: of @count words (UUIDs or names), or all if it is 0 ---- */

int vm_add_many(const struct ctl *ctl, const char *command, int count, char **words);
int vm_remove_many(const struct ctl *ctl, const char *command, int count, char **words);

#endif
