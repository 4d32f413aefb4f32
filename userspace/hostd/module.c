// SPDX-License-Identifier: GPL-2.0
// Owns what hostd says to the kernel module: files of /dev/azattest, and its events.

#include "core.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/azattest_netlink.h>

#include <userspace/common/mismatch.h>

#define RECEIVE_BYTES	(1 << 20)
#define BIND_TRIES	20
#define BIND_PAUSE_MS	5

/* files */

static int open_device(const struct module *module, struct failure *failure)
{
	int fd = open(module->device, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		return fd;
	return failure_set(failure, EXIT_FAILURE, -ENODEV, "%s: %s: load the module: modprobe azattest",
			   module->device, strerror(errno));
}

int module_attach(const struct module *module, const uint8_t uuid[AZATTEST_UUID_LEN],
		  struct failure *failure)
{
	struct azattest_attach attach = {
		.size = sizeof(attach), .transport = AZATTEST_TRANSPORT_REST,
	};
	int fd = open_device(module, failure), error;

	if (fd < 0)
		return fd;
	memcpy(attach.uuid, uuid, sizeof(attach.uuid));
	if (!ioctl(fd, AZATTEST_IOC_ATTACH, &attach))
		return fd;
	error = errno;
	close(fd);
	return failure_set(failure, EXIT_FAILURE, -error, "%s: ATTACH: %s", module->device,
			   error == ENOENT ? "the VM is not bound: start its VMM with azattest-run" :
			   mismatch_strerror(error));
}

static const char *bind_error(int error, bool with_cid)
{
	switch (error) {
	case EBUSY:
		return with_cid ? "the VM, or this vhost-vsock, is bound already: azattestctl bindings" :
				  "its VMM has bound it already: leave the process away";
	case EADDRINUSE:
		return "another VMM's device has that CID";
	case EINVAL:
		return "UUID, name or profile breaks a rule of the module";
	case ESRCH:
		return "the process has ended";
	case ENOSPC:
		return "limit \"bindings\" of the module is reached: azattestctl limit";
	default:
		return mismatch_strerror(error);
	}
}

/* A binding that has just ended frees its UUID a few milliseconds after its VMM was reaped. */
static int bind_patiently(int fd, struct azattest_bind *bind, int tries)
{
	for (int i = 0; i < tries; i++) {
		struct timespec pause = { .tv_nsec = BIND_PAUSE_MS * 1000000L };

		bind->size = sizeof(*bind);
		if (!ioctl(fd, AZATTEST_IOC_BIND, bind))
			return 0;
		if (errno != EBUSY && errno != EINTR)
			break;
		if (i + 1 < tries)
			nanosleep(&pause, NULL);
	}
	return errno;
}

int module_bind(const struct module *module, const struct module_bind *request,
		struct failure *failure)
{
	struct azattest_bind bind = {
		.vhost_fd = -1, .life_fd = request->life_fd,
	};
	int fd = open_device(module, failure), error;

	if (fd < 0)
		return fd;
	memcpy(bind.uuid, request->uuid, sizeof(bind.uuid));
	memcpy(bind.name, request->name, strlen(request->name));
	memcpy(bind.profile, request->profile, strlen(request->profile));
	if (request->cid) {
		bind.flags = AZATTEST_BIND_CID;
		bind.cid = request->cid;
		bind.vhost_fd = request->vhost_fd;
	}
	error = bind_patiently(fd, &bind, request->once ? 1 : BIND_TRIES);
	if (!error)
		return fd;
	close(fd);
	return failure_set(failure, EXIT_FAILURE, -error, "process %d: the VM cannot be bound to it: %s",
			   request->pid, bind_error(error, request->cid));
}

int module_info(int fd, struct module_binding *binding)
{
	struct azattest_info info = { .size = sizeof(info) };

	if (ioctl(fd, AZATTEST_IOC_INFO, &info))
		return -errno;
	memset(binding, 0, sizeof(*binding));
	binding->generation = info.generation;
	binding->cid = info.flags & AZATTEST_INFO_CID ? (uint32_t)info.cid : 0;
	binding->pid = info.pid;
	binding->owner = info.flags & AZATTEST_INFO_OWNER;
	binding->ended = info.flags & AZATTEST_INFO_ENDED;
	memcpy(binding->uuid, info.uuid, sizeof(binding->uuid));
	memcpy(binding->name, info.name, sizeof(binding->name) - 1);
	memcpy(binding->profile, info.profile, sizeof(binding->profile) - 1);
	return 0;
}

bool module_present(const struct module *module)
{
	return !access(module->device, F_OK);
}

/* netlink */

/* Id of the module's family, and of its group of events; 0: not loaded. */
static int resolve(int *group)
{
	struct nl_sock *sock = nl_socket_alloc();
	int family = -1;

	if (sock && !genl_connect(sock)) {
		family = genl_ctrl_resolve(sock, AZATTEST_GENL_NAME);
		if (family > 0)
			*group = genl_ctrl_resolve_grp(sock, AZATTEST_GENL_NAME,
						       AZATTEST_GENL_GROUP_EVENTS);
	}
	nl_socket_free(sock);
	return family > 0 ? family : 0;
}

/* After each change of families: the module may have come, gone, or both. */
static void look_again(struct module *module)
{
	int group = -1, ret;

	module->family = resolve(&group);
	module->joined = false;
	if (!module->family || group < 0)
		return;
	ret = nl_socket_add_membership(module->sock, group);
	module->joined = !ret;
	if (ret)
		log_line(LOG_ERR, "events of the module: %s: bindings are noticed at audits only",
			 nl_geterror(ret));
}

static void on_event(struct module *module, struct nlmsghdr *header)
{
	struct hostd *hostd = module->events.owner;
	struct nlattr *attrs[AZATTEST_EVENT_A_MAX + 1];

	if (genlmsg_parse(header, 0, attrs, AZATTEST_EVENT_A_MAX, NULL) ||
	    !attrs[AZATTEST_EVENT_A_KIND])
		return;
	if (nla_get_u32(attrs[AZATTEST_EVENT_A_KIND]) == AZATTEST_EVENT_BOUND &&
	    attrs[AZATTEST_EVENT_A_UUID] &&
	    nla_len(attrs[AZATTEST_EVENT_A_UUID]) == AZATTEST_UUID_LEN)
		vm_bound(hostd, nla_data(attrs[AZATTEST_EVENT_A_UUID]));
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct module *module = arg;
	struct nlmsghdr *header = nlmsg_hdr(msg);

	/* Only what the kernel has sent is news. */
	if (nlmsg_get_src(msg)->nl_pid)
		return NL_SKIP;
	if (header->nlmsg_type == GENL_ID_CTRL) {
		int family = module->family;

		look_again(module);
		if (family != module->family)
			hostd_changed(module->events.owner);
	} else if (header->nlmsg_type == module->family) {
		on_event(module, header);
	}
	return NL_OK;
}

static void on_ready(struct watch *watch, uint32_t events)
{
	struct hostd *hostd = watch->owner;
	int ret;

	(void)events;
	ret = nl_recvmsgs_default(hostd->module.sock);
	if (ret >= 0 || ret == -NLE_AGAIN)
		return;
	/* An overrun: what was lost is found by looking at everything. */
	look_again(&hostd->module);
	hostd_changed(hostd);
}

int module_open(struct module *module, struct hostd *hostd, const char *device,
		struct failure *failure)
{
	int group, ret = -NLE_NOMEM;

	memset(module, 0, sizeof(*module));
	module->device = device;
	module->events.fd = -1;
	module->sock = nl_socket_alloc();
	if (module->sock)
		ret = genl_connect(module->sock);
	if (ret)
		return failure_set(failure, EXIT_FAILURE, -EIO, "generic netlink: %s", nl_geterror(ret));
	group = genl_ctrl_resolve_grp(module->sock, "nlctrl", "notify");
	if (group >= 0)
		nl_socket_add_membership(module->sock, group);
	nl_socket_disable_seq_check(module->sock);
	nl_socket_set_nonblocking(module->sock);
	nl_socket_set_buffer_size(module->sock, RECEIVE_BYTES, 0);
	nl_socket_modify_cb(module->sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, module);
	module->events = (struct watch) {
		.fd = nl_socket_get_fd(module->sock), .ready = on_ready, .owner = hostd,
	};
	look_again(module);
	ret = watch_add(&module->events, EPOLLIN);
	return ret ? failure_set(failure, EXIT_FAILURE, ret, "epoll: %s", strerror(-ret)) : 0;
}

void module_close(struct module *module)
{
	nl_socket_free(module->sock);	/* and its descriptor */
	module->sock = NULL;
	module->events.fd = -1;
}

/* ---- the path that was used last ---- */

struct paths {
	void (*each)(const struct module_path *path, void *arg);
	void *arg;
};

static int on_path(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[AZATTEST_BINDING_A_MAX + 1], *uuid, *transport, *asked;
	struct module_path path = { .transport = 0 };
	const struct paths *paths = arg;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, AZATTEST_BINDING_A_MAX, NULL))
		return NL_SKIP;
	uuid = attrs[AZATTEST_BINDING_A_UUID];
	transport = attrs[AZATTEST_BINDING_A_LAST_TRANSPORT];
	asked = attrs[AZATTEST_BINDING_A_LAST_ASKED];
	if (!uuid || nla_len(uuid) != AZATTEST_UUID_LEN)
		return NL_SKIP;
	memcpy(path.uuid, nla_data(uuid), sizeof(path.uuid));
	if (transport && asked && nla_get_u32(transport) <= AZATTEST_TRANSPORT_MAX) {
		path.transport = nla_get_u32(transport);
		path.asked = (int64_t)nla_get_u64(asked);
	}
	paths->each(&path, paths->arg);
	return NL_OK;
}

