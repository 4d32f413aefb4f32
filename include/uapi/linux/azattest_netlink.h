/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Generic netlink family "azattest": grants, bindings, limits, counters,
 * events. Only in the initial network namespace. "admin" below means
 * CAP_NET_ADMIN in the initial user namespace, for sender and opener of the
 * socket; without it: EPERM.
 *
 *   command            needs  request              answer
 *   STATUS_GET (do)    -      -                    one status tree
 *   LIMIT_SET (do)     admin  one LIMIT tree       ack
 *   GRANT_ADD (do)     admin  grant attributes     ack
 *   GRANT_DEL (do)     admin  GRANT_UUID           ack
 *   GRANT_GET (dump)   admin  -                    a message a grant
 *   BINDING_GET (do)   admin  BINDING_UUID         one binding
 *   BINDING_GET (dump) admin  -                    a message a binding
 *   BINDING_END (do)   admin  BINDING_UUID         ack: it has ended
 *   EVENT              admin  (group "events")     a message an event
 *
 * Each command has its own set of attributes, numbered from 1. UUIDs are
 * binary, AZATTEST_UUID_LEN bytes, order of the text form. Errors carry an
 * extended-ack sentence.
 */
#ifndef _UAPI_LINUX_AZATTEST_NETLINK_H
#define _UAPI_LINUX_AZATTEST_NETLINK_H

#define AZATTEST_GENL_NAME		"azattest"
#define AZATTEST_GENL_VERSION		1
#define AZATTEST_GENL_GROUP_EVENTS	"events"

#define AZATTEST_CMD_STATUS_GET		1
#define AZATTEST_CMD_LIMIT_SET		2
#define AZATTEST_CMD_GRANT_ADD		3
#define AZATTEST_CMD_GRANT_DEL		4
#define AZATTEST_CMD_GRANT_GET		5
#define AZATTEST_CMD_BINDING_GET	6
#define AZATTEST_CMD_BINDING_END	7
#define AZATTEST_CMD_EVENT		8

/*
 * STATUS_GET, answer
 *
 *   VERSION          string  the module's version
 *   SIGNER_PROTOCOL  u32     AZATTEST_SIGNER_VERSION
 *   LISTENER         u32     vsock port, 0 if the module does not listen
 *   HOST_STATE       u32     AZATTEST_HOST_*
 *   SIGNERS          u32     signers that have joined
 *   SIGNER_GENERATION u64    of the newest of them
 *   BINDINGS         u32     that hold their UUID and CID, also while one begins or ends
 *   GRANTS           u32     unused
 *   CONNECTIONS      u32     open vsock connections
 *   QUEUED           u32     requests that wait for a signer
 *   INFLIGHT         u32     requests that a signer holds
 *   COUNTER          nest, one for each counter
 *     COUNTER_NAME   string  stable name, listed in docs/counters.md
 *     COUNTER_VALUE  u64     since the module was loaded
 *   LIMIT            nest, one for each limit, as in LIMIT_SET
 *     LIMIT_NAME     string
 *     LIMIT_VALUE    u32
 *     LIMIT_MIN      u32
 *     LIMIT_MAX      u32
 */
#define AZATTEST_STATUS_A_VERSION		1
#define AZATTEST_STATUS_A_SIGNER_PROTOCOL	2
#define AZATTEST_STATUS_A_LISTENER		3
#define AZATTEST_STATUS_A_HOST_STATE		4
#define AZATTEST_STATUS_A_SIGNERS		5
#define AZATTEST_STATUS_A_SIGNER_GENERATION	6
#define AZATTEST_STATUS_A_BINDINGS		7
#define AZATTEST_STATUS_A_GRANTS		8
#define AZATTEST_STATUS_A_CONNECTIONS		9
#define AZATTEST_STATUS_A_QUEUED		10
#define AZATTEST_STATUS_A_INFLIGHT		11
#define AZATTEST_STATUS_A_COUNTER		12
#define AZATTEST_STATUS_A_LIMIT			13
#define AZATTEST_STATUS_A_PAD			14
#define AZATTEST_STATUS_A_MAX			14

#define AZATTEST_COUNTER_A_NAME			1
#define AZATTEST_COUNTER_A_VALUE		2
#define AZATTEST_COUNTER_A_PAD			3
#define AZATTEST_COUNTER_A_MAX			3

/*
 * LIMIT_SET, request (also the module's parameters, same names)
 *
 *   NAME   string  must exist (ENOENT)
 *   VALUE  u32     within MIN..MAX (ERANGE)
 *
 * In force for what begins after the answer.
 */
#define AZATTEST_LIMIT_A_NAME			1
#define AZATTEST_LIMIT_A_VALUE			2
#define AZATTEST_LIMIT_A_MIN			3
#define AZATTEST_LIMIT_A_MAX_VALUE		4
#define AZATTEST_LIMIT_A_MAX			4

