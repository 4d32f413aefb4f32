// SPDX-License-Identifier: GPL-2.0
/*
 * Owns T19 of the threats: threads that bind, attach, ask, move CIDs, copy and
 * close at random. Nothing may come out but what the manual lists, and nothing
 * may be left behind. What sanitizers and lockdep say is read by the runner.
 */
#include "talk.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS		16
#define FILES		24	/* /dev/azattest at descriptors FILE_AT.. */
#define VHOSTS		4
#define LIVES		4
#define VMS		6

/*
 * Each kind has its own numbers, filled by dup2(), so that a number never
 * changes its kind: an errno tells of the module and not of a confusion.
 */
#define FILE_AT		200
#define VHOST_AT	300
#define LIFE_AT		320
#define NUMBER		950
#define CID		44000u

static char *flaky;		/* a page that comes and goes */
static volatile bool stop;

struct thread {
	pthread_t id;
	uint64_t state;
	unsigned int loops;
};

static unsigned int rnd(struct thread *t, unsigned int below)
{
	t->state ^= t->state << 13;
	t->state ^= t->state >> 7;
	t->state ^= t->state << 17;
	return (t->state >> 20) % below;
}

static int file(struct thread *t)
{
	return FILE_AT + rnd(t, FILES);
}

/* The errno of a call must be one of the manual's, or EBADF: closed meanwhile. */
static void need_one_of(const char *what, int ret, const int *errors, size_t count)
{
	if (ret >= 0 || ret == -EBADF)
		return;
	for (size_t i = 0; i < count; i++)
		if (ret == -errors[i])
			return;
	tap_fail(__FILE__, __LINE__, "%s: undocumented %s", what, strerror(-ret));
}

#define NEED_ONE_OF(what, ret, ...)						\
	need_one_of(what, ret, (const int[]) { __VA_ARGS__ },			\
		    sizeof((const int[]) { __VA_ARGS__ }) / sizeof(int))

/*
 * Where a struct is put: mostly where it is, sometimes across the page that
 * comes and goes. The kernel writes it there, since we could not survive it.
 */
static void *place(struct thread *t, void *sound, size_t size)
{
	char *to = flaky + 4096 - rnd(t, size + 1);
	struct iovec from = { sound, size }, at = { to, size };

	if (rnd(t, 8))
		return sound;
	process_vm_writev(getpid(), &from, 1, &at, 1, 0);
	return to;
}

static void do_open(struct thread *t)
{
	int fd = open(AZATTEST_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	dup2(fd, file(t));
	close(fd);
}

static void do_bind(struct thread *t)
{
	struct azattest_bind b;
	int ret;

	azbind_fill(&b, NUMBER + rnd(t, VMS));
	if (rnd(t, 2)) {
		b.flags = AZATTEST_BIND_CID;
		b.vhost_fd = VHOST_AT + rnd(t, VHOSTS);
		b.cid = CID + rnd(t, VHOSTS);
	}
	if (rnd(t, 2))
		b.life_fd = LIFE_AT + rnd(t, LIVES);
	ret = azbind_bind(file(t), place(t, &b, sizeof(b)));
	NEED_ONE_OF("BIND", ret, EALREADY, EBUSY, EADDRINUSE, EINVAL, ESRCH, ENODEV, ENOSPC,
		    ENOMEM, EFAULT, E2BIG, EINTR);
}

static void do_attach(struct thread *t)
{
	struct azattest_attach a = { .size = sizeof(a) };
	int ret;

	azbind_uuid(a.uuid, NUMBER + rnd(t, VMS));
	a.transport = 1 + rnd(t, AZATTEST_TRANSPORT_MAX);
	ret = ioctl(file(t), AZATTEST_IOC_ATTACH, place(t, &a, sizeof(a))) < 0 ? -errno : 0;
	NEED_ONE_OF("ATTACH", ret, EALREADY, ENOENT, EINVAL, EFAULT, E2BIG, EINTR);
}

static void do_info(struct thread *t)
{
	struct azattest_info info;
	int ret = azbind_info(file(t), &info);

	NEED_ONE_OF("INFO", ret, ENOTCONN, EFAULT, E2BIG, EINTR);
	if (!ret)
		tap_need(info.generation && info.transport);
}

static void do_attest(struct thread *t)
{
	static char doc[THREADS][AZATTEST_FRAME_MAX];
	struct azattest_attest a = {
		.size = sizeof(a), .flags = AZATTEST_ATTEST_NO_NONCE, .timeout_ms = 20,
		.reply = (uintptr_t)doc[t->state % THREADS], .reply_size = AZATTEST_FRAME_MAX,
	};
	int ret;

	if (!rnd(t, 8))
		a.reply = (uintptr_t)flaky;
	ret = ioctl(file(t), AZATTEST_IOC_ATTEST, &a) < 0 ? -errno : 0;
	NEED_ONE_OF("ATTEST", ret, ENOTCONN, ENODEV, EMSGSIZE, EINTR, EFAULT, ENOMEM);
	if (!ret)
		tap_need(a.status <= AZATTEST_STATUS_MAX);
}

static void do_write(struct thread *t)
{
	char frame[AZATTEST_REQUEST_MAX];
	size_t n = frames_attest_timeout(frame, rnd(t, 1000), "n", 1, 50);

	NEED_ONE_OF("write", talk_put(file(t), frame, n), EAGAIN, EINTR, EFAULT, ENOMEM,
		    ENOTCONN, ENODEV);
}

static void do_read(struct thread *t)
{
	char buf[AZATTEST_FRAME_MAX];
	char *p = place(t, buf, 100);

	NEED_ONE_OF("read", talk_get(file(t), p, p == buf ? sizeof(buf) : 100), EMSGSIZE, EAGAIN,
		    EINTR, EFAULT, ENOTCONN, ENODEV);
}

static void do_poll(struct thread *t)
{
	struct pollfd p[4];

	for (int i = 0; i < 4; i++)
		p[i] = (struct pollfd) { .fd = file(t), .events = POLLIN | POLLOUT };
	poll(p, 4, rnd(t, 3));
}

static void do_close(struct thread *t)
{
	close(file(t));
}

static void do_dup(struct thread *t)
{
	dup2(file(t), file(t));
}

static void do_pass(struct thread *t)
{
	int socks[2], fd;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, socks))
		return;
	if (!tap_send_fd(socks[0], file(t)) && rnd(t, 2)) {
		fd = tap_recv_fd(socks[1]);
		if (fd >= 0) {
			dup2(fd, file(t));
			close(fd);
		}
	}
	close(socks[0]);
	close(socks[1]);
}

