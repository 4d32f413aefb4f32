// SPDX-License-Identifier: GPL-2.0
// Owns what the daemon does when: signals, ticks, renewals, the end.

#include "azattestd.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#define TICK_MS		1000
#define RENEWED_PAUSE_MS	(10 * 60 * 1000LL)
#define BUSY_TICK_MS	100	/* while something is about to start or to end */
/* Signers that a leaf did not work with, after which one that never worked gives way. */
#define UNPROVED_FAILURES	3

void daemon_abort(struct azattestd *d, int exit, const char *format, ...)
{
	char text[600];
	va_list args;

	if (d->stopping)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_line(LOG_CRIT, "%s", text);
	snprintf(d->why, sizeof(d->why), "%.299s", text);
	d->exit = exit;
	d->stopping = true;
}

static bool level_is_enough(const struct azattestd *d)
{
	return !d->leaf.number || d->leaf.level >= d->config.key_require;
}

static bool key_opens(const struct azattestd *d)
{
	if (!level_is_enough(d))
		return false;
	return !d->leaf.sealed || keeper_has(d, d->leaf.head.kek);
}

/* A leaf that signers may start with: the configuration's, valid or once valid. */
static bool leaf_usable(const struct azattestd *d)
{
	return d->leaf.number && leaf_fits(&d->leaf, &d->config) && key_opens(d);
}

/* New keys are kept otherwise than the leaf's: at another level, by a newer wrapping key. */
static bool key_is_outdated(const struct azattestd *d)
{
	const struct keeper_report *report = &d->keeper.now.report;

	if (!keeper_ready(d) || report->level == SEAL_FILE)
		return d->leaf.sealed;
	return !d->leaf.sealed || memcmp(d->leaf.head.kek, report->id, SEAL_ID_LEN);
}

/* Our own CA dated it by a clock that was ahead, and has been set back since: no CA need be asked. */
static bool is_from_ahead(const struct azattestd *d)
{
	int64_t now = time(NULL);
	enum clock_doubt doubt = clock_doubt(&d->clock, now);

	return d->config.source == CONFIG_EMBEDDED && now < d->leaf.not_before &&
	       (doubt == CLOCK_FINE || doubt == CLOCK_JUMPED);
}

static bool ends_soon(const struct azattestd *d)
{
	return d->leaf.not_after - time(NULL) < (int64_t)d->config.renew_days * 86400;
}

static bool renewal_due(struct azattestd *d)
{
	if (d->retire.since || d->retire.errand.pid)
		return false;
	if (keeper_needed(d) && !keeper_ready(d))
		return false;
	if (d->renew.wanted || !d->leaf.number)
		return true;
	/* A CA may issue what is due again at once, and each time anew: not in a storm. */
	if (clock_boot_ms() < d->renew.rested_ms)
		return false;
	return !leaf_usable(d) || d->leaf.source != d->config.source || key_is_outdated(d) ||
	       is_from_ahead(d) || ends_soon(d);
}

static void start_renewal(struct azattestd *d)
{
	int ret = renew_start(d);

	if (!ret)
		return;
	log_line(LOG_ERR, "renewal: cannot start its process: %s", strerror(-ret));
	d->renew.next_ms = clock_boot_ms() + TICK_MS;
}

/* The newest leaf goes live: signers that have proved it, then the older ones end. */
static void go_live(struct azattestd *d)
{
	if (level_is_enough(d))
		supervise_renew(d);
	else
		supervise_retire(d);
	status_update(d);
}

/* What is due may be another thing now, also for the renewal that runs. */
static void look_again(struct azattestd *d)
{
	d->renew.next_ms = 0;
	d->renew.rested_ms = 0;
	d->renew.overtaken = true;
}

void daemon_keys_open(struct azattestd *d)
{
	look_again(d);
	if (leaf_usable(d) && !d->supervise.wanted)
		go_live(d);
	status_update(d);
}

/* A CA elsewhere may come back; what this host cannot do for itself stays undone. */
static void renewal_failed(struct azattestd *d)
{
	if (control_sync_ended(d, d->renew.errand.failure.text))
		d->renew.next_ms = 0;
	if (!d->leaf.number && d->config.source == CONFIG_EMBEDDED && !clock_never_set(time(NULL))) {
		daemon_abort(d, d->renew.errand.failure.exit, "no certificate: %s", d->renew.errand.failure.text);
		return;
	}
	log_line(LOG_ERR, "renewal failed: %s", d->renew.errand.failure.text);
	supervise_prune(d);
	audit_renewal_failed(d);
	status_update(d);
}

/*
 * Key and certificate were checked, and still cannot be signed with: the older
 * ones come back. They are there until the newer ones have proved themselves.
 */
static void reject_leaf(struct azattestd *d, const char *why)
{
	char name[STATE_LEAF_NAME], text[400];
	struct failure failure;

	state_leaf_name(state_newest_leaf(&d->state), name);
	snprintf(text, sizeof(text), "%s was dropped, it cannot be used: %.300s", name, why);
	log_line(LOG_ERR, "%s", text);
	audit_dropped(d, state_newest_leaf(&d->state), why);
	state_drop(&d->state, name);
	history_dropped(d, why);
	leaf_free(&d->leaf);
	leaf_load(&d->leaf, &d->state, &failure);
	renew_failed(d, text);
	control_sync_ended(d, text);
	if (leaf_usable(d))
		go_live(d);
}

static bool leaf_is_bad(const struct azattestd *d)
{
	return d->leaf.number && d->proved != d->leaf.number &&
	       d->supervise.rejections >= UNPROVED_FAILURES &&
	       state_older_leaf((struct state *)&d->state, d->leaf.number);
}