/*
 * GRANT_ADD, request; GRANT_GET, answer: who may BIND which VM, once
 *
 *   UUID     binary  the VM's
 *   UID      u32     effective uid of the process that will call BIND
 *   NAME     string  name of the binding; optional
 *   PROFILE  string  profile of the binding; optional: the default profile
 *   CID      u32     the only CID it may take; optional: any that it can prove
 *
 * GRANT_ADD: EEXIST there is an unused grant for this UUID; ENOSPC limit
 * "grants" reached; EINVAL a value breaks a rule of struct azattest_bind.
 * GRANT_DEL takes UUID: ENOENT there is no unused grant for it; EBUSY a BIND
 * is using it at this moment.
 */
#define AZATTEST_GRANT_A_UUID			1
#define AZATTEST_GRANT_A_UID			2
#define AZATTEST_GRANT_A_NAME			3
#define AZATTEST_GRANT_A_PROFILE		4
#define AZATTEST_GRANT_A_CID			5
#define AZATTEST_GRANT_A_MAX			5

/*
 * BINDING_GET, answer. BINDING_GET and BINDING_END take UUID: ENOENT there is
 * no live binding of it.
 *
 *   UUID         binary
 *   GENERATION   u64
 *   NAME         string
 *   PROFILE      string
 *   CID          u32     absent without CID
 *   PID          u32     process that called BIND
 *   NETNS        u64     inode number of its network namespace
 *   LIFE         flag    ends with a process
 *   CONNECTIONS  u32     open vsock connections
 *   ATTACHED     u32     files attached to it
 *   REQUESTS     u64     asked for
 *   ANSWERED     u64     answered with OK
 *   REFUSED      u64     ended otherwise
 *   LAST_TRANSPORT u32   AZATTEST_TRANSPORT_*, of the request asked last: the
 *                        path that the VM uses; absent before the first one
 *   LAST_ASKED   u64     when that was, seconds since 1970 by the host's clock
 */
#define AZATTEST_BINDING_A_UUID			1
#define AZATTEST_BINDING_A_GENERATION		2
#define AZATTEST_BINDING_A_NAME			3
#define AZATTEST_BINDING_A_PROFILE		4
#define AZATTEST_BINDING_A_CID			5
#define AZATTEST_BINDING_A_PID			6
#define AZATTEST_BINDING_A_NETNS		7
#define AZATTEST_BINDING_A_LIFE			8
#define AZATTEST_BINDING_A_CONNECTIONS		9
#define AZATTEST_BINDING_A_ATTACHED		10
#define AZATTEST_BINDING_A_REQUESTS		11
#define AZATTEST_BINDING_A_ANSWERED		12
#define AZATTEST_BINDING_A_REFUSED		13
#define AZATTEST_BINDING_A_PAD			14
#define AZATTEST_BINDING_A_LAST_TRANSPORT	15
#define AZATTEST_BINDING_A_LAST_ASKED		16
#define AZATTEST_BINDING_A_MAX			16

/*
 * EVENT, sent to group "events". recv(2) says ENOBUFS when events were lost,
 * for want of memory or of room in the receiver's buffer: dump the bindings.
 *
 *   KIND        u32     AZATTEST_EVENT_*
 *   UUID        binary  of the VM; absent for signer events
 *   GENERATION  u64     of the binding, or of the signer; absent if none
 *   CID         u32     absent if none
 *   PID         u32     of who called BIND or ATTACH: the binding's, or who was refused;
 *                       absent with signer events
 *   UID         u32     with REFUSED: the caller's effective uid
 *   REASON      string  with UNBOUND, CID_LOST and REFUSED: one word, see docs
 */
#define AZATTEST_EVENT_BOUND			1
#define AZATTEST_EVENT_UNBOUND			2	/* file closed, process died, ended */
#define AZATTEST_EVENT_CID_LOST			3	/* its CID went to another VM */
#define AZATTEST_EVENT_REFUSED			4	/* a BIND or ATTACH was refused */
#define AZATTEST_EVENT_SIGNER_UP		5
#define AZATTEST_EVENT_SIGNER_DOWN		6

#define AZATTEST_EVENT_A_KIND			1
#define AZATTEST_EVENT_A_UUID			2
#define AZATTEST_EVENT_A_GENERATION		3
#define AZATTEST_EVENT_A_CID			4
#define AZATTEST_EVENT_A_PID			5
#define AZATTEST_EVENT_A_UID			6
#define AZATTEST_EVENT_A_REASON			7
#define AZATTEST_EVENT_A_PAD			8
#define AZATTEST_EVENT_A_MAX			8

#endif /* _UAPI_LINUX_AZATTEST_NETLINK_H */
