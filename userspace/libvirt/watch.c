// SPDX-License-Identifier: GPL-2.0
// Owns the connection to libvirtd: which domains changed, and which are looked at when.

#include <userspace/libvirt/libvirt.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include <libvirt/virterror.h>
#include <systemd/sd-daemon.h>

#define KEEPALIVE_S	5
#define KEEPALIVE_COUNT	3

/* A domain that something happened to. Callbacks only note it: they may not ask libvirt. */
struct changed {
	struct changed *next;
	virDomainPtr domain;
};

static struct {
	const struct agent *agent;
	virConnectPtr connection;
	struct changed *first, **last;
	bool closed;		/* the connection is */
	bool all;		/* every domain is to be looked at */
	int timer;		/* for those that are tried again */
	bool quiet;		/* that libvirtd does not answer was said */
} w;

static bool stopping;

/* Signals are read, not caught: one that comes just before the loop waits is not lost. */
static void on_signal(int watch, int fd, int events, void *arg)
{
	(void)watch;
	(void)fd;
	(void)events;
	(void)arg;
	stopping = true;
}

static void on_timer(int timer, void *arg)
{
	(void)arg;
	virEventUpdateTimeout(timer, -1);
}

static void note(virDomainPtr domain)
{
	struct changed *c = malloc(sizeof(*c));

	if (!c) {
		w.all = true;
		return;
	}
	virDomainRef(domain);
	*c = (struct changed){ .domain = domain };
	*w.last = c;
	w.last = &c->next;
}

static void on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *arg)
{
	(void)connection;
	(void)event;
	(void)detail;
	(void)arg;
	note(domain);
}

static void on_metadata(virConnectPtr connection, virDomainPtr domain, int type, const char *ns, void *arg)
{
	(void)connection;
	(void)arg;
	if (type == VIR_DOMAIN_METADATA_ELEMENT && ns && !strcmp(ns, XML_NAMESPACE))
		note(domain);
}

/* What came or went may be the vsock device, or the card for REST. */
static void on_device(virConnectPtr connection, virDomainPtr domain, const char *alias, void *arg)
{
	(void)connection;
	(void)alias;
	(void)arg;
	note(domain);
}

static void on_close(virConnectPtr connection, int reason, void *arg)
{
	(void)connection;
	(void)reason;
	(void)arg;
	w.closed = true;
}

/* ---- what is looked at ---- */

static void failed(virDomainPtr domain, const char *why)
{
	if (again_later(domain, why))
		log_line(LOG_ERR, "%s", why);
}

/* False: hostd does not answer. That is said, and tried, of one domain; then the others are for later. */
static bool settle(virDomainPtr domain)
{
	struct failure failure;

	if (!domain_settle(w.agent, domain, &failure)) {
		failed(domain, failure.text);
		return failure.exit != HOSTD_AWAY;
	}
	again_done(domain);
	return true;
}

/* And ends what is left of domains that ended while nobody looked. */
static void settle_these(virDomainPtr *domains, int count)
{
	struct failure failure;
	int i = 0;

	while (i < count && settle(domains[i]))
		i++;
	if (i < count)
		again_later(NULL, NULL);
	else if (rest_sweep(w.agent, domains, count, &failure))
		again_done(NULL);
	else
		failed(NULL, failure.text);
}

static void settle_all(void)
{
	virDomainPtr *domains = NULL;
	int count = virConnectListAllDomains(w.connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	w.all = false;
	if (count >= 0)
		settle_these(domains, count);
	else
		failed(NULL, virGetLastErrorMessage());
	for (int i = 0; i < count; i++)
		virDomainFree(domains[i]);
	free(domains);
}

static void forget_changed(void)
{
	while (w.first) {
		struct changed *c = w.first;

		w.first = c->next;
		virDomainFree(c->domain);
		free(c);
	}
	w.last = &w.first;
}

static void settle_changed(void)
{
	bool there = true;

	for (struct changed *c = w.first; c; c = c->next) {
		if (there)
			there = settle(c->domain);
		else
			again_later(c->domain, NULL);
	}
	forget_changed();
}

static void settle_again(void)
{
	virDomainPtr domain;
	bool there = true;

	while (again_due(&domain)) {
		if (!there)
			again_later(domain, NULL);
		else if (domain)
			there = settle(domain);
		else
			settle_all();
	}
	virEventUpdateTimeout(w.timer, again_wait_ms());
}

/* ---- the connection ---- */

/* libvirt itself prints what it says to us as well. */
static void be_quiet(void *arg, virErrorPtr error)
{
	(void)arg;
	(void)error;
}

static bool register_event(int id, virConnectDomainEventGenericCallback callback)
{
	return virConnectDomainEventRegisterAny(w.connection, NULL, id, callback, NULL, NULL) >= 0;
}

static bool register_events(void)
{
	return register_event(VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)) &&
	       register_event(VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_metadata)) &&
	       register_event(VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device)) &&
	       register_event(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device));
}

/* Drivers inside the process have neither keep-alive nor an end. */
static bool open_connection(void)
{
	w.closed = false;
	w.connection = virConnectOpenReadOnly(w.agent->uri);
	if (w.connection && register_events()) {
		virConnectSetKeepAlive(w.connection, KEEPALIVE_S, KEEPALIVE_COUNT);
		virConnectRegisterCloseCallback(w.connection, on_close, NULL, NULL);
		log_line(LOG_INFO, "%s: connected", w.agent->uri);
		w.quiet = false;
		w.all = true;
		return true;
	}
	if (!w.quiet)
		log_line(LOG_ERR, "%s: %s: is libvirtd running? (systemctl status libvirtd)",
			 w.agent->uri, virGetLastErrorMessage());
	w.quiet = true;
	if (w.connection)
		virConnectClose(w.connection);
	w.connection = NULL;
	return false;
}

static void close_connection(void)
{
	forget_changed();
	again_forget();
	if (w.connection)
		virConnectClose(w.connection);
	w.connection = NULL;
}

/* Bindings stay as they are: a domain does not notice that libvirtd is away. */
static void serve_connection(void)
{
	while (!stopping && !w.closed) {
		if (w.all)
			settle_all();
		settle_changed();
		settle_again();
		if (!w.all && !w.first && virEventRunDefaultImpl() < 0)
			w.closed = true;
	}
}

/* A signal ends it. */
static void wait_ms(int signals, int ms)
{
	struct pollfd signalled = { .fd = signals, .events = POLLIN };

	if (poll(&signalled, 1, ms) > 0)
		stopping = true;
}

/* A descriptor that SIGTERM and SIGINT can be read from, or -1. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int watch_libvirt(const struct agent *agent)
{
	int pause_ms = AGAIN_MIN_MS, signals = open_signals();

	w.agent = agent;
	w.last = &w.first;
	signal(SIGPIPE, SIG_IGN);
	virSetErrorFunc(NULL, be_quiet);
	if (signals < 0 || virEventRegisterDefaultImpl() ||
	    virEventAddHandle(signals, VIR_EVENT_HANDLE_READABLE, on_signal, NULL, NULL) < 0)
		return EXIT_FAILURE;
	w.timer = virEventAddTimeout(-1, on_timer, NULL, NULL);
	sd_notify(0, "READY=1");
	while (!stopping) {
		if (!open_connection()) {
			wait_ms(signals, pause_ms);
			pause_ms = again_longer(pause_ms);
			continue;
		}
		pause_ms = AGAIN_MIN_MS;
		serve_connection();
		if (w.closed)
			log_line(LOG_WARNING, "%s: the connection ended", agent->uri);
		close_connection();
	}
	return EXIT_SUCCESS;
}
