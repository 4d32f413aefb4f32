// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-take: which process it takes a device from, and what it says otherwise.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/capability.h>

#include <selftests/lib/tap.h>
#include <userspace/take/take.h>

#define UUID	"c0ffee42-0000-4000-8000-00000000002a"
#define OTHER	"c0ffee42-0000-4000-8000-00000000002b"
#define ZERO	makedev(1, 5)

static char self[400], program[500];
static const uint8_t uuid[AZATTEST_UUID_LEN] = {
	0xc0, 0xff, 0xee, 0x42, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x2a,
};

/* ---- command lines ---- */

#define WORDS(...)	((const char *[]){ "qemu", __VA_ARGS__, NULL })

static struct vmm vmm_of(const char **words)
{
	char text[1000];
	size_t length = 0;
	struct vmm vmm;

	for (; *words; words++)
		length += (size_t)sprintf(text + length, "%s", *words) + 1;
	vmm_read(&vmm, text, length);
	return vmm;
}

static void qemu_says_uuid_and_cid(void)
{
	struct vmm vmm = vmm_of(WORDS("-uuid", UUID, "-device", "vhost-vsock-pci,id=v,guest-cid=42"));

	tap_need(vmm.has_uuid && !memcmp(vmm.uuid, uuid, sizeof(uuid)));
	tap_need(vmm.cid == 42 && !vmm.bad);
}

static void libvirts_json_is_read_too(void)
{
	struct vmm vmm = vmm_of(WORDS("-device", "{\"driver\":\"vhost-vsock-pci\",\"id\":\"vsock0\","
				      "\"guest-cid\":4294967294,\"vhostfd\":\"30\",\"bus\":\"pci.5\"}",
				      "--uuid", UUID));

	tap_need(vmm.has_uuid && vmm.cid == 4294967294 && !vmm.bad);
}

static void other_words_say_nothing(void)
{
	struct vmm vmm = vmm_of(WORDS("-name", "vhost-vsock,guest-cid=42", "-device",
				      "virtio-net,guest-cid=7", "-append", "-uuid=" UUID));

	tap_need(!vmm.has_uuid && !vmm.cid && !vmm.bad);
	vmm_read(&vmm, "-uuid\0c0ffee42", 14);	/* cut off */
	tap_need(!vmm.has_uuid && !vmm.bad);
	vmm_read(&vmm, "", 0);
	tap_need(!vmm.has_uuid && !vmm.bad);
}

static void what_cannot_be_is_bad(void)
{
	static const char * const devices[] = {
		"vhost-vsock-pci,guest-cid=2", "vhost-vsock-pci,guest-cid=4294967295",
		"vhost-vsock-pci,guest-cid=-3", "vhost-vsock-pci,guest-cid=x",
		"vhost-vsock-pci,guest-cid=42k", "vhost-vsock-pci,guest-cid=",
		"vhost-vsock-pci,guest-cid=42,guest-cid=43", "vhost-vsock-pci,guest-cid=99999999999999999999",
	};

	for (size_t i = 0; i < TAP_COUNT(devices); i++)
		tap_need_msg(vmm_of(WORDS("-device", devices[i])).bad, "%s", devices[i]);
	tap_need(vmm_of(WORDS("-uuid", "nonsense")).bad);
	tap_need(vmm_of(WORDS("-uuid", UUID, "-uuid", OTHER)).bad);
	tap_need(vmm_of(WORDS("-device", "vhost-vsock-pci,guest-cid=42", "-device",
			      "vhost-vsock-pci,guest-cid=43")).bad);
}

/* ---- descriptors ---- */

static int open_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	tap_need(fd >= 0);
	return fd;
}

/* What a child has open: its pages are ours too. */
struct open_files {
	int zeros, null, high;
	bool twice;
	volatile bool ready;
};

static int hold_files(void *arg)
{
	struct open_files *o = arg;
	int fd = -1;

	for (int i = 0; i < o->null; i++)
		open("/dev/null", O_RDWR);
	for (int i = 0; i < o->zeros; i++)
		fd = open("/dev/zero", O_RDWR);
	if (o->twice)
		dup(fd);
	if (o->high && dup2(fd, o->high) == o->high)
		close(fd);
	o->ready = true;
	while (pause())
		;
	return 0;
}

