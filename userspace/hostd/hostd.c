// SPDX-License-Identifier: GPL-2.0
// Owns when hostd looks at what: one idempotent pass, on events, on ticks, on request.

#include "core.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#define TICK_MS		1000
#define GAP_MS		20	/* between two passes: events come in flocks */
#define FIREWALL_PAUSE	100	/* times what a look at it took: nothing is repaired meanwhile */

void hostd_changed(struct hostd *hostd)
{
	hostd->changed = true;
}

void hostd_wake_at(struct hostd *hostd, int64_t ms)
{
	if (!hostd->wake_ms || ms < hostd->wake_ms)
		hostd->wake_ms = ms;
}

void hostd_repaired(struct hostd *hostd, unsigned int count, const char *what)
{
	hostd->repairs += count;
	log_line(LOG_WARNING, "%s: somebody changed it: repaired (%u)", what, count);
}

void hostd_problem(struct hostd *hostd, enum hostd_problem which, const char *text)
{
	char *old = hostd->problem[which];

	if (!text)
		text = "";
	if (!strncmp(old, text, sizeof(hostd->problem[0]) - 1))
		return;
	if (*text)
		log_line(LOG_WARNING, "%s", text);
	snprintf(old, sizeof(hostd->problem[0]), "%s", text);
}

/* ---- network and fence ---- */

/*
 * The first fence of this process tells which slots are in use. A later one
 * takes the place of the one that is open, which stays if there is no better:
 * its links may be held by nothing else.
 */
static int open_fence(struct hostd *hostd, struct failure *failure)
{
	const struct config *c = &hostd->config;
	struct fence_config config = {
		.pin_dir = hostd->pin_dir,
		.address = { c->net.address[0], c->net.address[1] },
		.port = c->port, .base = c->net.base, .slots = hostd->slots.count,
		.syn_rate = c->syn_rate, .syn_burst = c->syn_burst,
	};
	struct fence *fence;
	bool adopted;
	int ret;

	rights_load_begin();
	ret = fence_open(&fence, &config, &adopted, failure);
	rights_load_end();
	if (ret)
		return ret;
	log_line(LOG_INFO, "fence: %s", adopted ? "adopted" : "loaded");
	fence_close(hostd->fence);
	hostd->fence = fence;
	hostd->bridge = 0;
	hostd->rest.in_fence = false;
	/* Adopted again, the sockmap is as it was. */
	hostd->rest.stale = adopted && (hostd->rest.stale || !hostd->slots_known);
	if (adopted && !hostd->slots_known)
		vm_adopt_slots(hostd);
	hostd->slots_known = true;
	return 0;
}

/* steer first: without it a squatter's socket could get the guests. */
static int mend_links(struct hostd *hostd, struct failure *failure)
{
	unsigned int lost;
	int ret;

	if (!hostd->fence)
		return open_fence(hostd, failure);
	lost = fence_audit_links(hostd->fence);
	if (!lost)
		return 0;
	hostd->rest.in_fence = false;
	ret = fence_repair_links(hostd->fence, failure);
	if (!ret && !fence_audit_links(hostd->fence)) {
		hostd_repaired(hostd, 1, "fence");
		return 0;
	}
	ret = open_fence(hostd, failure);
	if (!ret)
		hostd_repaired(hostd, 1, "fence");
	return ret;
}

static int mend_bridges(struct hostd *hostd, struct failure *failure)
{
	unsigned int was = hostd->bridge;

	for (unsigned int i = 0; i < net_bridges(hostd->net); i++) {
		const struct net_bridge *bridge = net_bridge(hostd->net, i);
		bool same = i || bridge->ifindex == was;
		int ret;

		/* A further one that somebody deleted is made when ports need it. */
		if (i && !bridge->ifindex)
			continue;
		if (same && !fence_audit_bridge(hostd->fence, bridge->ifindex, !i))
			continue;
		ret = fence_set_bridge(hostd->fence, bridge->ifindex, bridge->mac, !i, failure);
		if (ret)
			return ret;
		if (!i)
			hostd->bridge = bridge->ifindex;
		if (same && !i)
			hostd_repaired(hostd, 1, hostd->config.net.bridge);
	}
	return 0;
}

