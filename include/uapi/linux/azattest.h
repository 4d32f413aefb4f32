/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/azattest: gives a VM its identity (BIND), and speaks for it.
 *
 * An open file is, in turn:
 *
 *   unbound --BIND----> owner of a new binding; the binding ends with the
 *      |                last close of the file or with the VMM (life_fd)
 *      +----ATTACH----> speaks for a binding that another file owns
 *                       |
 *                       v
 *      write(2) a request frame, read(2) a reply frame, poll(2); or ATTEST
 *
 * and never the other way round: a file speaks for at most one binding, once.
 * Files that have it may be passed by SCM_RIGHTS. The node is 0660, group
 * azattest; opening it gives no right. All files must be opened O_RDWR.
 * Open with O_CLOEXEC unless the child is the VMM: a copy of the owner file
 * anywhere keeps the binding alive.
 *
 * read(2) and write(2) move one whole frame each (azattest_frame.h):
 *
 *   open   ENOMEM    no memory
 *   write  EBADMSG   not one whole frame: bad magic, version, type, length, or
 *                    a status
 *          EAGAIN    O_NONBLOCK and AZATTEST_FILE_INFLIGHT requests are open
 *          EINTR     a signal came while waiting for one of them to end
 *          EFAULT    buffer not readable
 *          ENOMEM    no memory
 *          ENOTCONN  file is neither bound nor attached
 *          ENODEV    the binding has ended
 *   read   EMSGSIZE  buffer smaller than the frame; the frame stays
 *          EAGAIN    O_NONBLOCK and no reply is ready
 *          EINTR     a signal came while waiting
 *          EFAULT    buffer not writable; the frame is lost
 *          ENOMEM    no memory; the reply is lost
 *          ENOTCONN  file is neither bound nor attached
 *          ENODEV    the binding has ended and all replies were read
 *
 * A frame with a good header that breaks a rule is answered BAD_REQUEST.
 * Requests that are open when the binding ends are answered UNBOUND, and can
 * still be read.
 *
 *   poll   POLLIN a reply is ready, POLLOUT a write will not block,
 *          POLLHUP the binding has ended, POLLERR not bound
 *
 * Every struct begins with its own size, set by the caller to
 * sizeof(struct ...). A longer struct whose further bytes are zero, and a
 * shorter one of an older header, are accepted; E2BIG if a further byte is
 * not zero, EINVAL if the size is below the first published one or above a
 * page. Reserved fields must be zero (EINVAL). Layouts are the same for 32-bit
 * callers. Unknown ioctls: ENOTTY.
 */
#ifndef _UAPI_LINUX_AZATTEST_H
#define _UAPI_LINUX_AZATTEST_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/azattest_frame.h>

#define AZATTEST_DEVICE			"/dev/azattest"

#define AZATTEST_UUID_LEN		16
#define AZATTEST_NAME_LEN		64	/* with the terminating NUL */
#define AZATTEST_PROFILE_LEN		32	/* with the terminating NUL */

#define AZATTEST_CID_MIN		3u
#define AZATTEST_CID_MAX		0xfffffffeu

/* Requests that one file may have open by write(2). */
#define AZATTEST_FILE_INFLIGHT		16

/* Which door a request came through; told to the signer, never by a frame. */
#define AZATTEST_TRANSPORT_VSOCK	1
#define AZATTEST_TRANSPORT_REST		2
#define AZATTEST_TRANSPORT_VMM		3
#define AZATTEST_TRANSPORT_MAX		3

/* azattest_bind.flags */
#define AZATTEST_BIND_CID		(1u << 0)	/* cid and vhost_fd count */
#define AZATTEST_BIND_FLAGS		AZATTEST_BIND_CID

/**
 * struct azattest_bind - AZATTEST_IOC_BIND
 * @size:       sizeof(struct azattest_bind)
 * @flags:      AZATTEST_BIND_*
 * @cid:        with BIND_CID: AZATTEST_CID_MIN..MAX; else 0
 * @vhost_fd:   with BIND_CID: the VMM's open /dev/vhost-vsock, whose CID this
 *              call sets to @cid as the proof of ownership; else -1
 * @life_fd:    pidfd of the VMM: the binding ends when it dies; or -1
 * @uuid:       the VM's UUID, bytes in the order of its text form; not all 0
 * @name:       for people: printable UTF-8 without control characters,
 *              NUL-terminated, rest zero. Empty: the grant's
 * @profile:    A-Z a-z 0-9 . _ - names a section of the signing daemon's
 *              configuration; NUL-terminated, rest zero. Empty: the grant's,
 *              or the default profile
 * @reserved:   zero
 * @generation: out: number of this binding, never used again
 *
 * Needs CAP_NET_ADMIN in the initial user namespace, or a grant (see
 * azattest_netlink.h) for this @uuid and the caller's effective uid; with a
 * grant @name and @profile are empty or equal to the grant's, and @cid is the
 * grant's if it names one. The grant is used up by success.
 *
 * The binding keeps @vhost_fd's file open, and with it the VMM's memory, until
 * it ends. It ends on the last close of this file, on the exit of the process
 * behind @life_fd, or when nobody else holds @vhost_fd's file any more.
 *
 *   EPERM       neither the capability nor a grant that fits; or not O_RDWR
 *   EALREADY    this file is bound or attached
 *   EBUSY       @uuid is bound, or this vhost file is, or a BIND of the same
 *               @uuid or @cid is under way
 *   EADDRINUSE  another vhost-vsock device owns @cid
 *   EBADF       @vhost_fd or @life_fd is not open
 *   EINVAL      a field breaks a rule above; @vhost_fd is no vhost-vsock
 *               device; @life_fd is no pidfd
 *   ESRCH       the process behind @life_fd has ended
 *   ENODEV      BIND_CID, and the module has no vsock listener
 *   ENOSPC      limit "bindings" reached
 *   ENOMEM      no memory, also while older connections from @cid were closed:
 *               the device may have taken @cid, but nothing is bound
 *   EFAULT, E2BIG
 *   EINTR       a signal came before anything was done
 */