static int search(struct open_files what, pid_t *pid)
{
	struct open_files *o = tap_shared(sizeof(*o));
	int pidfd, ret;

	*o = what;
	*pid = tap_spawn(hold_files, o, -1);
	tap_need_wait(o->ready);
	pidfd = open_pidfd(*pid);
	ret = search_device(pidfd, *pid, ZERO);
	close(pidfd);
	return ret;
}

static void need_found(struct open_files what)
{
	struct stat st;
	pid_t pid;
	int fd = search(what, &pid);

	tap_need(fd >= 0);
	tap_need(!fstat(fd, &st) && st.st_rdev == ZERO);
	tap_need(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	tap_kill(pid);
}

static void need_error(struct open_files what, int error)
{
	pid_t pid;

	tap_need_eq(search(what, &pid), error);
	tap_kill(pid);
}

static int open_count(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void the_one_device_is_found_wherever_it_is(void)
{
	int before = open_count();

	need_found((struct open_files){ .zeros = 1 });
	need_found((struct open_files){ .zeros = 1, .null = 300 });
	need_found((struct open_files){ .zeros = 1, .high = 900 });
	need_found((struct open_files){ .zeros = 1, .twice = true });
	tap_need_eq(open_count(), before);
}

static void none_and_several_are_told(void)
{
	int before = open_count();

	need_error((struct open_files){ .null = 3 }, -ENOENT);
	need_error((struct open_files){ .zeros = 2 }, -ENOTUNIQ);
	need_error((struct open_files){ .zeros = 2, .twice = true }, -ENOTUNIQ);
	tap_need_eq(open_count(), before);
}

static void an_ended_process_has_none(void)
{
	struct open_files *o = tap_shared(sizeof(*o));
	pid_t pid = tap_spawn(hold_files, o, -1);
	int pidfd = open_pidfd(pid);

	tap_kill(pid);
	tap_need_eq(search_device(pidfd, pid, ZERO), -ESRCH);
}

/* ---- the program ---- */

struct run {
	const char *words[8];	/* of the VMM, from its second on */
	uid_t uid;		/* that the VMM becomes */
	uid_t asker;		/* that made the socket */
	bool powerless;		/* the program may not trace */
	struct take_question question;
	bool no_pidfd, dead, zombie;
	int in_place;		/* of the pidfd; 0: the pidfd */
};

static struct take_answer answer;

static int be_vmm(void *arg)
{
	const struct run *r = arg;
	char *argv[10] = { self, (char *)"vmm" };

	for (int i = 0; r->words[i]; i++)
		argv[i + 2] = (char *)r->words[i];
	if (r->uid && setresuid(r->uid, r->uid, r->uid))
		return 1;
	/* Not by its path, which another user may not walk. */
	execv("/proc/self/exe", argv);
	return 126;
}

static bool became(pid_t pid)
{
	char path[40], text[400];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY);
	n = read(fd, text, sizeof(text));
	close(fd);
	return n > 0 && memmem(text, (size_t)n, "vmm", 4);
}

struct ends {
	int sock, mine;
	bool powerless;
};

static int exec_program(void *arg)
{
	struct ends *e = arg;

	dup2(e->sock, STDIN_FILENO);
	close(e->sock);
	if (e->powerless && prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE))
		return 1;
	execl(program, "azattest-take", NULL);
	return 126;
}

static pid_t start_program(const struct run *r, int *sock)
{
	int pair[2];
	struct ends e = { .powerless = r->powerless };
	pid_t pid;

	if (r->asker)
		tap_need(!seteuid(r->asker));
	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	tap_need(!seteuid(0));
	e.sock = pair[0];
	pid = tap_spawn(exec_program, &e, pair[0]);
	close(pair[0]);
	*sock = pair[1];
	return pid;
}