static int mend_network(struct hostd *hostd, struct failure *failure)
{
	unsigned int repaired = 0;
	int ret = net_up(hostd->net, &repaired, failure);

	if (ret)
		return ret;
	if (repaired && hostd->bridge)
		hostd_repaired(hostd, repaired, hostd->config.net.bridge);
	return mend_bridges(hostd, failure);
}

static int mend_host(struct hostd *hostd, struct failure *failure)
{
	int ret = mend_links(hostd, failure);

	hostd_problem(hostd, PROBLEM_FENCE, ret ? failure->text : NULL);
	if (ret)
		return ret;
	ret = mend_network(hostd, failure);
	hostd_problem(hostd, PROBLEM_NETWORK, ret ? failure->text : NULL);
	hostd_problem(hostd, PROBLEM_VLANS, ret || net_bridge(hostd->net, 0)->filters_vlans ? NULL :
		      "this kernel's bridges cannot filter VLANs: if br_in is taken off the bridge, "
		      "taps that are not enrolled can reach it until that is mended: use a kernel "
		      "with CONFIG_BRIDGE_VLAN_FILTERING");
	return ret;
}

static void mend_host_patiently(struct hostd *hostd)
{
	struct failure failure;

	if (backoff_ready(&hostd->backoff)) {
		if (!mend_host(hostd, &failure)) {
			backoff_clear(&hostd->backoff);
			return;
		}
		backoff_failed(&hostd->backoff);
	}
	hostd_wake_at(hostd, hostd->backoff.next_ms);
}

/* ---- the pass ---- */

static void check_firewall(struct hostd *hostd)
{
	int64_t begin = watch_now_ms();
	char advice[300];

	if (net_firewall_check(hostd->net, hostd->config.port, advice, sizeof(advice)) == 1)
		hostd_problem(hostd, PROBLEM_FIREWALL, advice);
	else
		hostd_problem(hostd, PROBLEM_FIREWALL, NULL);
	hostd->firewall_ms = watch_now_ms() + (watch_now_ms() - begin) * FIREWALL_PAUSE;
}

static void tell_restd(struct hostd *hostd)
{
	struct rest *rest = &hostd->rest;
	struct failure failure;
	char text[400];

	rest_pump(rest);
	if (rest_into_fence(rest, &failure)) {
		hostd_problem(hostd, PROBLEM_REST, failure.text);
		hostd_wake_at(hostd, watch_now_ms() + TICK_MS);
	} else if (rest->phase == REST_SYNCED || !hostd->legacy) {
		hostd_problem(hostd, PROBLEM_REST, NULL);
	} else if (*rest->refused) {
		snprintf(text, sizeof(text), "azattest-restd is refused: %s", rest->refused);
		hostd_problem(hostd, PROBLEM_REST, text);
	} else {
		hostd_problem(hostd, PROBLEM_REST, "azattest-restd is not connected: systemctl start "
			      "azattest-restd");
	}
}

void hostd_pass(struct hostd *hostd)
{
	int64_t begin = watch_now_ms();

	hostd->changed = false;
	hostd->wake_ms = 0;
	if (hostd->legacy)
		mend_host_patiently(hostd);
	bind_settle(hostd);
	vm_process_settle(hostd);
	for (struct vm *vm = hostd->vms; vm; vm = vm->next)
		vm_settle(hostd, vm);
	tell_restd(hostd);
	drain_settle(hostd);
	rest_tick(&hostd->rest);
	hostd_problem(hostd, PROBLEM_MODULE, module_present(&hostd->module) ? NULL :
		      "the kernel module is not loaded: modprobe azattest");
	hostd->passed_ms = watch_now_ms();
	hostd->pass_took_ms = hostd->passed_ms - begin;
}

/* ---- on and off ---- */

