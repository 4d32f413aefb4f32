/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattest-libvirt, which tells hostd of libvirt's domains: a process of
 * its own, so that hostd, which has rights, has no libvirt in its memory. It
 * may look (libvirt's read-only socket), and ask hostd as group azattest-admin.
 *
 *   main.c     options
 *   watch.c    the connection to libvirtd: events, reconnecting
 *   again.c    which domains failed, and when each is tried again
 *   domain.c   one domain: what it is, and what hostd is to be told
 *   rest.c     its enrolment for REST
 *   xml.c      a domain's live XML -> struct enrolment
 *   hostd.c    one call of hostd's API (docs/api.md)
 */
#ifndef AZATTEST_LIBVIRT_H
#define AZATTEST_LIBVIRT_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>
#include <libvirt/libvirt.h>

#include <linux/azattest.h>
#include <userspace/daemon/daemon.h>

struct agent {
	const char *uri;	/* qemu:///system */
	const char *api;	/* hostd's socket */
	const char *pids;	/* where libvirt writes NAME.pid */
};

/* watch.c: until a signal ends it; 0 or an exit code */
int watch_libvirt(const struct agent *agent);

/* again.c */

/*
 * It failed (NULL: all are to be looked at), once or once more; true: @why is news of it
 * (NULL: it was not tried).
 * Without memory the program ends: its service manager starts one that looks at all.
 */
bool again_later(virDomainPtr domain, const char *why);
/* How long after the time after @pause_ms. */
#define AGAIN_MIN_MS	1000
int again_longer(int pause_ms);
/* It does not have to be tried again. */
void again_done(virDomainPtr domain);
void again_forget(void);
/* One whose time has come: again_later() or again_done() is to follow. */
bool again_due(virDomainPtr *domain);
/* Until then; -1: there is none. */
int again_wait_ms(void);

/* xml.c */

/* The element of <metadata>, docs/discovery.md. */
#define XML_NAMESPACE	"urn:azattest:vm:1"
/* The alias of the network card that leads to this host; libvirt leaves those of "ua-" alone. */
#define XML_CARD	"ua-azattest"

struct enrolment {
	bool attest;		/* false: it asked to be left alone */
	bool rest;		/* it is to be enrolled, by: */
	char tap[IF_NAMESIZE];	/* of the card that is marked; with rest */
	uint32_t cid;		/* 0: no vsock device */
	char profile[AZATTEST_PROFILE_LEN];
};

/* NULL, or what is wrong with it. */
const char *xml_read(const char *text, struct enrolment *enrolment);

/* What hostd knows our bindings and enrolments by. */
#define MANAGER	"libvirt"

/* domain.c */

enum domain_wish { DOMAIN_LEAVE, DOMAIN_BIND, DOMAIN_UNBIND };

/* What a domain in that state is to have: an identity only while it may run here. */
enum domain_wish domain_wish(int state, int reason);
/* The first bytes that are whole characters and fit. */
void domain_cut_name(const char *name, char cut[AZATTEST_NAME_LEN]);
/* Tells hostd; false: it is to be tried again, and the failure says why. */
bool domain_settle(const struct agent *agent, virDomainPtr domain, struct failure *failure);
/* The process of its VMM, or -errno. */
int domain_pid(const struct agent *agent, const char *name, struct failure *failure);

/* rest.c: false: to be tried again, and the failure says why */

/* Who it is that hostd is told of. */
struct vm_name {
	const char *uuid, *name;
	char cut[AZATTEST_NAME_LEN];	/* of the name */
};

/* Ends the enrolment that we made, unless it is what @enrolment (NULL: none) wants. */
bool rest_end_other(const struct agent *agent, const struct vm_name *vm,
		    const struct enrolment *enrolment, struct failure *failure);
/* Enrols it, unless it is. */
bool rest_enrol(const struct agent *agent, const struct vm_name *vm,
		const struct enrolment *enrolment, struct failure *failure);
/* Ends those that we made for domains that are none of these any more. */
bool rest_sweep(const struct agent *agent, virDomainPtr *domains, int count, struct failure *failure);

/* hostd.c */

/* The member's text, or "". */
const char *hostd_text(const json_t *object, const char *key);
/* A binding, or a VM that is enrolled: we keep it. */
bool hostd_is_ours(const json_t *object);
/* HTTP status; 0: nobody answers. @message: hostd's sentence where it refuses. */
int hostd_call(const char *api, const char *method, const char *path, const char *body,
	       char *message, size_t size);
/* The same for GET: *@json is the answer, or NULL. */
int hostd_get(const char *api, const char *path, json_t **json, char *message, size_t size);

/* .exit of a failure that is nobody's answer; else 1. */
#define HOSTD_AWAY	3
/* What a call with this status failed of; always false. */
bool hostd_refused(const char *name, int status, const char *message, struct failure *failure);

#endif
