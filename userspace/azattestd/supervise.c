// SPDX-License-Identifier: GPL-2.0
// Owns the signer processes: how many, of which epoch, and what happens when one ends.

#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS	100
#define BACKOFF_LAST_MS		30000
/* A signer that dies sooner than this after its start counts as a failure. */
#define HEALTHY_MS		10000
/* Self-test and JOIN; generous, for emulated processors. */
#define START_MS		60000
#define STOP_MS			10000
/*
 * Room for reports while we wait for the disk: 1600 at best. It is a wish: a pipe of
 * the default size loses lines sooner, that is all. More would use up the pages that
 * pipes of one user may have, where there are many processors.
 */
#define REPORT_PIPE		(256 << 10)
/*
 * Under load several reports are read at once: each wake takes a processor from a signer.
 * A pipe of even the default size is half empty after it.
 */
#define REPORTS_PAUSE_MS	4

int supervise_check_device(const char *device, struct failure *failure)
{
	int fd = open(device, O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
		return failure_set(failure, EXIT_MODULE, -errno,
				   "%s: %s: the kernel module azattest is not loaded: run "
				   "\"modprobe azattest\"", device, strerror(errno));
	return failure_set(failure, EXIT_MODULE, -errno,
			   "%s: %s: azattestd must be started as root", device, strerror(errno));
}

unsigned int supervise_count(const struct supervise *s, enum supervise_phase phase)
{
	unsigned int count = 0;

	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++)
		count += s->signer[i].phase == phase;
	return count;
}

static unsigned int count_current(const struct supervise *s, enum supervise_phase phase)
{
	unsigned int count = 0;

	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++)
		count += s->signer[i].phase == phase && s->signer[i].epoch == s->epoch;
	return count;
}

unsigned int supervise_ready(const struct supervise *s)
{
	return count_current(s, SUPERVISE_READY);
}

static void enter(struct supervise_signer *signer, enum supervise_phase phase)
{
	signer->phase = phase;
	signer->since_ms = watch_now_ms();
}

static void end_signer(struct supervise_signer *signer)
{
	kill(signer->pid, SIGTERM);
	if (signer->phase != SUPERVISE_STOPPING)
		enter(signer, SUPERVISE_STOPPING);
}

/* reports */

static void failure_counts(struct supervise *s, const char *why)
{
	int64_t wait = BACKOFF_FIRST_MS << (s->failures < 9 ? s->failures : 9);

	s->failures++;
	s->next_ms = watch_now_ms() + (wait < BACKOFF_LAST_MS ? wait : BACKOFF_LAST_MS);
	snprintf(s->why, sizeof(s->why), "%.199s", why);
}

/* A renewal that runs fills a folder that nothing names yet. */
void supervise_prune(struct azattestd *d)
{
	if (d->renew.errand.pid || !d->leaf.number || d->proved != d->leaf.number)
		return;
	state_prune(&d->state, d->leaf.number);
	keeper_prune(d);
}

static void on_ready(struct azattestd *d, struct supervise_signer *signer,
		     const struct report *report)
{
	struct supervise *s = &d->supervise;

	if (signer->phase != SUPERVISE_STARTING)
		return;
	s->memory = report->ready.memory;
	enter(signer, SUPERVISE_READY);
	if (signer->epoch != s->epoch || supervise_ready(s) < s->wanted)
		return;
	log_line(LOG_INFO, "generation %llu is live: %u signers",
		 (unsigned long long)d->leaf.number, s->wanted);
	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++)
		if (s->signer[i].phase != SUPERVISE_FREE && s->signer[i].epoch != s->epoch)
			end_signer(&s->signer[i]);
	audit_live(d);
	d->proved = d->leaf.number;
	supervise_prune(d);
	if (!d->renew.errand.pid && !d->renew.wanted)
		control_sync_ended(d, NULL);
	status_update(d);
}

static void on_failed(struct azattestd *d, struct supervise_signer *signer,
		      const struct report *report)
{
	if (report->failure.code == REPORT_FAILURE_VERSION) {
		daemon_abort(d, EXIT_MODULE,
			     "%s: the loaded module speaks signer protocol %u, this azattestd %u: "
			     "install both from one release and load that module", d->device,
			     report->failure.detail, AZATTEST_SIGNER_VERSION);
		return;
	}
	signer->excuses_leaf = report->failure.code != REPORT_FAILURE_LEAF;
	log_line(LOG_ERR, "signer %d: %.*s", signer->pid, (int)sizeof(report->failure.text),
		 report->failure.text);
	snprintf(d->supervise.why, sizeof(d->supervise.why), "%.*s",
		 (int)sizeof(report->failure.text), report->failure.text);
}

static void on_report(struct azattestd *d, struct supervise_signer *signer,
		      const struct report *report)
{
	switch (report->kind) {
	case REPORT_READY:
		on_ready(d, signer, report);
		break;
	case REPORT_FAILED:
		on_failed(d, signer, report);
		break;
	default:
		journal_report(&d->journal, d->config.journal, report);
		audit_report(d, signer, report);
	}
}

