// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-hostd about VMs that run already: whose they are, and for how long.

#include "rig.h"
#include "vmm.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <uuid/uuid.h>

#include <selftests/lib/ask.h>

#define VM	41u
#define OTHER	42u
#define CID	4100u
#define FOREIGN	4101u

static char taker_program[500];

/* ---- the service manager's part: azattest-take for each connection ---- */

static void be_taker(int connection, bool powerless)
{
	dup2(connection, STDIN_FILENO);
	if (powerless && prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE))
		_exit(120);
	execl(taker_program, "azattest-take", NULL);
	_exit(126);
}

struct manager {
	char path[160];
	bool powerless;
};

static int manage(void *arg)
{
	const struct manager *m = arg;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", m->path);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 8))
		return 1;
	for (;;) {
		int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC), status;
		pid_t pid = fork();

		if (!pid)
			be_taker(connection, m->powerless);
		close(connection);
		waitpid(pid, &status, 0);
	}
}

static pid_t start_manager(bool powerless)
{
	static struct manager m;
	pid_t pid;

	snprintf(m.path, sizeof(m.path), "%s", rig_path("take.sock"));
	m.powerless = powerless;
	pid = tap_spawn(manage, &m, -1);
	tap_need_wait(!access(m.path, F_OK));
	return pid;
}

/* ---- calls ---- */

static const char *path_of(unsigned int number)
{
	static char path[64] = "/v1/bindings/";
	uint8_t uuid[AZATTEST_UUID_LEN];

	azbind_uuid(uuid, number);
	uuid_unparse_lower(uuid, path + 13);
	return path;
}

static int bind_vm(unsigned int number, pid_t pid, const char *more, const char *words)
{
	char body[200];
	json_t *answer;
	const char *message;
	int status;

	snprintf(body, sizeof(body), "{\"pid\":%d%s}", pid, more);
	status = rig_call("PUT", path_of(number), body, &answer);
	message = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
	tap_need_msg(words ? message && strstr(message, words) : !message, "%d: %s", status,
		     message ? message : "done");
	json_decref(answer);
	return status;
}

static long long number_of(unsigned int number, const char *member)
{
	json_t *answer;
	long long value = -1;

	if (rig_call("GET", path_of(number), NULL, &answer) == 200)
		value = json_integer_value(json_object_get(answer, member));
	json_decref(answer);
	return value;
}

/* In the module, whoever holds it. */
static bool is_bound(unsigned int number)
{
	struct azattest_attach attach = { .size = sizeof(attach), .transport = AZATTEST_TRANSPORT_VMM };
	int fd = open(AZATTEST_DEVICE, O_RDWR | O_CLOEXEC), ret;

	azbind_uuid(attach.uuid, number);
	ret = ioctl(fd, AZATTEST_IOC_ATTACH, &attach);
	close(fd);
	return !ret;
}

static void begin(void)
{
	rig_start();
	start_manager(false);
}

/* ---- promises ---- */

static void a_running_vm_is_bound_by_its_device(void)
{
	pid_t vmm;

	begin();
	vmm = vmm_start(VM, CID, CID, 1);
	tap_need(vmm_guest_hears() != AZATTEST_STATUS_OK);
	tap_need_eq(bind_vm(VM, vmm, ",\"named\":true,\"name\":\"web\"", NULL), 201);
	tap_need_eq(number_of(VM, "cid"), CID);
	tap_need(is_bound(VM));
	tap_need_eq(vmm_guest_hears(), AZATTEST_STATUS_OK);
	tap_need_eq(bind_vm(VM, vmm, ",\"named\":true,\"name\":\"web\"", NULL), 200);
	tap_need_eq(bind_vm(VM, vmm, ",\"name\":\"other\"", "with another"), 409);
	tap_kill(vmm);
	rig_stop();
}

static void the_vmms_death_ends_it_and_frees_the_cid(void)
{
	begin();
	for (unsigned int i = 0; i < tap_loops(2, 20); i++) {
		pid_t vmm = vmm_start(VM, CID, CID, 1);

		bind_vm(VM, vmm, "", NULL);
		tap_kill(vmm);
		tap_need_wait(!is_bound(VM));
		tap_need_wait(number_of(VM, "pid") == -1);
	}
	rig_stop();
}

