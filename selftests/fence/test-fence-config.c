// SPDX-License-Identifier: GPL-2.0
// What the fence refuses to be opened with: a configuration, a pin directory, rights.

#include <selftests/fence/scene.h>

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

static int open_with(struct fence_config config)
{
	struct failure failure = { 0 };
	struct fence *fence;
	bool adopted;
	int ret = fence_open(&fence, &config, &adopted, &failure);

	tap_need(!ret == !failure.text[0]);
	tap_diag("%s", failure.text);
	if (!ret)
		fence_close(fence);
	return ret;
}

static const struct fence_config good = {
	.pin_dir = "/sys/fs/bpf/az-config",
	.address = { { 0xfda9fea9 } },
	.port = WORLD_PORT,
	.base = WORLD_BASE,
	.slots = WORLD_SLOTS,
	.syn_rate = 5,
	.syn_burst = 20,
};

static void a_configuration_that_cannot_be_is_refused(void)
{
	struct fence_config c;

	c = good, c.address[0].s_addr = 0;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.address[1].s_addr = htonl(WORLD_BASE + 5);
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.port = 0;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.slots = 1;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.slots = FENCE_SLOTS_MAX + 1;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.base = 0xffffff00;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.syn_rate = 0;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.syn_burst = 1000001;
	tap_need_eq(open_with(c), -EINVAL);
}

/* Who listens was told the old range: until it is told the new one, nobody gets to it. */
static void another_range_takes_the_socket_away(void)
{
	struct failure failure = { 0 };
	struct fence_config c = good;
	bool adopted;
	char path[64];

	scene_start();
	fence_close(world);
	scene_pin_path(path, "");
	c.pin_dir = path;
	c.slots = WORLD_SLOTS / 2;
	tap_need_msg(!fence_open(&world, &c, &adopted, &failure), "%s", failure.text);
	tap_need(adopted);
	tap_need_eq(client_end(client_begin(guest_socket(&scene_guest, AF_INET, SOCK_STREAM, 0))),
		    ECONNREFUSED);
	server_start("127.0.0.1", 8081);
	need_through(&scene_guest);
}

static void a_pin_directory_that_is_not_ours_is_refused(void)
{
	struct fence_config c = good;

	sh("rm -rf %s; mkdir -m 755 %s %s/sub", good.pin_dir, good.pin_dir, good.pin_dir);
	tap_need_eq(open_with(good), -EEXIST);
	sh("chmod 700 %s; chown 65534 %s", good.pin_dir, good.pin_dir);
	tap_need_eq(open_with(good), -EEXIST);
	sh("rm -r %s; mkdir -m 755 %s", good.pin_dir, good.pin_dir);
	tap_need_eq(open_with(good), 0);
	sh("[ $(stat -c %%a %s) = 700 ]; rm -r %s", good.pin_dir, good.pin_dir);
	c.pin_dir = "/tmp/az-config";
	tap_need_eq(open_with(c), -ENOENT);
}

static void a_missing_capability_is_named(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	struct failure failure = { 0 };
	struct fence *fence;
	bool adopted;

	tap_need_eq(syscall(SYS_capget, &header, data), 0);
	data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	data[CAP_TO_INDEX(CAP_PERFMON)].effective &= ~CAP_TO_MASK(CAP_PERFMON);
	tap_need_eq(syscall(SYS_capset, &header, data), 0);
	tap_need_eq(fence_open(&fence, &good, &adopted, &failure), -EPERM);
	tap_need_msg(strstr(failure.text, "CAP_PERFMON"), "%s", failure.text);
	data[CAP_TO_INDEX(CAP_BPF)].effective &= ~CAP_TO_MASK(CAP_BPF);
	tap_need_eq(syscall(SYS_capset, &header, data), 0);
	tap_need_eq(fence_open(&fence, &good, &adopted, &failure), -EPERM);
	tap_need_msg(strstr(failure.text, "CAP_BPF"), "%s", failure.text);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_configuration_that_cannot_be_is_refused),
	TAP_TEST(another_range_takes_the_socket_away),
	TAP_TEST(a_pin_directory_that_is_not_ours_is_refused),
	TAP_TEST(a_missing_capability_is_named),
};

int main(int argc, char **argv)
{
	int status;

	world_prepare();
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	world_end();
	return status;
}