/*
 * Whole reports out of what is there; a writer's end may have cut the last one.
 * 1: there may be more; -EAGAIN: not now; 0: never.
 */
static int drain(struct azattestd *d, struct supervise_signer *signer)
{
	uint8_t buf[32 * sizeof(struct report)];
	size_t have = signer->partial_len, room = sizeof(buf) - have, at;
	struct report report;
	ssize_t n;

	memcpy(buf, signer->partial, have);
	n = read(signer->watch.fd, buf + have, room);
	if (n < 0)
		return -EAGAIN;
	if (!n)
		return 0;
	have += (size_t)n;
	for (at = 0; have - at >= sizeof(report); at += sizeof(report)) {
		memcpy(&report, buf + at, sizeof(report));
		on_report(d, signer, &report);
	}
	signer->partial_len = have - at;
	memcpy(signer->partial, buf + at, signer->partial_len);
	journal_flush(&d->journal);
	audit_flush(d);
	return (size_t)n == room ? 1 : -EAGAIN;
}

static void reports_ready(struct watch *watch, uint32_t events)
{
	struct azattestd *d = watch->owner;
	struct supervise_signer *signer;
	int ret;

	(void)events;
	signer = (struct supervise_signer *)((char *)watch -
					     offsetof(struct supervise_signer, watch));
	ret = drain(d, signer);
	if (!ret)
		watch_close(watch);
	else if (ret < 0)
		watch_pause(watch, REPORTS_PAUSE_MS);
}

/* starting */

static struct supervise_signer *find_free(struct supervise *s)
{
	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++)
		if (s->signer[i].phase == SUPERVISE_FREE && !s->signer[i].pid)
			return &s->signer[i];
	return NULL;
}

static int spawn_one(struct azattestd *d, struct supervise_signer *signer, int setup, int device,
		     struct failure *failure)
{
	char *const argv[] = { (char *)"azattest-signer", NULL };
	struct spawn spawn = {
		.path = d->signer, .argv = argv, .fds = { setup, device, -1, -1 }, .count = 4,
	};
	int report[2];

	if (pipe2(report, O_CLOEXEC | O_NONBLOCK))
		return failure_set(failure, EXIT_FAILURE, -errno, "pipe: %s", strerror(errno));
	fcntl(report[1], F_SETPIPE_SZ, REPORT_PIPE);
	spawn.fds[2] = report[1];
	if (d->leaf.sealed)
		spawn.fds[3] = equip_ask_grant(d);
	signer->pid = spawn_signer(&spawn);
	close(report[1]);
	if (spawn.fds[3] >= 0)
		close(spawn.fds[3]);
	if (signer->pid < 0) {
		int error = signer->pid;

		signer->pid = 0;
		close(report[0]);
		return failure_set(failure, EXIT_FAILURE, error, "fork: %s", strerror(-error));
	}
	signer->watch = (struct watch) { .fd = report[0], .ready = reports_ready, .owner = d };
	signer->epoch = d->supervise.epoch;
	signer->partial_len = 0;
	signer->excuses_leaf = false;
	show_serial(d->leaf.cert, signer->serial);
	enter(signer, SUPERVISE_STARTING);
	return watch_add(&signer->watch, EPOLLIN);
}

/* The leaf's folder does, and not this process. */
static bool lacks_something(int error, const struct failure *failure)
{
	return failure->exit == EXIT_STATE && error != -EMFILE && error != -ENFILE &&
	       error != -ENOMEM && error != -EIO;
}

static int start_signer(struct azattestd *d, struct failure *failure)
{
	struct supervise_signer *signer = find_free(&d->supervise);
	int device, setup, ret;

	if (!signer)
		return failure_set(failure, EXIT_FAILURE, -EAGAIN,
				   "older signers have not ended yet");
	ret = supervise_check_device(d->device, failure);
	if (ret)
		return ret;
	device = open(d->device, O_RDWR | O_CLOEXEC);
	setup = equip_open_setup(d, failure);
	if (setup < 0 && lacks_something(setup, failure))
		d->supervise.rejections++;
	ret = setup < 0 ? setup : spawn_one(d, signer, setup, device, failure);
	if (setup >= 0)
		close(setup);
	close(device);
	return ret;
}

static void start_missing(struct azattestd *d)
{
	struct supervise *s = &d->supervise;
	struct failure failure;

	/* The keeper is coming back, or says why not. */
	if (d->leaf.sealed && !keeper_has(d, d->leaf.head.kek))
		return;
	while (s->epoch && !d->audit.held && count_current(s, SUPERVISE_READY) +
			   count_current(s, SUPERVISE_STARTING) < s->wanted) {
		if (watch_now_ms() < s->next_ms)
			return;
		if (start_signer(d, &failure)) {
			log_line(LOG_ERR, "signer: %s", failure.text);
			failure_counts(s, failure.text);
			status_update(d);
			return;
		}
	}
}