static void hostd_keeps_no_memory_of_the_vmm(void)
{
	pid_t vmm;

	begin();
	vmm = vmm_start(VM, CID, CID, 1);
	bind_vm(VM, vmm, "", NULL);
	rig_sh("files=$(ls -l /proc/$(pgrep -f '^azattest-hostd .*%s')/fd) && echo \"$files\" | grep -q socket && "
	       "! echo \"$files\" | grep vhost", rig_path("state"));
	tap_kill(vmm);
	rig_stop();
}

static void unbinding_leaves_the_vm_running(void)
{
	pid_t vmm;

	begin();
	vmm = vmm_start(VM, CID, CID, 1);
	bind_vm(VM, vmm, "", NULL);
	tap_need_eq(rig_call("DELETE", path_of(VM), NULL, NULL), 204);
	tap_need(!is_bound(VM));
	tap_need(vmm_guest_hears() != AZATTEST_STATUS_OK);
	tap_need_eq(bind_vm(VM, vmm, "", NULL), 201);
	tap_need_eq(vmm_guest_hears(), AZATTEST_STATUS_OK);
	tap_kill(vmm);
	rig_stop();
}

static void the_wrong_process_is_refused(void)
{
	pid_t vmm, bare, two, dead;

	begin();
	vmm = vmm_start(OTHER, CID, CID, 1);
	tap_need_eq(bind_vm(VM, vmm, "", "is the VMM of VM"), 400);
	tap_need_eq(bind_vm(OTHER, vmm, ",\"cid\":4101", "no vsock device of this host has CID 4101"), 400);
	bare = vmm_start(VM, CID, CID, 0);
	tap_need_eq(bind_vm(VM, bare, "", "has no open /dev/vhost-vsock"), 400);
	two = vmm_start(VM, CID + 1, CID + 1, 2);
	tap_need_eq(bind_vm(VM, two, "", "has several open /dev/vhost-vsock"), 400);
	dead = vmm_start(VM, CID + 5, CID + 5, 1);
	tap_kill(dead);
	tap_need_eq(bind_vm(VM, dead, "", "no such process"), 400);
	tap_need_eq(bind_vm(VM, 1, "", "no VMM can have it"), 400);
	tap_need(!is_bound(VM) && !is_bound(OTHER));
	tap_kill(two);
	tap_kill(vmm);
	tap_kill(bare);
	rig_stop();
}

/* Its VMM was started with another: that one is nobody's, or another VM's, by now. */
static void a_device_that_was_plugged_in_later_is_bound_by_its_own_cid(void)
{
	pid_t vmm, other;

	begin();
	vmm = vmm_start(VM, CID, FOREIGN, 1);
	tap_need_eq(bind_vm(VM, vmm, "", "no vsock device of this host has CID 4100"), 400);
	tap_need_eq(bind_vm(VM, vmm, ",\"named\":true,\"cid\":4101", NULL), 201);
	tap_need_eq(vmm_guest_hears(), AZATTEST_STATUS_OK);
	tap_need_eq(rig_call("DELETE", path_of(VM), NULL, NULL), 204);
	other = vmm_start(OTHER, CID, CID, 1);
	tap_need_eq(bind_vm(VM, vmm, "", "another VMM's device has that CID"), 409);
	tap_need_eq(bind_vm(OTHER, other, "", NULL), 201);
	tap_need_eq(vmm_guest_hears(), AZATTEST_STATUS_OK);
	tap_need_eq(bind_vm(VM, vmm, ",\"cid\":4101", NULL), 201);
	tap_kill(vmm);
	tap_kill(other);
	rig_stop();
}

static void a_wish_that_waits_is_ended_by_unbind(void)
{
	const char *uuid = path_of(VM) + strlen("/v1/bindings/");
	pid_t bare;

	begin();
	bare = vmm_start(VM, CID, CID, 0);
	tap_need_eq(bind_vm(VM, bare, ",\"keep\":true", "has no open /dev/vhost-vsock"), 400);
	tap_need_eq(number_of(VM, "pid"), bare);
	rig_sh("%s/../bin/azattestctl --api %s unbind %s", rig_bin(), rig_path("run/api.sock"), uuid);
	tap_need_eq(number_of(VM, "pid"), -1);
	tap_need(!rig_can("%s/../bin/azattestctl --api %s unbind %s", rig_bin(), rig_path("run/api.sock"), uuid));
	tap_kill(bare);
	rig_stop();
}