void module_each_path(const struct module *module, const uint8_t *uuid,
		      void (*each)(const struct module_path *path, void *arg), void *arg)
{
	struct paths paths = { each, arg };
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg = nlmsg_alloc();

	if (sock && msg && module->family && !genl_connect(sock) &&
	    !nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_path, &paths) &&
	    genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, module->family, 0, uuid ? 0 : NLM_F_DUMP,
			AZATTEST_CMD_BINDING_GET, AZATTEST_GENL_VERSION) &&
	    (!uuid || !nla_put(msg, AZATTEST_BINDING_A_UUID, AZATTEST_UUID_LEN, uuid)) &&
	    nl_send_auto(sock, msg) > 0)
		nl_recvmsgs_default(sock);
	nlmsg_free(msg);
	nl_socket_free(sock);
}

void module_end(struct module *module, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg = nlmsg_alloc();

	/* A binding that has ended by itself meanwhile is as good. */
	if (sock && msg && module->family && !genl_connect(sock) &&
	    genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, module->family, 0, NLM_F_REQUEST,
			AZATTEST_CMD_BINDING_END, AZATTEST_GENL_VERSION) &&
	    !nla_put(msg, AZATTEST_BINDING_A_UUID, AZATTEST_UUID_LEN, uuid)) {
		nl_send_auto(sock, msg);
		nl_wait_for_ack(sock);
	}
	nlmsg_free(msg);
	nl_socket_free(sock);
}