void supervise_hold(struct azattestd *d, bool hold)
{
	if (hold)
		supervise_stop(d);
	else
		start_missing(d);
	status_update(d);
}

void supervise_start_over(struct azattestd *d)
{
	struct supervise *s = &d->supervise;

	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++)
		if (s->signer[i].phase == SUPERVISE_STARTING)
			end_signer(&s->signer[i]);
}

void supervise_renew(struct azattestd *d)
{
	struct supervise *s = &d->supervise;

	s->epoch++;
	s->wanted = config_processes(&d->config);
	s->failures = 0;
	s->rejections = 0;
	s->next_ms = 0;
	supervise_start_over(d);
	start_missing(d);
}

/* time */

/* A waiting signer does not see the clock: tell it to look. */
static void follow_clock(struct azattestd *d)
{
	struct supervise *s = &d->supervise;
	int64_t now = time(NULL);
	uint32_t state = now >= d->leaf.not_before && now < d->leaf.not_after ?
		AZATTEST_HOST_READY : AZATTEST_HOST_EXPIRED;

	if (state == s->host_state)
		return;
	s->host_state = state;
	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++)
		if (s->signer[i].phase == SUPERVISE_READY)
			kill(s->signer[i].pid, SIGUSR1);
}

static void look_at(struct supervise_signer *signer)
{
	int64_t age = watch_now_ms() - signer->since_ms;

	if (signer->phase == SUPERVISE_STARTING && age > START_MS) {
		log_line(LOG_ERR, "signer %d: not ready after %d s: killed", signer->pid,
			 START_MS / 1000);
		kill(signer->pid, SIGKILL);
	}
	/* Again and again: a signal just before it waits for requests is lost. */
	if (signer->phase == SUPERVISE_STOPPING)
		kill(signer->pid, age > STOP_MS ? SIGKILL : SIGTERM);
}

/* All have been ready for a while: what went wrong before is over. */
static void forget_failures(struct supervise *s)
{
	if (!s->failures || supervise_ready(s) < s->wanted)
		return;
	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++)
		if (s->signer[i].phase == SUPERVISE_READY &&
		    watch_now_ms() - s->signer[i].since_ms < HEALTHY_MS)
			return;
	s->failures = 0;
	s->rejections = 0;
	s->why[0] = 0;
}

void supervise_tick(struct azattestd *d)
{
	struct supervise *s = &d->supervise;

	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++)
		look_at(&s->signer[i]);
	if (d->stopping)
		return;
	follow_clock(d);
	forget_failures(s);
	start_missing(d);
}

/* ends */

static void say_end(const struct supervise_signer *signer, int status, char *text, size_t size)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		snprintf(text, size, "made a system call that its filter forbids");
	else if (WIFSIGNALED(status))
		snprintf(text, size, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(text, size, "exit code %d", WEXITSTATUS(status));
	log_line(LOG_ERR, "signer %d ended: %s", signer->pid, text);
}

static void unexpected_end(struct azattestd *d, struct supervise_signer *signer, int status)
{
	struct supervise *s = &d->supervise;
	bool current = signer->epoch == s->epoch;
	bool healthy = signer->phase == SUPERVISE_READY &&
		       watch_now_ms() - signer->since_ms > HEALTHY_MS;
	char how[64], why[sizeof(s->why)];

	say_end(signer, status, how, sizeof(how));
	audit_signer_ended(d, signer->pid, how);
	if (!current)
		return;
	s->restarts++;
	if (healthy) {
		s->failures = 0;
		s->next_ms = 0;
		return;
	}
	snprintf(why, sizeof(why), "%s", *s->why ? s->why : how);
	failure_counts(s, why);
	s->rejections += !signer->excuses_leaf;
	if (s->failures == SUPERVISE_REPEATED)
		log_line(LOG_CRIT, "signers end again and again (%s): tried every %d s from now on; "
			 "guests hear \"retry\" meanwhile", why, BACKOFF_LAST_MS / 1000);
}

bool supervise_ended(struct azattestd *d, pid_t pid, int status)
{
	struct supervise *s = &d->supervise;

	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++) {
		struct supervise_signer *signer = &s->signer[i];

		if (signer->pid != pid)
			continue;
		while (signer->watch.fd >= 0 && drain(d, signer) == 1)
			;
		if (signer->phase != SUPERVISE_STOPPING && !d->stopping)
			unexpected_end(d, signer, status);
		watch_close(&signer->watch);
		signer->pid = 0;
		signer->phase = SUPERVISE_FREE;
		return true;
	}
	return false;
}

void supervise_retire(struct azattestd *d)
{
	d->supervise.wanted = 0;
	d->supervise.failures = 0;
	d->supervise.why[0] = 0;
	supervise_stop(d);
}

void supervise_stop(struct azattestd *d)
{
	struct supervise *s = &d->supervise;

	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++)
		if (s->signer[i].phase != SUPERVISE_FREE)
			end_signer(&s->signer[i]);
}