static void a_foreign_cid_binds_nothing(void)
{
	pid_t first, second;

	begin();
	first = vmm_start(VM, CID, CID, 1);
	second = vmm_start(0, 0, FOREIGN, 1);
	tap_need_eq(bind_vm(OTHER, second, "", "say which CID"), 400);
	tap_need_eq(bind_vm(OTHER, second, ",\"cid\":4100", "another VMM's device has that CID"), 409);
	tap_need(!is_bound(OTHER));
	tap_need_eq(bind_vm(OTHER, second, ",\"cid\":4101", NULL), 201);
	tap_need_eq(vmm_guest_hears(), AZATTEST_STATUS_OK);
	tap_need_eq(bind_vm(VM, second, ",\"cid\":4101", "bound already"), 409);
	tap_need_eq(bind_vm(VM, first, "", NULL), 201);
	tap_kill(first);
	tap_kill(second);
	rig_stop();
}

static void a_live_uuid_is_not_bound_twice(void)
{
	pid_t first, second;

	begin();
	first = vmm_start(VM, CID, CID, 1);
	second = vmm_start(VM, FOREIGN, FOREIGN, 1);
	tap_need_eq(bind_vm(VM, first, "", NULL), 201);
	tap_need_eq(bind_vm(VM, second, "", "bound to process"), 409);
	tap_need(rig_log_has("do two VMs have this UUID?"));
	tap_kill(first);
	tap_need_eq(bind_vm(VM, second, "", NULL), 201);
	tap_kill(second);
	rig_stop();
}

static void a_killed_hostd_loses_no_binding_and_no_connection(void)
{
	long long generation;
	pid_t vmm;

	begin();
	rig_kill();
	rig_manager();
	rig_restart();
	vmm = vmm_start(VM, CID, CID, 1);
	bind_vm(VM, vmm, "", NULL);
	rig_manager_takes();
	generation = number_of(VM, "generation");
	tap_need(generation > 0);
	tap_need_eq(vmm_guest_hears_again(), AZATTEST_STATUS_OK);
	for (unsigned int i = 0; i < tap_loops(1, 10); i++) {
		rig_kill();
		tap_need_eq(vmm_guest_hears_again(), AZATTEST_STATUS_OK);
		tap_need_eq(vmm_guest_hears(), AZATTEST_STATUS_OK);
		rig_restart();
		tap_need_eq(number_of(VM, "generation"), generation);
		tap_need_eq(vmm_guest_hears_again(), AZATTEST_STATUS_OK);
	}
	tap_kill(vmm);
	tap_need_wait(number_of(VM, "pid") == -1);
	rig_stop();
}

static void a_stopped_hostd_binds_again(void)
{
	long long generation;
	pid_t vmm;

	begin();
	vmm = vmm_start(VM, CID, CID, 1);
	bind_vm(VM, vmm, "", NULL);
	generation = number_of(VM, "generation");
	rig_kill();
	tap_need_wait(!is_bound(VM));
	rig_restart();
	tap_need_wait(number_of(VM, "generation") > generation);
	tap_need_eq(vmm_guest_hears(), AZATTEST_STATUS_OK);
	rig_kill();
	tap_kill(vmm);
	rig_restart();
	tap_need_eq(number_of(VM, "pid"), -1);
	rig_stop();
}

static void without_its_helper_it_waits_and_says_so(void)
{
	pid_t vmm, manager;

	rig_start();
	vmm = vmm_start(VM, CID, CID, 1);
	tap_need_eq(bind_vm(VM, vmm, "", "systemctl start azattest-take.socket"), 503);
	manager = start_manager(false);
	tap_need_eq(bind_vm(VM, vmm, "", NULL), 201);
	rig_kill();
	tap_kill(manager);
	unlink(rig_path("take.sock"));
	rig_restart();
	tap_need_eq(number_of(VM, "generation"), 0);
	start_manager(false);
	tap_need_wait(number_of(VM, "generation") > 0);
	tap_kill(vmm);
	rig_stop();
}

static void a_helper_without_power_is_told(void)
{
	pid_t vmm;

	rig_start();
	start_manager(true);
	vmm = vmm_start(VM, CID, CID, 1);
	tap_need_eq(bind_vm(VM, vmm, "", "start the VMM by azattest-run"), 503);
	tap_need(!is_bound(VM));
	tap_kill(vmm);
	rig_stop();
}

/* ---- a helper that is there and says nothing ---- */

struct silence {
	char path[160];
	volatile unsigned int heard;	/* questions that came */
	volatile unsigned int given_up;	/* of which hostd waits no longer */
};

