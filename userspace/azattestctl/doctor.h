/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of "azattestctl doctor": facts are gathered once, then each check is a
 * function of them. Nothing of the host is changed by any of it.
 *
 *   doctor.c          the command: the table of checks, and how findings are shown
 *   doctor_facts.c    what is asked of daemons, kernel and host
 *   doctor_finding.c  a finding, and a look at the host's files
 *   doctor_kernel.c   what the kernel has
 *   doctor_module.c   the module and its devices
 *   doctor_daemon.c   azattestd: state, certificate, key, clock
 *   doctor_rest.c     azattest-hostd and -restd: bridge, fence, firewall
 *   doctor_files.c    configuration and state directory
 *   doctor_way.c      the way to the CA, and to VMMs that others start
 *   program.c         what another program says
 */
#ifndef AZATTESTCTL_DOCTOR_H
#define AZATTESTCTL_DOCTOR_H

#include "ctl.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What there is to know; a test makes its own. */
struct doctor {
	const char *root;	/* before each path of the host's: "" */
	const char *release;	/* of the running kernel */
	bool is_root;
	int bpf_links;		/* 0: the kernel has them; ENOSYS, EINVAL: not; EPERM: not to be seen */
	int secret_memory;	/* 0, or why memfd_secret(2) fails */
	bool clock_loose;	/* nobody sets the clock */
	gid_t group;		/* azattest; (gid_t)-1: there is none */

	json_t *daemon;		/* azattestd's status; NULL: no answer, and why */
	char daemon_why[300];
	json_t *hostd;		/* azattest-hostd's, likewise */
	char hostd_why[300];
	json_t *bindings;	/* that it has made, an array; NULL: it does not tell */
};

enum verdict { VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL };

struct finding {
	enum verdict verdict;
	char text[600];		/* the reason, one line */
	char fix[300];		/* what to do; "" for PASS */
};

struct check {
	const char *name;
	void (*run)(const struct doctor *doctor, struct finding *finding);
};

/* doctor.c: what all checks found, as JSON; and the same for people */
json_t *doctor_report(const struct ctl *ctl);
void doctor_print(const json_t *report, FILE *to);

/* doctor_facts.c */
void doctor_gather(struct doctor *doctor, const struct ctl *ctl);
void doctor_release(struct doctor *doctor);

/* doctor_finding.c */
void finding_set(struct finding *finding, enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void finding_fix(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* For what only root may see. */
void finding_unseen(struct finding *finding, const char *what);

/* A file of the host; stat: 0 or -errno; read: bytes before a NUL in @text, or -errno. */
int host_stat(const char *root, const char *path, struct stat *st);
ssize_t host_read(const char *root, const char *path, char *text, size_t size);
/* Whether a line of a file of the host has @words. */
bool host_says(const char *root, const char *path, const char *words);

/* Members of an object, "" and 0 where there is none. */
const char *member_text(const json_t *object, const char *key);
long long member_number(const json_t *object, const char *key);

/* The checks. */
void doctor_vsock(const struct doctor *doctor, struct finding *finding);
void doctor_bpf(const struct doctor *doctor, struct finding *finding);
void doctor_cgroup(const struct doctor *doctor, struct finding *finding);
void doctor_bpffs(const struct doctor *doctor, struct finding *finding);
void doctor_secretmem(const struct doctor *doctor, struct finding *finding);
void doctor_tpm(const struct doctor *doctor, struct finding *finding);
void doctor_module(const struct doctor *doctor, struct finding *finding);
void doctor_devices(const struct doctor *doctor, struct finding *finding);
void doctor_config(const struct doctor *doctor, struct finding *finding);
void doctor_state(const struct doctor *doctor, struct finding *finding);
void doctor_azattestd(const struct doctor *doctor, struct finding *finding);
void doctor_host(const struct doctor *doctor, struct finding *finding);
void doctor_certificate(const struct doctor *doctor, struct finding *finding);
void doctor_renewal(const struct doctor *doctor, struct finding *finding);
void doctor_key(const struct doctor *doctor, struct finding *finding);
void doctor_clock(const struct doctor *doctor, struct finding *finding);
void doctor_ca(const struct doctor *doctor, struct finding *finding);
void doctor_hostd(const struct doctor *doctor, struct finding *finding);
void doctor_restd(const struct doctor *doctor, struct finding *finding);
void doctor_bridge(const struct doctor *doctor, struct finding *finding);
void doctor_fence(const struct doctor *doctor, struct finding *finding);
void doctor_firewall(const struct doctor *doctor, struct finding *finding);
void doctor_take(const struct doctor *doctor, struct finding *finding);
void doctor_bindings(const struct doctor *doctor, struct finding *finding);
void doctor_libvirt(const struct doctor *doctor, struct finding *finding);

#endif
