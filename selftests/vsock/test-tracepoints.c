// SPDX-License-Identifier: GPL-2.0
/* Owns the promise that each step of a life, and each refusal, leaves its tracepoint. */
#include <selftests/device/talk.h>
#include <selftests/vsock/door.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* A buffer of our own: what others trace on this host is no matter of ours. */
#define TRACING	"/sys/kernel/tracing"
#define EVENTS	TRACING "/events/azattest"
#define OURS	TRACING "/instances/azattest-test"

static char trace[1 << 20];

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	tap_need_msg(fd >= 0, "%s: errno %d", path, errno);
	tap_need_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* For main(): the module's events are there, and an instance to record them. */
static void need_tracing(void)
{
	if (access(TRACING "/events", F_OK) && mount("tracefs", TRACING, "tracefs", 0, NULL))
		tap_skip_all("no tracefs on %s: errno %d", TRACING, errno);
	rmdir(OURS);
	if (mkdir(OURS, 0700))
		tap_skip_all("no instance of tracing: errno %d", errno);
}

static void begin(void)
{
	door_open_wide();
	put(OURS "/events/azattest/enable", "0");
	put(OURS "/trace", "\n");
	put(OURS "/events/azattest/enable", "1");
}

static void look(void)
{
	int fd = open(OURS "/trace", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	tap_need(fd >= 0);
	while ((n = read(fd, trace + len, sizeof(trace) - 1 - len)) > 0)
		len += n;
	tap_need_eq(n, 0);
	tap_need(len < sizeof(trace) - 1);
	trace[len] = 0;
	close(fd);
}

/* How many events have this name and exactly these fields? */
static unsigned int count(const char *event)
{
	unsigned int n = 0;

	look();
	for (const char *p = trace; (p = strstr(p, event)); p += strlen(event))
		n += p > trace && p[-1] == ' ' && p[strlen(event)] == '\n';
	return n;
}

/* The event comes, and comes @times times. */
__attribute__((format(printf, 2, 3)))
static void need_event(unsigned int times, const char *format, ...)
{
	char event[256];
	va_list args;

	va_start(args, format);
	vsnprintf(event, sizeof(event), format, args);
	va_end(args);
	tap_need_msg(tap_wait(count(event) == times), "\"%s\": %u, not %u; traced:\n%s", event,
		     count(event), times, trace);
}

/* ---- Bindings, connections ---- */

static void a_binding_leaves_bound_and_unbound(void)
{
	struct testvm *vm;

	begin();
	vm = testvm_start(1);
	need_event(1, "azattest_binding: kind=bound generation=%llu cid=%u",
		   (unsigned long long)vm->generation, vm->cid);
	testvm_unbind(vm);
	need_event(1, "azattest_binding: kind=unbound generation=%llu cid=%u",
		   (unsigned long long)vm->generation, vm->cid);
}

static void a_lost_cid_is_told_from_an_unbind(void)
{
	int old = rig_vhost(), young = rig_vhost();
	uint64_t generation;

	begin();
	tap_need(azbind_new(1, 45000, old, -1, &generation) >= 0);
	tap_need_eq(rig_set_cid(old, 45001), 0);
	tap_need(azbind_new(2, 45000, young, -1, NULL) >= 0);
	need_event(1, "azattest_binding: kind=cid-lost generation=%llu cid=45000",
		   (unsigned long long)generation);
}

static void a_connection_leaves_open_and_close(void)
{
	struct fakeguest_conn *c;
	struct ask_reply r;
	struct testvm *vm;

	begin();
	vm = testvm_start(1);
	c = testvm_connect(vm);
	tap_need_eq(ask_hello(c, 1, &r), 0);
	need_event(1, "azattest_conn: open generation=%llu cid=%u",
		   (unsigned long long)vm->generation, vm->cid);
	fakeguest_hangup(c);
	need_event(1, "azattest_conn: close generation=%llu cid=%u",
		   (unsigned long long)vm->generation, vm->cid);
	need_event(1, "azattest_refuse: reason=closed_by_peer cid=%u", vm->cid);
}

/* ---- Requests ---- */

static uint64_t generation_of(int fd)
{
	struct azattest_info info;

	tap_need_eq(azbind_info(fd, &info), 0);
	return info.generation;
}

static void need_step(const char *step, const struct azattest_signer_request *r,
		      unsigned int attempt, unsigned int status)
{
	need_event(1,
		   "azattest_request: step=%s cookie=%016llx generation=%llu attempt=%u status=%u",
		   step, (unsigned long long)r->cookie, (unsigned long long)r->generation, attempt,
		   status);
}

/* Asked, taken by a signer that dies, taken by another, answered. */
static void a_request_leaves_each_step_of_its_life(void)
{
	int owner, signer;
	struct azattest_signer_request r;

	begin();
	owner = azbind_new(1, 0, -1, -1, NULL);
	tap_need(owner >= 0);
	signer = talk_signer();
	talk_ask(owner, 1);
	r = talk_take(signer);
	tap_need_eq(r.generation, generation_of(owner));
	need_step("queue", &r, 0, 0);
	need_step("take", &r, 1, 0);
	close(signer);
	need_step("requeue", &r, 1, 0);
	signer = talk_signer();
	tap_need_eq(talk_take(signer).cookie, r.cookie);
	need_step("take", &r, 2, 0);
	tap_need_eq(fakesigner_answer(signer, r.cookie, AZATTEST_STATUS_DENIED, "", 0), 0);
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_DENIED);
	need_step("finish", &r, 2, AZATTEST_STATUS_DENIED);
}