/* 0 and the answer's error, or what the receipt of none says. */
static int ask(const struct run *r)
{
	struct take_question question = r->question;
	pid_t vmm = tap_spawn(be_vmm, (void *)r, -1), taker;
	int pidfd = open_pidfd(vmm), sock, fd = -1, ret;

	tap_need_wait(became(vmm));
	if (r->dead)
		tap_kill(vmm);
	if (r->zombie) {
		kill(vmm, SIGKILL);
		tap_need_wait(poll(&(struct pollfd) { .fd = pidfd, .events = POLLIN }, 1, 0) == 1);
	}
	taker = start_program(r, &sock);
	question.magic = question.magic ?: TAKE_MAGIC;
	memcpy(question.uuid, uuid, sizeof(uuid));
	take_send(sock, &question, sizeof(question),
		  r->no_pidfd ? -1 : r->in_place ? r->in_place : pidfd);
	ret = take_receive(sock, &answer, sizeof(answer), &fd);
	tap_need(fd < 0);
	tap_need_eq(tap_join(taker), 1);
	close(sock);
	close(pidfd);
	if (!r->dead)
		tap_kill(vmm);
	return ret ? ret : answer.error;
}

#define VMM(...)	.words = { __VA_ARGS__ }
#define DEVICE		"-device", "vhost-vsock-pci,guest-cid=42"

static void need_refused(struct run r, int error, const char *words)
{
	if (geteuid())
		tap_skip("needs root");
	tap_need_eq(ask(&r), error);
	tap_need_msg(strstr(answer.text, words), "%s", answer.text);
	tap_need(!answer.cid);
}

/* All that comes before the device was well. */
static void the_vms_vmm_without_device_is_told(void)
{
	need_refused((struct run){ VMM("-uuid", UUID, DEVICE), .question = { .flags = TAKE_NAMED } },
		     -ENXIO, "has no open /dev/vhost-vsock");
	need_refused((struct run){ VMM("-uuid", UUID, DEVICE), .question = { .cid = 42 }, .uid = 65534 },
		     -ENXIO, "has no open /dev/vhost-vsock");
	need_refused((struct run){ VMM("-uuid", UUID, DEVICE), .question = { .cid = 43 } }, -ENXIO,
		     "has no open /dev/vhost-vsock");
	need_refused((struct run){ VMM("-x"), .question = { .cid = 42 } }, -ENXIO,
		     "has no open /dev/vhost-vsock");
}

static void another_vms_vmm_is_refused(void)
{
	need_refused((struct run){ VMM("-uuid", OTHER, DEVICE) }, -EINVAL, "is the VMM of VM " OTHER);
	need_refused((struct run){ VMM("-uuid", UUID, "-uuid", OTHER, DEVICE) }, -EINVAL, "twice");
	need_refused((struct run){ VMM(DEVICE), .question = { .flags = TAKE_NAMED } }, -EINVAL,
		     "has no -uuid");
}

static void a_cid_must_be_known(void)
{
	need_refused((struct run){ VMM("-uuid", UUID) }, -EINVAL, "say which CID");
}

static void what_is_no_live_process_is_refused(void)
{
	need_refused((struct run){ VMM("-uuid", UUID, DEVICE), .dead = true }, -ESRCH, "has ended");
	need_refused((struct run){ VMM("-uuid", UUID, DEVICE), .zombie = true }, -ESRCH, "has ended");
	need_refused((struct run){ VMM(DEVICE), .no_pidfd = true }, -EINVAL, "has no pidfd");
	need_refused((struct run){ VMM(DEVICE), .in_place = STDERR_FILENO }, -EINVAL, "is no pidfd");
}

static void without_the_capability_it_names_azattest_run(void)
{
	need_refused((struct run){ VMM("-uuid", UUID, DEVICE), .uid = 65534, .powerless = true },
		     -EACCES, "start the VMM by azattest-run");
}

static void others_than_root_get_no_answer(void)
{
	struct run r = { VMM("-uuid", UUID, DEVICE), .asker = 65534 };

	if (geteuid())
		tap_skip("needs root");
	tap_need_eq(ask(&r), -EPIPE);
}

static void a_question_of_another_build_gets_no_answer(void)
{
	struct run r = { VMM("-uuid", UUID, DEVICE), .question = { .magic = 1 } };

	if (geteuid())
		tap_skip("needs root");
	tap_need_eq(ask(&r), -EPIPE);
}

/* ---- the socket ---- */