static void renewal_ended(struct azattestd *d, int status)
{
	struct failure failure;

	if (renew_again(d, status))
		return;
	if (renew_ended(d, status)) {
		renewal_failed(d);
		return;
	}
	if (leaf_load(&d->leaf, &d->state, &failure)) {
		reject_leaf(d, failure.text);
		return;
	}
	clock_confirm(d);
	history_issued(d);
	log_line(LOG_INFO, "new key and certificate: generation %" PRIu64 ", source %s",
		 d->leaf.number, config_sources[d->leaf.source]);
	audit_certificate(d);
	d->renew.rested_ms = d->renew.overtaken ? 0 : clock_boot_ms() + RENEWED_PAUSE_MS;
	go_live(d);
}

static void reap(struct azattestd *d)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == d->renew.errand.pid && d->stopping)
			errand_ended(&d->renew.errand, status);	/* we ended it */
		else if (pid == d->renew.errand.pid)
			renewal_ended(d, status);
		else if (pid == d->retire.errand.pid)
			retire_revoked(d, status);
		else if (!keeper_ended(d, pid, status))
			supervise_ended(d, pid, status);
	}
	status_update(d);
}

/* As a whole or not at all: the running configuration is replaced by a good one. */
static void reload(struct azattestd *d)
{
	struct failure failure;
	struct config *fresh = malloc(sizeof(*fresh));

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIi64, watch_now_ms() * 1000);
	if (!fresh || config_read(fresh, d->config_path, &failure)) {
		log_line(LOG_ERR, "reload refused, the running configuration stays: %s",
			 fresh ? failure.text : "no memory");
		audit_refused_reload(d, fresh ? failure.text : "no memory");
	} else {
		d->config = *fresh;
		log_line(LOG_INFO, "reloaded");
		keeper_reload(d);
		audit_reload(d);
		look_again(d);
		if (leaf_usable(d) || !level_is_enough(d))
			go_live(d);
	}
	free(fresh);
	sd_notify(0, "READY=1");
}

static void stop_by_signal(struct azattestd *d, uint32_t number)
{
	snprintf(d->why, sizeof(d->why), "SIG%s", sigabbrev_np((int)number));
	d->stopping = true;
}

static void on_signal(struct watch *watch, uint32_t events)
{
	struct azattestd *d = watch->owner;
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap(d);
	else if (info.ssi_signo == SIGHUP)
		reload(d);
	else
		stop_by_signal(d, info.ssi_signo);
}

static int open_signals(struct azattestd *d)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* write() says it: EFBIG */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	d->signals = (struct watch) { .fd = fd, .ready = on_signal, .owner = d };
	return watch_add(&d->signals, EPOLLIN);
}

int daemon_open(struct azattestd *d, struct failure *failure)
{
	int ret = open_signals(d);

	d->started = watch_now_ms();
	errand_init(&d->renew.errand);
	errand_init(&d->retire.errand);
	keeper_open(d);
	for (size_t i = 0; i < sizeof(d->supervise.signer) / sizeof(d->supervise.signer[0]); i++)
		d->supervise.signer[i].watch.fd = -1;
	if (ret)
		return failure_set(failure, EXIT_FAILURE, ret, "signals: %s", strerror(-ret));
	history_open(d);
	retire_open(d);
	ret = d->retire.since ? -ENOENT : leaf_load(&d->leaf, &d->state, failure);
	if (ret && ret != -ENOENT)
		return ret;
	clock_open(d);
	if (leaf_usable(d))
		go_live(d);
	return 0;
}

/* With a CA elsewhere, or a key that does not open, a host is up without documents. */
static bool is_up(const struct azattestd *d)
{
	const struct supervise *s = &d->supervise;

	if (d->retire.since || d->audit.held)
		return true;
	if (s->wanted)
		return supervise_ready(s) == s->wanted;
	if (*d->keeper.error)
		return true;
	return d->renew.failures;
}

static void tick(struct azattestd *d)
{
	keeper_tick(d);
	if (!d->renew.errand.pid && renewal_due(d) &&
	    (clock_boot_ms() >= d->renew.next_ms || renew_directory_changed(d)))
		start_renewal(d);
	if (leaf_is_bad(d))
		reject_leaf(d, d->supervise.why);
	audit_tick(d);
	supervise_tick(d);
	control_tick(d);
	status_update(d);
	if (!d->notified && is_up(d)) {
		d->notified = true;
		sd_notify(0, "READY=1");
	}
}

static int patience(const struct azattestd *d)
{
	const struct supervise *s = &d->supervise;
	bool busy = d->keeper.next.pid > 0 || supervise_count(s, SUPERVISE_STOPPING) || supervise_ready(s) < s->wanted ||
		    !d->notified;

	return busy ? BUSY_TICK_MS : TICK_MS;
}

/* Signers finish what they hold; the supervisor's ticks lose patience at last. */
static void stop(struct azattestd *d)
{
	sd_notify(0, "STOPPING=1");
	errand_stop(&d->renew.errand);
	errand_stop(&d->retire.errand);
	supervise_stop(d);
	keeper_stop(d);
	while (supervise_count(&d->supervise, SUPERVISE_STOPPING)) {
		watch_wait(BUSY_TICK_MS);
		supervise_tick(d);
	}
	clock_close(d);
	history_close(d);
	control_close(d);
	audit_close(d, d->why);
	leaf_free(&d->leaf);
	state_close(&d->state);
}

int daemon_run(struct azattestd *d)
{
	int64_t next = 0;

	while (!d->stopping) {
		if (watch_now_ms() >= next) {
			tick(d);
			next = watch_now_ms() + patience(d);
		}
		if (!d->stopping)
			watch_wait((int)(next > watch_now_ms() ? next - watch_now_ms() : 0));
	}
	stop(d);
	return d->exit;
}
