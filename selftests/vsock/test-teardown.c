// SPDX-License-Identifier: GPL-2.0
/* The ground moves: module unloaded, CPUs offline, namespace gone, under load. */
#include <selftests/lib/azmodule.h>
#include <selftests/vsock/door.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The module is as good as new. */
static void works(uint32_t number)
{
	struct fakesigner *s = fakesigner_start(NULL);
	struct testvm *vm = testvm_start(number);

	testvm_attest(vm, "works");
	testvm_stop(vm);
	fakesigner_kill(s);
}

static void open_file_pins_the_module(void)
{
	int fd = azbind_open();

	tap_need(fd >= 0);
	tap_need_eq(azmodule_unload(), -EWOULDBLOCK);
	close(fd);
	fd = fakesigner_open();
	tap_need(fd >= 0);
	tap_need_eq(azmodule_unload(), -EWOULDBLOCK);
	close(fd);
	works(1);
}

static int storm(void *arg)
{
	volatile unsigned int *connected = arg;
	struct fakeguest *g = fakeguest_start(TESTVM_CID(getpid() % 10000));
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = frames_attest(frame, 1, "storm", 5);
	struct fakeguest_conn *c;

	for (;;) {
		c = fakeguest_connect(g, 0, AZATTEST_VSOCK_PORT);
		if (!c)
			continue;
		(*connected)++;
		fakeguest_send(c, frame, len);
		fakeguest_pump(g, 0);
		fakeguest_reset(c);
	}
	return 0;
}

static void unload_in_a_storm_of_connects_is_clean(void)
{
	enum { STORMS = 2 };
	unsigned int *connected = tap_shared(4096), before;
	pid_t pid[STORMS];

	azmodule_need();
	for (int i = 0; i < STORMS; i++)
		pid[i] = tap_spawn(storm, &connected[i], -1);
	for (unsigned int round = 0; round < tap_loops(4, 20); round++) {
		azbind_limit("accept_rate", 100000);
		azbind_limit("accept_burst", 100000);
		before = connected[0];
		tap_need_wait(((volatile unsigned int *)connected)[0] > before + 10);
		tap_need_wait(azmodule_unload() == 0);
		tap_need(!azbind_present());
		azmodule_load();
	}
	for (int i = 0; i < STORMS; i++)
		tap_kill(pid[i]);
	works(1);
}