static int receive_of(size_t size, int fds)
{
	struct take_question question = { .magic = TAKE_MAGIC };
	char control[CMSG_SPACE(2 * sizeof(int))] __attribute__((aligned(8))) = "";
	char bytes[sizeof(question) + 8] = "";
	struct iovec part = { bytes, size };
	struct msghdr out = { .msg_iov = &part, .msg_iovlen = 1 };
	int pair[2], fd, ret, both[2] = { 0, 0 };

	memcpy(bytes, &question, sizeof(question));
	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	if (fds) {
		out.msg_control = control;
		out.msg_controllen = CMSG_SPACE((size_t)fds * sizeof(int));
		CMSG_FIRSTHDR(&out)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&out)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&out)->cmsg_len = CMSG_LEN((size_t)fds * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&out)), both, (size_t)fds * sizeof(int));
	}
	tap_need_eq(sendmsg(pair[0], &out, 0), size);
	ret = take_receive(pair[1], &question, sizeof(question), &fd);
	tap_need_eq(fd >= 0, !ret && fds == 1);
	if (fd >= 0)
		close(fd);
	close(pair[0]);
	close(pair[1]);
	return ret;
}

static void packets_are_whole_or_refused(void)
{
	size_t size = sizeof(struct take_question);
	int before = open_count();

	tap_need_eq(receive_of(size, 0), 0);
	tap_need_eq(receive_of(size, 1), 0);
	tap_need_eq(receive_of(size, 2), -EPROTO);
	tap_need_eq(receive_of(size - 1, 1), -EPROTO);
	tap_need_eq(receive_of(size + 1, 1), -EPROTO);
	tap_need_eq(receive_of(2, 1), -EPROTO);
	tap_need_eq(open_count(), before);
}

/* ---- what it gives up ---- */

static bool status_has(pid_t pid, const char *line)
{
	char path[40], text[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	return strstr(text, line);
}

static void it_listens_with_one_capability_behind_a_filter(void)
{
	struct run r = { .uid = 0 };
	int sock;
	pid_t pid;

	if (geteuid())
		tap_skip("needs root");
	pid = start_program(&r, &sock);
	tap_need_wait(status_has(pid, "\nSeccomp:\t2\n"));
	tap_need(status_has(pid, "\nNoNewPrivs:\t1\n"));
	tap_need(status_has(pid, "\nCapPrm:\t0000000000080000\n"));
	tap_need(status_has(pid, "\nCapEff:\t0000000000080000\n"));
	tap_need(status_has(pid, "\nCapInh:\t0000000000000000\n"));
	tap_need(status_has(pid, "\nCapBnd:\t0000000000000000\n"));
	tap_need(status_has(pid, "\nCapAmb:\t0000000000000000\n"));
	close(sock);
	tap_need_eq(tap_join(pid), 1);
}

static const struct tap_test tests[] = {
	TAP_TEST(qemu_says_uuid_and_cid),
	TAP_TEST(libvirts_json_is_read_too),
	TAP_TEST(other_words_say_nothing),
	TAP_TEST(what_cannot_be_is_bad),
	TAP_TEST(the_one_device_is_found_wherever_it_is),
	TAP_TEST(none_and_several_are_told),
	TAP_TEST(an_ended_process_has_none),
	TAP_TEST(the_vms_vmm_without_device_is_told),
	TAP_TEST(another_vms_vmm_is_refused),
	TAP_TEST(a_cid_must_be_known),
	TAP_TEST(what_is_no_live_process_is_refused),
	TAP_TEST(without_the_capability_it_names_azattest_run),
	TAP_TEST(others_than_root_get_no_answer),
	TAP_TEST(a_question_of_another_build_gets_no_answer),
	TAP_TEST(packets_are_whole_or_refused),
	TAP_TEST(it_listens_with_one_capability_behind_a_filter),
};

int main(int argc, char **argv)
{
	char *slash;

	/* Started again by a promise, to be looked at. */
	while (argc > 1 && !strcmp(argv[1], "vmm"))
		pause();
	if (!realpath(argv[0], self))
		return 1;
	snprintf(program, sizeof(program), "%s", self);
	slash = strrchr(program, '/');
	snprintf(slash, sizeof(program) - (size_t)(slash - program), "/../bin/azattest-take");
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