struct azattest_bind {
	__u32 size;
	__u32 flags;
	__u64 cid;
	__s32 vhost_fd;
	__s32 life_fd;
	__u8  uuid[AZATTEST_UUID_LEN];
	__u8  name[AZATTEST_NAME_LEN];
	__u8  profile[AZATTEST_PROFILE_LEN];
	__u64 reserved;
	__u64 generation;
};

/**
 * struct azattest_attach - AZATTEST_IOC_ATTACH
 * @size:       sizeof(struct azattest_attach)
 * @flags:      zero
 * @uuid:       a live binding's
 * @transport:  AZATTEST_TRANSPORT_*: the label of what this file will ask
 * @reserved:   zero
 * @generation: out: generation of the binding
 *
 *   EPERM     no CAP_NET_ADMIN in the initial user namespace; or not O_RDWR
 *   EALREADY  this file is bound or attached
 *   ENOENT    no live binding has this @uuid
 *   EINVAL    a field breaks a rule above
 *   EFAULT, E2BIG, EINTR
 */
struct azattest_attach {
	__u32 size;
	__u32 flags;
	__u8  uuid[AZATTEST_UUID_LEN];
	__u32 transport;
	__u32 reserved;
	__u64 generation;
};

/* azattest_info.flags */
#define AZATTEST_INFO_OWNER		(1u << 0)	/* this file made it */
#define AZATTEST_INFO_CID		(1u << 1)	/* it has a CID */
#define AZATTEST_INFO_LIFE		(1u << 2)	/* it has a life_fd */
#define AZATTEST_INFO_ENDED		(1u << 3)	/* it has ended */

/**
 * struct azattest_info - AZATTEST_IOC_INFO, all out but @size
 * @size:       sizeof(struct azattest_info)
 * @flags:      AZATTEST_INFO_*
 * @uuid:       the VM's
 * @cid:        its CID; 0 if it has none
 * @generation: of the binding
 * @netns:      inode number of the network namespace BIND was called in
 * @transport:  this file's label, AZATTEST_TRANSPORT_*
 * @pid:        process that called BIND, in the initial pid namespace
 * @name:       NUL-terminated
 * @profile:    NUL-terminated
 *
 *   EPERM     not O_RDWR
 *   ENOTCONN  the file is neither bound nor attached
 *   EINVAL, EFAULT, E2BIG
 */
struct azattest_info {
	__u32 size;
	__u32 flags;
	__u8  uuid[AZATTEST_UUID_LEN];
	__u64 cid;
	__u64 generation;
	__u64 netns;
	__u32 transport;
	__u32 pid;
	__u8  name[AZATTEST_NAME_LEN];
	__u8  profile[AZATTEST_PROFILE_LEN];
};

/**
 * struct azattest_attest - AZATTEST_IOC_ATTEST: ask and wait
 * @size:        sizeof(struct azattest_attest)
 * @flags:       AZATTEST_ATTEST_*
 * @api_version: as in struct azattest_frame_attest
 * @timeout_ms:  as there
 * @nonce:       as there; bytes after @nonce_len are zero
 * @nonce_len:   as there
 * @reserved:    zero
 * @status:      out: AZATTEST_STATUS_*
 * @reply:       address of a buffer for the document (DER)
 * @reply_size:  in: bytes of that buffer; out: bytes of the document
 * @reserved2:   zero
 *
 * 0 says that the host has answered: read @status. Only with OK there is a
 * document. Without memory the status is RETRY.
 *
 *   EPERM     not O_RDWR
 *   ENOTCONN  the file is neither bound nor attached
 *   ENODEV    the binding has ended
 *   EMSGSIZE  the document is longer than the buffer; @reply_size says how
 *             long; it is lost
 *   EINTR     a signal came while waiting; the request is cancelled
 *   EINVAL    a field breaks a rule above
 *   EFAULT, E2BIG
 */
struct azattest_attest {
	__u32 size;
	__u32 flags;
	__u32 api_version;
	__u32 timeout_ms;
	__u8  nonce[AZATTEST_NONCE_MAX];
	__u8  nonce_len;
	__u8  reserved[3];
	__u32 status;
	__u64 reply;
	__u32 reply_size;
	__u32 reserved2;
};

#define AZATTEST_IOC_MAGIC		0xd7
#define AZATTEST_IOC_BIND		_IOWR(AZATTEST_IOC_MAGIC, 1, struct azattest_bind)
#define AZATTEST_IOC_ATTACH		_IOWR(AZATTEST_IOC_MAGIC, 2, struct azattest_attach)
#define AZATTEST_IOC_INFO		_IOWR(AZATTEST_IOC_MAGIC, 3, struct azattest_info)
#define AZATTEST_IOC_ATTEST		_IOWR(AZATTEST_IOC_MAGIC, 4, struct azattest_attest)

#endif /* _UAPI_LINUX_AZATTEST_H */
