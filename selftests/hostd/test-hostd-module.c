// SPDX-License-Identifier: GPL-2.0
// Promises of what hostd hears of the kernel module: only the kernel is believed.

#include <sys/socket.h>
#include <unistd.h>

#include <linux/azattest_netlink.h>
#include <linux/genetlink.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <selftests/lib/tap.h>
#include <userspace/common/mismatch.h>
#include <userspace/hostd/core.h>

static struct hostd hostd;
static struct failure failure;
static unsigned int bound;

void vm_bound(struct hostd *h, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	(void)h;
	(void)uuid;
	bound++;
}

void hostd_changed(struct hostd *h)
{
	h->changed = true;
}

/* As the module says it: of its family, or of none while it is not loaded. */
static struct nl_msg *bound_event(void)
{
	static const uint8_t uuid[AZATTEST_UUID_LEN] = { 1 };
	struct nl_msg *msg = nlmsg_alloc();

	tap_need(msg && genlmsg_put(msg, 0, 0, hostd.module.family, 0, 0, AZATTEST_CMD_EVENT, 1));
	nla_put_u32(msg, AZATTEST_EVENT_A_KIND, AZATTEST_EVENT_BOUND);
	nla_put(msg, AZATTEST_EVENT_A_UUID, sizeof(uuid), uuid);
	return msg;
}

/* From a socket of @protocol's, which has a port of its own. */
static void forge(struct nl_msg *msg)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	size_t length = nlmsg_hdr(msg)->nlmsg_len;

	to.nl_pid = nl_socket_get_local_port(hostd.module.sock);
	tap_need_eq(sendto(fd, nlmsg_hdr(msg), length, 0, (struct sockaddr *)&to, sizeof(to)),
		    (ssize_t)length);
	close(fd);
	nlmsg_free(msg);
}

static void what_another_process_sends_is_no_event(void)
{
	tap_need_eq(watch_open(), 0);
	tap_need_eq(module_open(&hostd.module, &hostd, "/nonexistent", &failure), 0);
	forge(bound_event());
	watch_wait(tap_patience_ms());
	tap_need_eq(bound, 0);
	tap_need(!hostd.changed);
	module_close(&hostd.module);
}

/* What each call of the device ends with. */
static int refusal;

int __wrap_ioctl(int fd, unsigned long command, ...);

int __wrap_ioctl(int fd, unsigned long command, ...)
{
	(void)fd;
	(void)command;
	errno = refusal;
	return -1;
}

static void need_mismatch(int ret)
{
	tap_need_eq(ret, -refusal);
	tap_need_msg(strstr(failure.text, "the module is of another version: install"), "%s",
		     failure.text);
}

static void a_module_of_another_version_is_told_as_that(void)
{
	static const int errors[] = { ENOTTY, E2BIG };
	const struct module module = { .device = "/dev/null" };
	const struct module_bind bind = { .uuid = (const uint8_t[AZATTEST_UUID_LEN]) { 1 },
					  .name = "", .profile = "", .pid = 4711, .cid = 42 };
	struct module_binding binding;

	for (size_t i = 0; i < TAP_COUNT(errors); i++) {
		refusal = errors[i];
		need_mismatch(module_attach(&module, bind.uuid, &failure));
		need_mismatch(module_bind(&module, &bind, &failure));
		tap_need_eq(module_info(-1, &binding), -refusal);
		tap_need(strstr(mismatch_strerror(refusal), "another version"));
	}
	refusal = EPERM;
	tap_need_eq(module_bind(&module, &bind, &failure), -EPERM);
	tap_need_msg(!strstr(failure.text, "version"), "%s", failure.text);
}

static const struct tap_test tests[] = {
	TAP_TEST(what_another_process_sends_is_no_event),
	TAP_TEST(a_module_of_another_version_is_told_as_that),
};

int main(int argc, char **argv)
{
	if (geteuid())
		tap_skip_all("needs root to send netlink messages to others");
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