static void do_fork(struct thread *t)
{
	pid_t pid;

	if (rnd(t, 4))
		return;
	pid = fork();
	if (!pid) {
		usleep(rnd(t, 3000));
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void new_vhost(unsigned int i)
{
	int fd = open("/dev/vhost-vsock", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, VHOST_AT + i);
	close(fd);
}

static void do_vhost(struct thread *t)
{
	unsigned int i = rnd(t, VHOSTS);

	if (rnd(t, 2))
		rig_set_cid(VHOST_AT + i, CID + rnd(t, VHOSTS));
	else
		new_vhost(i);
}

static pid_t lives[LIVES];
static pthread_mutex_t lives_lock = PTHREAD_MUTEX_INITIALIZER;

static void new_life(unsigned int i)
{
	pid_t pid;
	int fd;

	pthread_mutex_lock(&lives_lock);
	if (lives[i])
		tap_kill(lives[i]);
	pid = fork();
	if (!pid) {
		for (int fd_ = 3; fd_ < 512; fd_++)
			close(fd_);
		pause();
		_exit(0);
	}
	lives[i] = pid;
	fd = rig_pidfd(pid);
	dup2(fd, LIFE_AT + i);
	close(fd);
	pthread_mutex_unlock(&lives_lock);
}

static void do_life(struct thread *t)
{
	new_life(rnd(t, LIVES));
}

static void (*const deeds[])(struct thread *t) = {
	do_open, do_open, do_bind, do_bind, do_bind, do_attach, do_attach, do_info, do_attest,
	do_attest, do_write, do_write, do_read, do_read, do_poll, do_close, do_dup, do_pass,
	do_fork, do_vhost, do_life,
};

static void *run(void *arg)
{
	struct thread *t = arg;

	for (unsigned int i = 0; i < t->loops; i++)
		deeds[rnd(t, TAP_COUNT(deeds))](t);
	return NULL;
}

static void *flip_page(void *arg)
{
	int prot[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };

	(void)arg;
	for (unsigned int i = 0; !stop; i++) {
		mprotect(flaky + 4096, 4096, prot[i % 3]);
		madvise(flaky + 4096, 4096, MADV_DONTNEED);
		usleep(500);
	}
	return NULL;
}

static bool nothing_is_left(void)
{
	for (int i = 0; i < VMS; i++)
		if (!rig_uuid_free(NUMBER + i))
			return false;
	for (int i = 0; i < VHOSTS; i++)
		if (rig_cid_owned(CID + i))
			return false;
	return true;
}

static void threads_at_random_leave_nothing_behind(void)
{
	static struct thread threads[THREADS];
	pthread_t flipper;

	tap_raise_nofile();
	talk_hear_signals();
	close(rig_vhost());
	fakesigner_start(NULL);
	flaky = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tap_need(flaky != MAP_FAILED);
	for (int i = 0; i < VHOSTS; i++)
		new_vhost(i);
	for (int i = 0; i < LIVES; i++)
		new_life(i);
	tap_need(!pthread_create(&flipper, NULL, flip_page, NULL));
	for (int i = 0; i < THREADS; i++) {
		threads[i].state = 0x9e3779b97f4a7c15ULL * (i + 1);
		threads[i].loops = tap_loops(150, 2000);
		tap_need(!pthread_create(&threads[i].id, NULL, run, &threads[i]));
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i].id, NULL);
	stop = true;
	pthread_join(flipper, NULL);
	for (int fd = FILE_AT; fd < LIFE_AT + LIVES; fd++)
		close(fd);
	tap_need_wait(nothing_is_left());
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(threads_at_random_leave_nothing_behind, 240),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
