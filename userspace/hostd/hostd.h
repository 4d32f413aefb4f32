/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattest-hostd, the control plane: who may use the REST door. One
 * thread, one poll loop. No guest's byte comes here.
 *
 *   main.c       options, order of the start, capabilities
 *   hostd.c      signals, ticks, and the one pass that makes things as they should be
 *   config.c     the INI file -> struct config
 *   vm.c         the VMs that may use REST: records, and what is asked for
 *   vm_process.c  the identity of those without vsock: by their VMM's process
 *   rules.c      which words may be asked for, and stand in records
 *   settle.c     one VM from what is to what should be: tap, binding, slot
 *   slot.c       which slots are free, draining, taken; oldest free first
 *   drain.c      a slot from "nothing passes" to "free"
 *   module.c     /dev/azattest: ATTACH, BIND, INFO; the module's events
 *   rest.c       azattest-restd's session (common/restlink.h)
 *   store.c      records on disk: write, fsync, rename
 *   bind.c       the VMs that hostd binds itself, by their VMM's vhost-vsock descriptor
 *   bind_ask.c   which of them azattest-take is asked about next
 *   bind_record.c  their records
 *   vhost.c      whether somebody has a CID now
 *   taker.c      azattest-take, which has that descriptor (take/take.h): asked without waiting
 *   fdstore.c    binding descriptors in the service manager's store
 *   facts.c      what /metadata/instance says of a VM
 *   status.c     the state of all this, as JSON
 *   process.c    what /proc says of a VMM, and of restd's cgroup
 *   rights.c     capabilities
 *   rest_socket.c  what restd's socket must be
 *   backoff.c    how long to wait after a failure
 *   core.h       what these share
 *   api.c        the API's Unix socket: who asks, how many, for how long
 *   api_http.c   one request of it: body in, answer out
 *   api_calls.c  the calls of docs/api.md: JSON in, JSON out
 *   net.h        the host's network: see there
 */
#ifndef AZATTEST_HOSTD_H
#define AZATTEST_HOSTD_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include <linux/azattest.h>
#include <userspace/common/restlink.h>
#include <userspace/daemon/daemon.h>
#include <userspace/fence/fence.h>
#include <userspace/hostd/net.h>

/* Exit codes, as in azattest-hostd(8). */
#define EXIT_USAGE	2
#define EXIT_CONFIG	3
#define EXIT_STATE	4
#define EXIT_NETWORK	5

/* config.c */

#define CONFIG_PATH	"/etc/azattest/hostd.conf"

struct config {
	/* [network] */
	struct net_config net;		/* bridge, address, second-address, range, mtu */
	uint16_t port;			/* 80 */
	uint8_t hop_limit;		/* 1; 0: the system's */
	/* [rest] */
	char rest_user[33];		/* azattest-restd */
	uid_t rest_uid;
	uint32_t connections_per_vm;	/* 16 */
	uint32_t idle_ms, request_ms, answer_ms;	/* 30000 5000 800 */
	uint32_t request_rate, request_burst;	/* 50 200 */
	uint32_t syn_rate, syn_burst;	/* 50 100 */
	/* [api] */
	char admin_group[33];		/* azattest-admin; may be missing on the system */
	gid_t admin_gid;		/* (gid_t)-1: there is none, root alone */
	/* [instance]: what facts.c says of every VM; "" if not given */
	char location[129], provider[129], os_type[129], resource_group[129];
};

int config_read(struct config *config, const char *path, struct failure *failure);

/* vm.c */

enum vm_state {
	VM_WAITING,	/* a tap, a binding, the bridge or restd is missing: .reason */
	VM_ACTIVE,	/* may be served */
	VM_DRAINING,	/* its slot is being cleared */
};

/* What an administrator asks for. */
struct vm_request {
	uint8_t uuid[AZATTEST_UUID_LEN];
	char tap[IFNAMSIZ];
	pid_t pid;			/* 0: the VMM has bound the VM, or will */
	char name[AZATTEST_NAME_LEN];	/* with pid; may be "" */
	char profile[AZATTEST_PROFILE_LEN];	/* with pid; may be "" */
	char manager[AZATTEST_PROFILE_LEN];	/* the program that keeps it; "": an administrator */
};

struct hostd;

/*
 * Writes the record durably, then serves the VM as soon as it can be. Adding
 * what is there already is no failure.
 *   -EINVAL  a field breaks its rule
 *   -EPERM   legacy support is off
 *   -EBUSY   the tap belongs to another VM's record, or to another bridge; or
 *            the UUID has another tap
 *   -ESRCH   there is no process @pid
 *   -ENOSPC  no slot is free
 *   -EIO     the record could not be written
 */
int vm_add(struct hostd *hostd, const struct vm_request *request, struct failure *failure);
/* -ENOENT: no such VM. Returns when nothing of it is reachable any more. */
int vm_remove(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN],
	      struct failure *failure);
/* One object as docs/api.md says; NULL: no such VM. */
json_t *vm_json(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN]);
/* An array of those. */
json_t *vm_list_json(struct hostd *hostd);

/* bind.c */

/* Who is to be bound to which VMM. */
struct bind_request {
	uint8_t uuid[AZATTEST_UUID_LEN];
	pid_t pid;
	uint32_t cid;			/* 0: what the VMM's command line says */
	bool named;			/* the command line must have the UUID */
	bool keep;			/* what fails is tried again, for as long as the process lives */
	char name[AZATTEST_NAME_LEN];	/* may be "" */
	char profile[AZATTEST_PROFILE_LEN];	/* may be "" */
	char manager[AZATTEST_PROFILE_LEN];	/* the program that keeps it; "": an administrator */
};

/* A call that hears later how it ended; its owner keeps it until .ended is called. */
struct bind_wait {
	struct bind_wait *next;
	bool fresh;	/* set by bind_add(): the VM was not bound before */
	void (*ended)(struct bind_wait *wait, int error, const struct failure *failure);
};

/*
 * Binds the VM to its VMM's vhost-vsock device, and again after each restart of
 * hostd for as long as the process lives. What is there already is no failure.
 *   -EINPROGRESS  azattest-take is asked, or will be: @wait hears the end, once,
 *                 with one of these
 *   -EINVAL  a field breaks its rule; the process is not that VM's VMM
 *   -ESRCH   there is no process @pid
 *   -EBUSY   the VM, or that device, is bound otherwise
 *   -EADDRINUSE  another device has the CID
 *   others   it cannot be done now; -ECONNREFUSED: azattest-take does not answer
 */
int bind_add(struct hostd *hostd, const struct bind_request *request, struct bind_wait *wait,
	     struct failure *failure);
/* -ENOENT: none of ours. */
int bind_remove(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN],
		struct failure *failure);
/* One object as docs/api.md says; NULL: none of ours. */
json_t *bind_json(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN]);
json_t *bind_list_json(struct hostd *hostd);

/* hostd.c */

/*
 * Turns REST access on (bridge, fence, and then the VMs) or off (every trace
 * goes; records stay). Durable. Repeating it repairs.
 */
int legacy_set(struct hostd *hostd, bool on, struct failure *failure);

/* status.c */
json_t *status_json(struct hostd *hostd);

/* api.c */

struct api;

#define API_SOCKET	"api.sock"

/*
 * Listens at RUN/api.sock, 0666; the folder is made if it is missing. @config
 * tells who may change something, at each connection anew: it must outlive it.
 */
int api_open(struct api **api, struct hostd *hostd, const struct config *config, const char *run,
	     struct failure *failure);
/* No call waits any more. */
void api_close(struct api *api);

#endif