static int say_nothing(void *arg)
{
	struct silence *s = arg;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char question[200];

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", s->path);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 8))
		return 1;
	for (;;) {
		int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		while (recv(connection, question, sizeof(question), 0) > 0)
			s->heard++;
		s->given_up++;
		close(connection);
	}
}

static int ask_and_be_refused(void *arg)
{
	return bind_vm(VM, *(pid_t *)arg, "", "azattest-take: no answer") == 503 ? 0 : 1;
}

/* Whether the bridge came back, and a call was answered, while a question was open. */
static bool healed_meanwhile(struct silence *s, pid_t vmm)
{
	unsigned int before = s->given_up;
	pid_t asker = tap_spawn(ask_and_be_refused, &vmm, -1);
	bool meanwhile;

	tap_need_wait(s->heard == before + 1);
	rig_sh("ip link del azhost-imds");
	tap_need_wait(rig_can("ip link show azhost-imds >/dev/null 2>&1"));
	tap_need_eq(rig_call("GET", "/v1/status", NULL, NULL), 200);
	meanwhile = s->given_up == before;
	tap_need_eq(tap_join(asker), 0);
	tap_need_wait(s->given_up == before + 1);
	return meanwhile;
}

static void a_silent_helper_holds_up_nothing(void)
{
	struct silence *s = tap_shared(sizeof(*s));
	unsigned int tries = 1;
	pid_t vmm, helper;

	rig_start();
	rig_legacy(true);
	snprintf(s->path, sizeof(s->path), "%s", rig_path("take.sock"));
	helper = tap_spawn(say_nothing, s, -1);
	tap_need_wait(!access(s->path, F_OK));
	vmm = vmm_start(VM, CID, CID, 1);
	/* On a host that stood still for 10 s it proves nothing. */
	while (!healed_meanwhile(s, vmm))
		tap_need_msg(++tries < 5, "never repaired before the question's end");
	tap_kill(helper);
	unlink(s->path);
	start_manager(false);
	tap_need_eq(bind_vm(VM, vmm, "", NULL), 201);
	tap_kill(vmm);
	rig_legacy(false);
	rig_stop();
}

static void a_question_under_way_is_no_reason_to_hang_at_the_end(void)
{
	struct silence *s = tap_shared(sizeof(*s));
	pid_t vmm, asker;

	rig_start();
	snprintf(s->path, sizeof(s->path), "%s", rig_path("take.sock"));
	tap_spawn(say_nothing, s, -1);
	tap_need_wait(!access(s->path, F_OK));
	vmm = vmm_start(VM, CID, CID, 1);
	asker = tap_spawn(ask_and_be_refused, &vmm, -1);
	tap_need_wait(s->heard);
	rig_stop();
	tap_kill(asker);
	tap_kill(vmm);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_running_vm_is_bound_by_its_device),
	TAP_TEST(the_vmms_death_ends_it_and_frees_the_cid),
	TAP_TEST(hostd_keeps_no_memory_of_the_vmm),
	TAP_TEST(unbinding_leaves_the_vm_running),
	TAP_TEST(the_wrong_process_is_refused),
	TAP_TEST(a_device_that_was_plugged_in_later_is_bound_by_its_own_cid),
	TAP_TEST(a_wish_that_waits_is_ended_by_unbind),
	TAP_TEST(a_foreign_cid_binds_nothing),
	TAP_TEST(a_live_uuid_is_not_bound_twice),
	TAP_TEST(a_killed_hostd_loses_no_binding_and_no_connection),
	TAP_TEST(a_stopped_hostd_binds_again),
	TAP_TEST(without_its_helper_it_waits_and_says_so),
	TAP_TEST(a_helper_without_power_is_told),
	TAP_TEST(a_silent_helper_holds_up_nothing),
	TAP_TEST(a_question_under_way_is_no_reason_to_hang_at_the_end),
};

int main(int argc, char **argv)
{
	char *slash;

	vmm_begin(argc, argv);
	rig_begin(argc, argv);
	if (access("/dev/vhost-vsock", F_OK))
		tap_skip_all("vhost_vsock is not loaded");
	snprintf(taker_program, sizeof(taker_program), "%s", vmm_program);
	slash = strrchr(taker_program, '/');
	snprintf(slash, sizeof(taker_program) - (size_t)(slash - taker_program), "/../bin/azattest-take");
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