/* Taken, but its signer could not be written to: that was no attempt. */
static void a_request_that_came_back_leaves_its_return(void)
{
	struct azattest_signer_request r;
	int owner, signer;

	begin();
	owner = azbind_new(1, 0, -1, -1, NULL);
	tap_need(owner >= 0);
	signer = talk_signer();
	talk_ask(owner, 1);
	tap_need_eq(talk_get(signer, NULL, sizeof(r)), -EFAULT);
	r = talk_take(signer);
	need_step("requeue", &r, 1, 0);
	talk_answer(signer, r.cookie, "document");
}

/* Given up by who asked; and by its binding's end, while who asked is still there. */
static void a_request_given_up_leaves_its_end(void)
{
	struct azattest_signer_request r;
	int owner, attached, signer;

	begin();
	owner = azbind_new(1, 0, -1, -1, NULL);
	tap_need(owner >= 0);
	signer = talk_signer();
	attached = rig_attached(1, AZATTEST_TRANSPORT_REST);
	talk_ask(attached, 1);
	r = talk_take(signer);
	close(attached);
	need_step("cancel", &r, 1, AZATTEST_STATUS_UNBOUND);
	talk_ask(rig_attached(1, AZATTEST_TRANSPORT_REST), 1);
	r = talk_take(signer);
	close(owner);
	need_step("finish", &r, 1, AZATTEST_STATUS_UNBOUND);
}

/* ---- Refusals ---- */

static void a_refusal_leaves_its_counters_name_and_the_cid(void)
{
	static const uint8_t junk[16] = "no frame at all";
	struct testvm *vm;

	begin();
	vm = testvm_start(1);
	door_refuses(vm, junk, sizeof(junk), AZATTEST_STATUS_BAD_REQUEST, "junk");
	need_event(1, "azattest_refuse: reason=frame_bad cid=%u", vm->cid);
	need_event(1, "azattest_refuse: reason=closed_bad_frame cid=%u", vm->cid);
	tap_need_eq(azbind_new(1, 0, -1, -1, NULL), -EBUSY);
	need_event(1, "azattest_refuse: reason=bind_refused cid=0");
}

/* Who sends these has an errno; who watches has this. */
static void refused_calls_and_answers_leave_their_counters_name(void)
{
	struct azattest_signer_join join = { .size = sizeof(join), .version = 99, .slots = 1 };
	int owner = azbind_new(1, 0, -1, -1, NULL), signer = talk_signer();
	struct azattest_bind b;

	tap_need(owner >= 0);
	azbind_fill(&b, 2);
	begin();
	tap_need_eq(azbind_bind(owner, &b), -EALREADY);
	need_event(1, "azattest_refuse: reason=bind_refused cid=0");
	tap_need_eq(talk_put(owner, "x", 1), -EBADMSG);
	need_event(1, "azattest_refuse: reason=frame_bad cid=0");
	tap_need_eq(fakesigner_answer(signer, 1, AZATTEST_STATUS_DENIED, "", 0), -ENOENT);
	need_event(1, "azattest_refuse: reason=answers_late cid=0");
	tap_need_eq(fakesigner_answer(signer, 1, 77, "", 0), -EINVAL);
	need_event(1, "azattest_refuse: reason=answers_bad cid=0");
	tap_need_eq(ioctl(signer, AZATTEST_SIGNER_IOC_JOIN, &join), -1);
	need_event(1, "azattest_refuse: reason=signer_version cid=0");
}

/* ---- All of them ---- */

static bool traced(const char *event)
{
	char head[300];

	snprintf(head, sizeof(head), " %s: ", event);
	return strstr(trace, head);
}

/* Whoever adds a tracepoint adds what makes it occur. */
static void no_event_of_the_module_is_never_seen(void)
{
	struct testvm *vm;
	struct dirent *e;
	unsigned int events = 0;
	DIR *dir;

	begin();
	fakesigner_start(NULL);
	vm = testvm_start(1);
	testvm_attest(vm, "n");
	tap_need_eq(azbind_new(1, 0, -1, -1, NULL), -EBUSY);
	look();
	tap_need((dir = opendir(EVENTS)));
	while ((e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		tap_need_msg(traced(e->d_name), "%s never occurred", e->d_name);
		events++;
	}
	closedir(dir);
	tap_need_eq(events, 4);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_binding_leaves_bound_and_unbound),
	TAP_TEST(a_lost_cid_is_told_from_an_unbind),
	TAP_TEST(a_connection_leaves_open_and_close),
	TAP_TEST(a_request_leaves_each_step_of_its_life),
	TAP_TEST(a_request_that_came_back_leaves_its_return),
	TAP_TEST(a_request_given_up_leaves_its_end),
	TAP_TEST(a_refusal_leaves_its_counters_name_and_the_cid),
	TAP_TEST(refused_calls_and_answers_leave_their_counters_name),
	TAP_TEST(no_event_of_the_module_is_never_seen),
};

int main(int argc, char **argv)
{
	int status;

	door_need();
	need_tracing();
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	rmdir(OURS);
	return status;
}
