// SPDX-License-Identifier: GPL-2.0
// Owns the one question of azattest-take: the process meant, its descriptor, or one line why not.

#include <userspace/take/take.h>

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <uuid/uuid.h>

#include <userspace/common/common.h>

#define SOCKET		STDIN_FILENO
/* Given to vhost-vsock for good: misc, VHOST_VSOCK_MINOR. */
#define VHOST_VSOCK	makedev(10, 241)
#define WORDS_MAX	(1 << 20)
#define YAMA		"/proc/sys/kernel/yama/ptrace_scope"
#define USE_RUN		"start the VMM by azattest-run"

struct take {
	struct take_question question;
	int pidfd;
	pid_t pid;
	struct take_answer answer;
	int vhost;
};

__attribute__((format(printf, 3, 4)))
static int refuse(struct take *take, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(take->answer.text, sizeof(take->answer.text), format, args);
	va_end(args);
	take->answer.error = error;
	return error;
}

static int ended(struct take *take)
{
	return refuse(take, -ESRCH, "process %d: has ended", take->pid);
}

/* ---- the process ---- */

/* The number that the kernel has for the pidfd: positive, -1 once it has ended. */
static int read_pid(struct take *take)
{
	char path[40], line[100];
	int pid = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", take->pidfd);
	info = fopen(path, "re");
	if (!info)
		return refuse(take, -errno, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), info))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	fclose(info);
	take->pid = pid;
	if (pid < 0)
		return refuse(take, -ESRCH, "the process has ended");
	return pid ? 0 : refuse(take, -EINVAL, "the descriptor is no pidfd of a process seen here");
}

/* What was read of /proc/PID before was this process's, not a later one's. */
static bool still_there(const struct take *take)
{
	struct pollfd end = { .fd = take->pidfd, .events = POLLIN };

	return poll(&end, 1, 0) == 0;
}

static int read_words(struct take *take, char **words, size_t *length)
{
	char path[40];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", take->pid);
	*words = malloc(WORDS_MAX);
	if (!*words)
		return refuse(take, -ENOMEM, "no memory");
	file = fopen(path, "re");
	if (!file)
		return ended(take);
	*length = fread(*words, 1, WORDS_MAX, file);
	fclose(file);
	return still_there(take) ? 0 : ended(take);
}

static int check_uuid(struct take *take, const struct vmm *vmm)
{
	char text[37];

	if (vmm->bad)
		return refuse(take, -EINVAL, "process %d: its command line has -uuid or guest-cid "
			      "twice, or ones that cannot be: is it the VM's VMM?", take->pid);
	if (!vmm->has_uuid && take->question.flags & TAKE_NAMED)
		return refuse(take, -EINVAL, "process %d: its command line has no -uuid: is it the "
			      "VM's VMM?", take->pid);
	if (!vmm->has_uuid || !memcmp(vmm->uuid, take->question.uuid, sizeof(vmm->uuid)))
		return 0;
	uuid_unparse_lower(vmm->uuid, text);
	return refuse(take, -EINVAL, "process %d: is the VMM of VM %s: give that VM's process",
		      take->pid, text);
}

/* A device that was plugged in later is not on the command line, which has the CID of one that is gone. */
static int choose_cid(struct take *take, const struct vmm *vmm)
{
	take->answer.cid = take->question.cid ?: vmm->cid;
	if (take->answer.cid)
		return 0;
	return refuse(take, -EINVAL, "process %d: its command line has no guest-cid: say which CID its guest "
		      "was given", take->pid);
}

static int check_process(struct take *take)
{
	size_t length = 0;
	struct vmm vmm;
	char *words = NULL;
	int ret = read_pid(take);

	if (!ret)
		ret = read_words(take, &words, &length);
	if (!ret) {
		vmm_read(&vmm, words, length);
		ret = check_uuid(take, &vmm);
	}
	if (!ret)
		ret = choose_cid(take, &vmm);
	free(words);
	return ret;
}

/* ---- its descriptor ---- */

static int yama_scope(void)
{
	FILE *file = fopen(YAMA, "re");
	int scope = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%d", &scope) != 1)
		scope = 0;
	fclose(file);
	return scope;
}