/* Every trace; also what an earlier life has left. */
static int clear_host(struct hostd *hostd, struct failure *failure)
{
	int ret = 0;

	/* It may tell that VMs have slots. */
	if (!hostd->fence && !access(hostd->pin_dir, F_OK))
		ret = open_fence(hostd, failure);
	for (struct vm *vm = hostd->vms; vm; vm = vm->next) {
		vm_withdraw(hostd, vm, failure);
		vm->port = 0;
		backoff_clear(&vm->backoff);
	}
	if (hostd->fence) {
		ret = fence_remove(hostd->fence, failure);
		if (!ret) {
			fence_close(hostd->fence);
			hostd->fence = NULL;
		}
	}
	hostd->bridge = 0;
	hostd->rest.in_fence = false;
	hostd->rest.stale = hostd->rest.stale && ret;
	if (!ret)
		ret = net_down(hostd->net, failure);
	backoff_clear(&hostd->backoff);
	for (unsigned int i = 0; i < PROBLEM_RECORDS; i++)
		if (i != PROBLEM_REST && i != PROBLEM_MODULE)
			hostd_problem(hostd, i, NULL);
	return ret;
}

static int write_legacy(struct hostd *hostd, bool on, struct failure *failure)
{
	json_t *object = json_pack("{s:b}", "enabled", on);
	int ret = store_put(&hostd->store, "legacy", object, failure);

	json_decref(object);
	if (!ret)
		hostd->legacy = on;
	return ret ? -EIO : 0;
}

static int turn_off(struct hostd *hostd, struct failure *failure)
{
	int ret = write_legacy(hostd, false, failure);

	if (ret)
		return ret;
	log_line(LOG_INFO, "REST access is off");
	ret = clear_host(hostd, failure);
	hostd_pass(hostd);
	return ret;
}

/* It is on once it has worked; then a later failure is a problem, not an end. */
static int turn_on(struct hostd *hostd, struct failure *failure)
{
	struct failure ignored;
	int ret = mend_host(hostd, failure);

	if (!ret && !hostd->legacy)
		ret = write_legacy(hostd, true, failure);
	if (ret && !hostd->legacy)
		clear_host(hostd, &ignored);
	if (ret)
		return ret;
	log_line(LOG_INFO, "REST access is on");
	backoff_clear(&hostd->backoff);
	for (struct vm *vm = hostd->vms; vm; vm = vm->next)
		backoff_clear(&vm->backoff);
	check_firewall(hostd);
	hostd_pass(hostd);
	return 0;
}

int legacy_set(struct hostd *hostd, bool on, struct failure *failure)
{
	return on ? turn_on(hostd, failure) : turn_off(hostd, failure);
}

/* ---- start ---- */

static void on_signal(struct watch *watch, uint32_t events)
{
	struct hostd *hostd = watch->owner;
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) == sizeof(info))
		hostd->stopping = true;
}

static int open_signals(struct hostd *hostd)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	hostd->signals = (struct watch) { .fd = fd, .ready = on_signal, .owner = hostd };
	return watch_add(&hostd->signals, EPOLLIN);
}

static void on_network(struct watch *watch, uint32_t events)
{
	struct hostd *hostd = watch->owner;

	(void)events;
	if (net_watch_read(hostd->net))
		hostd_changed(hostd);
}

static int open_loop(struct hostd *hostd, struct failure *failure)
{
	int ret = watch_open();

	if (!ret)
		ret = open_signals(hostd);
	if (!ret)
		ret = slots_open(&hostd->slots, 1u << (32 - hostd->config.net.prefix));
	if (ret)
		return failure_set(failure, EXIT_FAILURE, ret, "start: %s", strerror(-ret));
	ret = net_open(&hostd->net, &hostd->config.net, failure);
	if (ret)
		return ret;
	hostd->net_watch = (struct watch) {
		.fd = net_watch_fd(hostd->net), .ready = on_network, .owner = hostd,
	};
	ret = watch_add(&hostd->net_watch, EPOLLIN);
	return ret ? failure_set(failure, EXIT_FAILURE, ret, "epoll: %s", strerror(-ret)) : 0;
}

