/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host for azattest-hostd: the real program, the real module and fence, a
 * restd that does what it is told and says what it saw, and guests that are
 * network namespaces behind a veth.
 */
#ifndef SELFTESTS_HOSTD_RIG_H
#define SELFTESTS_HOSTD_RIG_H

#include <jansson.h>

#include <selftests/lib/azbind.h>
#include <selftests/lib/tap.h>
#include <userspace/common/restlink.h>

#define RIG_SLOTS	64

/* For main(): what the whole program needs. */
void rig_begin(int argc, char **argv);

/* ---- hostd ---- */

/* A fresh state directory; hostd runs, REST access is off. */
void rig_start(void);
/* hostd again, on the same directories. */
void rig_restart(void);
void rig_kill(void);
/*
 * From the next start on a service manager listens; what it was given to store
 * (rig_manager_takes() waits for it) it gives to each later start.
 */
void rig_manager(void);
void rig_manager_takes(void);
/* SIGTERM; must end with 0. */
void rig_stop(void);
/* Its exit status where it is expected not to start. */
int rig_refuses(void);
const char *rig_path(const char *name);
/* The folder of the test programs. */
const char *rig_bin(void);
bool rig_log_has(const char *text);

/* A call of the API: HTTP status, 0 if nobody answers; *@answer may be NULL. */
int rig_call(const char *method, const char *path, const char *body, json_t **answer);
void rig_legacy(bool on);
/* PUT of VM @number on @tap; must be accepted. */
void rig_add(unsigned int number, const char *tap, pid_t pid);
void rig_remove(unsigned int number);
/* Members of GET /v1/vms/UUID; "" and -1 if there is no such VM. */
const char *rig_vm_text(unsigned int number, const char *member);
long long rig_vm_number(unsigned int number, const char *member);
bool rig_vm_is(unsigned int number, const char *state);
/* Of GET /v1/status. */
long long rig_status_number(const char *object, const char *member);

/* ---- restd ---- */

struct rig_grant {
	uint64_t generation;	/* 0: none now */
	unsigned int grants, revokes;
	char facts[RESTLINK_TEXT_MAX + 1];
};

struct rig_restd {
	bool mute;		/* in: says no REVOKED */
	bool synced;
	unsigned int sessions, refused;
	struct rig_grant slot[RIG_SLOTS];
};

extern struct rig_restd *restd;

/* In a cgroup of its own; connects again when the session ends. */
void rig_restd_start(void);
void rig_restd_kill(void);

/* ---- guests ---- */

struct rig_guest {
	char tap[16];
	int netns;
};

void rig_guest(struct rig_guest *guest, const char *tap);
/* (Again) makes the veth, and gives the guest its address. */
void rig_guest_plug(const struct rig_guest *guest);
/* Connects to the service address; "SLOT GENERATION" as restd greets; "" after @ms. */
const char *rig_guest_ask(const struct rig_guest *guest, int ms);
/* Whether restd greets it as the VM that hostd shows. */
bool rig_guest_served(const struct rig_guest *guest, unsigned int number);
/* A connection that stays: a descriptor of the guest's socket, greeted. */
int rig_guest_connect(const struct rig_guest *guest);

void rig_sh(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool rig_can(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