/* Requests wait for a signer, and their VMs have just been closed. */
static void unload_with_connections_and_fresh_ends_is_clean(void)
{
	enum { VMS = 8, EACH = 8 };
	struct testvm *vm[VMS + 1];
	struct fakeguest_conn *c[VMS][EACH], *idle;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = frames_attest(frame, 1, "n", 1);

	azmodule_need();
	for (unsigned int round = 0; round < tap_loops(3, 15); round++) {
		for (uint32_t i = 0; i < VMS; i++) {
			vm[i] = testvm_start(1 + i);
			for (int k = 0; k < EACH; k++) {
				c[i][k] = testvm_connect(vm[i]);
				if (k % 2)
					tap_need_eq(fakeguest_send(c[i][k], frame, len), 0);
			}
		}
		vm[VMS] = testvm_start_unbound(1 + VMS);
		vm[VMS]->guest->mute_shutdown = true;
		idle = fakeguest_connect(vm[VMS]->guest, 0, testvm_port());
		tap_need(idle);
		for (uint32_t i = 0; i < VMS; i++)
			testvm_unbind(vm[i]);
		tap_need_wait(azmodule_unload() == 0);
		for (uint32_t i = 0; i < VMS; i++)
			for (int k = 0; k < EACH; k++)
				tap_need_eq(fakeguest_wait_end(c[i][k]), 0);
		azmodule_load();
		for (uint32_t i = 0; i <= VMS; i++)
			testvm_stop(vm[i]);
	}
	works(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	tap_need_msg(fd >= 0 && write(fd, text, strlen(text)) > 0, "%s: errno %d", path, errno);
	close(fd);
}

static int traffic(void *arg)
{
	volatile unsigned int *done = arg;
	struct testvm *vm = testvm_start(getpid());

	for (;;) {
		testvm_attest(vm, "traffic");
		(*done)++;
	}
	return 0;
}

static void cpu_goes_and_comes_during_traffic(void)
{
	static const char cpu[] = "/sys/devices/system/cpu/cpu1/online";
	unsigned int *done = tap_shared(4096), before;
	pid_t pid[2];

	if (access(cpu, W_OK))
		tap_skip("no second CPU that can go offline");
	door_signer();
	tap_restore(cpu);
	for (int i = 0; i < 2; i++)
		pid[i] = tap_spawn(traffic, &done[i], -1);
	for (unsigned int round = 0; round < tap_loops(4, 20); round++) {
		before = done[0];
		tap_need_wait(((volatile unsigned int *)done)[0] > before + 5);
		write_file(cpu, round % 2 ? "1" : "0");
	}
	before = done[1];
	tap_need_wait(((volatile unsigned int *)done)[1] > before + 5);
	for (int i = 0; i < 2; i++)
		tap_kill(pid[i]);
}

struct bound_elsewhere {
	int sock;
	int vhost_fd;
	ino_t netns;
};

/* Binds inside a network namespace that ends with this process. */
static int bind_elsewhere(void *arg)
{
	struct bound_elsewhere *b = arg;
	int vhost = tap_recv_fd(b->sock), fd;
	struct stat st;

	tap_need_eq(unshare(CLONE_NEWNET), 0);
	fd = azbind_new(1, TESTVM_CID(1), vhost, -1, NULL);
	tap_need_msg(fd >= 0, "BIND: errno %d", -fd);
	tap_need_eq(tap_send_fd(b->sock, fd), 0);
	tap_need_eq(stat("/proc/self/ns/net", &st), 0);
	tap_need_eq(write(b->sock, &st.st_ino, sizeof(st.st_ino)), sizeof(st.st_ino));
	return 0;
}

static void deleted_netns_does_nothing_to_its_bindings(void)
{
	struct testvm vm = { .number = 1, .cid = TESTVM_CID(1) };
	struct bound_elsewhere b;
	struct azattest_info info;
	int pair[2];
	pid_t pid;

	door_signer();
	vm.guest = fakeguest_start(vm.cid);
	tap_need_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	b.sock = pair[1];
	pid = tap_spawn(bind_elsewhere, &b, pair[1]);
	close(pair[1]);
	tap_need_eq(tap_send_fd(pair[0], fakeguest_vhost_fd(vm.guest)), 0);
	vm.fd = tap_recv_fd(pair[0]);
	tap_need(vm.fd >= 0);
	tap_need_eq(read(pair[0], &b.netns, sizeof(b.netns)), sizeof(b.netns));
	tap_need_eq(tap_join(pid), 0);
	tap_need_eq(azbind_info(vm.fd, &info), 0);
	tap_need_eq(info.netns, b.netns);
	tap_need(!(info.flags & AZATTEST_INFO_ENDED));
	vm.generation = info.generation;
	for (int i = 0; i < 5; i++)
		testvm_attest(&vm, "n");
}

static void remove_transports(void)
{
	if (system("rmmod vhost_vsock 2>/dev/null; rmmod vsock_loopback 2>/dev/null;"
		   "rmmod vmw_vsock_virtio_transport_common 2>/dev/null; rmmod vsock 2>/dev/null"))
		tap_diag("some transport stays: it is built in, or in use");
}

static void attests_without_cid(uint32_t number)
{
	struct fakesigner *s = fakesigner_start(NULL);
	int fd = azbind_new(number, 0, -1, -1, NULL);
	char der[AZATTEST_FRAME_MAX];
	uint32_t len = sizeof(der);

	tap_need_msg(fd >= 0, "BIND without CID: errno %d", -fd);
	tap_need_eq(azbind_attest(fd, "n", 1, der, &len), AZATTEST_STATUS_OK);
	tap_need(fakesigner_is_for(der, len, number, "n", 1));
	close(fd);
	fakesigner_kill(s);
}

static void loads_without_vhost_vsock(void)
{
	azmodule_need();
	tap_need_wait(azmodule_unload() == 0);
	remove_transports();
	if (!access("/sys/module/vhost_vsock", F_OK)) {
		azmodule_load();
		tap_skip("vhost_vsock cannot be removed: built in, or in use");
	}
	tap_diag("expect-klog: azattest: vhost_vsock is not loaded");
	azmodule_load();
	attests_without_cid(1);
	/* The transport comes later. */
	tap_need_eq(system("modprobe vhost_vsock"), 0);
	works(2);
	/* Leave the host as it was. */
	tap_need_wait(azmodule_unload() == 0);
	azmodule_load();
	works(3);
}

static void without_a_port_a_bind_with_cid_is_enodev(void)
{
	struct fakeguest *g;
	int fd;

	azmodule_need();
	tap_need_wait(azmodule_unload() == 0);
	fd = azmodule_open();
	tap_need_eq(azmodule_init_with(fd, "port=0"), 0);
	close(fd);
	tap_need_wait(azbind_present());
	g = fakeguest_start(TESTVM_CID(1));
	tap_need_eq(azbind_new(1, TESTVM_CID(1), fakeguest_vhost_fd(g), -1, NULL), -ENODEV);
	fakeguest_close(g);
	attests_without_cid(1);
	/* Leave the host as it was. */
	tap_need_wait(azmodule_unload() == 0);
	azmodule_load();
	works(2);
}

static const struct tap_test tests[] = {
	TAP_TEST(open_file_pins_the_module),
	TAP_TEST(unload_in_a_storm_of_connects_is_clean),
	TAP_TEST(unload_with_connections_and_fresh_ends_is_clean),
	TAP_TEST(cpu_goes_and_comes_during_traffic),
	TAP_TEST(deleted_netns_does_nothing_to_its_bindings),
	TAP_TEST(loads_without_vhost_vsock),
	TAP_TEST(without_a_port_a_bind_with_cid_is_enodev),
};

int main(int argc, char **argv)
{
	door_need();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