static int read_legacy(struct hostd *hostd, struct failure *failure)
{
	json_t *object = store_get(&hostd->store, "legacy", failure);

	if (!object && *failure->text)
		return -EINVAL;
	hostd->legacy = json_is_true(json_object_get(object, "enabled"));
	json_decref(object);
	return 0;
}

/* What is wrong with the host now may heal: hostd goes on and tells. */
static void begin(struct hostd *hostd)
{
	struct failure failure;

	if (!hostd->legacy && clear_host(hostd, &failure))
		log_line(LOG_ERR, "%s", failure.text);
	if (hostd->legacy)
		check_firewall(hostd);
	hostd_pass(hostd);
}

int hostd_open(struct hostd *hostd, const struct hostd_options *options, struct failure *failure)
{
	int ret;

	hostd->pin_dir = options->pin_dir;
	hostd->signer_config = options->signer_config;
	hostd->audit_s = options->audit_s;
	hostd->take_socket = options->take_socket;
	hostd->started = time(NULL);
	hostd->opened_ms = watch_now_ms();
	ret = store_open(&hostd->store, options->state, failure);
	if (!ret)
		ret = open_loop(hostd, failure);
	if (!ret)
		ret = module_open(&hostd->module, hostd, options->device, failure);
	if (!ret)
		ret = rest_open(&hostd->rest, hostd, options->run, failure);
	if (!ret)
		ret = read_legacy(hostd, failure);
	if (!ret)
		ret = vm_load(hostd, failure);
	if (ret)
		return ret;
	begin(hostd);
	return api_open(&hostd->api, hostd, &hostd->config, options->run, failure);
}

/* ---- the loop ---- */

/* The kernel tells nobody when a link is detached, so it is asked. */
static void tick(struct hostd *hostd)
{
	if (hostd->fence && fence_audit_links(hostd->fence))
		hostd_changed(hostd);
	if (sd_watchdog_enabled(0, NULL) > 0)
		sd_notify(0, "WATCHDOG=1");
}

static bool pass_due(const struct hostd *hostd)
{
	int64_t gap = hostd->pass_took_ms > GAP_MS ? hostd->pass_took_ms : GAP_MS;
	int64_t now = watch_now_ms();

	if (hostd->wake_ms && now >= hostd->wake_ms)
		return true;
	return hostd->changed && now >= hostd->passed_ms + gap;
}

static int patience(const struct hostd *hostd, int64_t next_tick)
{
	int64_t wait = next_tick - watch_now_ms();

	if (hostd->wake_ms && hostd->wake_ms - watch_now_ms() < wait)
		wait = hostd->wake_ms - watch_now_ms();
	if (hostd->changed && wait > GAP_MS)
		wait = GAP_MS;
	return wait > 0 ? (int)wait : 0;
}

static void stop(struct hostd *hostd)
{
	sd_notify(0, "STOPPING=1");
	bind_close_all(hostd);
	api_close(hostd->api);
	vm_close_all(hostd);
	rest_close(&hostd->rest);
	module_close(&hostd->module);
	if (hostd->fence)
		fence_close(hostd->fence);
	net_close(hostd->net);
	slots_close(&hostd->slots);
	store_close(&hostd->store);
	watch_close(&hostd->signals);
}

void hostd_run(struct hostd *hostd)
{
	int64_t next_tick = 0;

	audit_plan(hostd);
	while (!hostd->stopping) {
		if (watch_now_ms() >= next_tick) {
			tick(hostd);
			next_tick = watch_now_ms() + TICK_MS;
		}
		if (audit_due(hostd)) {
			if (watch_now_ms() >= hostd->firewall_ms)
				check_firewall(hostd);
			audit_plan(hostd);
			hostd_changed(hostd);
		}
		if (pass_due(hostd))
			hostd_pass(hostd);
		watch_wait(patience(hostd, next_tick));
	}
	stop(hostd);
}