static int refuse_permission(struct take *take)
{
	int scope = yama_scope();

	if (scope == 3)
		return refuse(take, -EACCES, "process %d: kernel.yama.ptrace_scope is 3, so nobody may "
			      "take its vhost-vsock descriptor until the next boot: " USE_RUN, take->pid);
	return refuse(take, -EACCES, "process %d: its vhost-vsock descriptor may not be taken "
		      "(kernel.yama.ptrace_scope is %d): does azattest-take@.service have "
		      "CAP_SYS_PTRACE, or does a security module forbid it? else " USE_RUN,
		      take->pid, scope);
}

static int find_descriptor(struct take *take)
{
	int fd = search_device(take->pidfd, take->pid, VHOST_VSOCK);

	switch (fd) {
	case -ENOENT:
		return refuse(take, -ENXIO, "process %d: has no open /dev/vhost-vsock: give the VM a "
			      "vsock device, and the VMM's own process", take->pid);
	case -ENOTUNIQ:
		return refuse(take, -EINVAL, "process %d: has several open /dev/vhost-vsock, of which "
			      "one is the VM's: " USE_RUN, take->pid);
	case -ESRCH:
		return ended(take);
	case -EPERM:
		return refuse_permission(take);
	case -E2BIG:
		return refuse(take, -EINVAL, "process %d: may have more than %d descriptors: is it a "
			      "VMM? else " USE_RUN, take->pid, TAKE_FDS_MAX);
	default:
		take->vhost = fd;
		return fd < 0 ? refuse(take, fd, "process %d: its descriptors cannot be taken: %s",
				       take->pid, strerror(-fd)) : 0;
	}
}

/* ---- one question ---- */

static void answer(struct take *take)
{
	if (take->pidfd < 0)
		refuse(take, -EINVAL, "the question has no pidfd");
	else if (!check_process(take) && !find_descriptor(take) && !still_there(take))
		ended(take);
}

static int serve(void)
{
	struct take take = { .vhost = -1, .answer.magic = TAKE_MAGIC };
	int ret = take_receive(SOCKET, &take.question, sizeof(take.question), &take.pidfd);

	if (ret) {
		fprintf(stderr, "azattest-take: standard input: %s: is it asked by azattest-hostd of the "
			"same release?\n", strerror(-ret));
		return EXIT_FAILURE;
	}
	answer(&take);
	if (take.answer.error)
		take.answer.cid = 0;
	ret = take_send(SOCKET, &take.answer, sizeof(take.answer),
			take.answer.error ? -1 : take.vhost);
	return ret || take.answer.error ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int usage(FILE *to)
{
	fputs("usage: azattest-take\n"
	      "Takes the vhost-vsock descriptor of a VMM for azattest-hostd, which asks on the\n"
	      "socket that is standard input. Started by azattest-take.socket.\n"
	      "  --version, --help\n", to);
	return to == stdout ? EXIT_SUCCESS : 2;
}

static void parse(int argc, char **argv)
{
	static const struct option table[] = {
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c = getopt_long(argc, argv, "", table, NULL);

	if (c == 'v') {
		puts("azattest-take " AZATTEST_PRODUCT_VERSION);
		exit(EXIT_SUCCESS);
	}
	if (c != -1 || optind < argc)
		exit(usage(c == 'h' ? stdout : stderr));
}

/* The socket is root's, mode 0600; that is said again here. */
static bool asked_by_root(void)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(SOCKET, SOL_SOCKET, SO_PEERCRED, &peer, &size)) {
		fprintf(stderr, "azattest-take: standard input: %s: start it by azattest-take.socket\n",
			strerror(errno));
		return false;
	}
	if (!peer.uid)
		return true;
	fprintf(stderr, "azattest-take: user %u asks: only root may\n", peer.uid);
	return false;
}

int main(int argc, char **argv)
{
	int ret;

	parse(argc, argv);
	if (!asked_by_root())
		return EXIT_FAILURE;
	ret = fence_enter();
	if (!ret)
		return serve();
	fprintf(stderr, "azattest-take: giving up rights: %s\n", strerror(-ret));
	return EXIT_FAILURE;
}
