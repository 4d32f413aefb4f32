// SPDX-License-Identifier: GPL-2.0
// Promises of hostd about its questions to azattest-take: none is waited for, and each has an end.

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <selftests/hostd/around.h>
#include <selftests/lib/tap.h>
#include <userspace/hostd/core.h>
#include <userspace/take/take.h>

#define MANY	10
#define AT_ONCE	4

static char dir[] = "/tmp/azattest-ask-XXXXXX";
static char path[64];
static struct hostd hostd;
static struct failure failure;
static int listener;
static pid_t vmm;

/* ---- azattest-take, as slow as this test ---- */

static void listen_as_taker(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(path, sizeof(path), "%s/take.sock", dir);
	strcpy(address.sun_path, path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	tap_need(!bind(listener, (struct sockaddr *)&address, sizeof(address)) &&
		 !listen(listener, MANY));
	hostd.take_socket = path;
}

/* The next question's connection, or -1. */
static int hear(void)
{
	struct take_question question;
	int sock = accept(listener, NULL, NULL), pidfd;

	if (sock < 0)
		return -1;
	tap_need_eq(take_receive(sock, &question, sizeof(question), &pidfd), 0);
	tap_need(pidfd >= 0);
	close(pidfd);
	return sock;
}

static void send_answer(int sock, const struct take_answer *answer, bool with_device)
{
	int device = with_device ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;

	tap_need_eq(take_send(sock, answer, sizeof(*answer), device), 0);
	close(sock);
	if (device >= 0)
		close(device);
}

static void reply(int sock, int error, const char *text)
{
	struct take_answer answer = { .magic = TAKE_MAGIC, .error = error, .cid = error ? 0 : AROUND_CID };

	snprintf(answer.text, sizeof(answer.text), "%s", text);
	send_answer(sock, &answer, !error);
}

/* ---- calls ---- */

struct call {
	struct bind_wait wait;
	int error, ends;
	char text[600];
};

static void on_end(struct bind_wait *wait, int error, const struct failure *why)
{
	struct call *call = (struct call *)wait;

	call->ends++;
	call->error = error;
	snprintf(call->text, sizeof(call->text), "%s", error ? why->text : "");
}

static struct bind_request request_of(unsigned int number)
{
	struct bind_request request = { .pid = vmm };

	request.uuid[0] = 1;
	request.uuid[15] = (uint8_t)number;
	return request;
}

static int ask_for(unsigned int number, struct call *call)
{
	struct bind_request request = request_of(number);

	*call = (struct call) { .wait.ended = on_end };
	return bind_add(&hostd, &request, &call->wait, &failure);
}

/* One turn of the loop. */
static void turn(void)
{
	hostd.wake_ms = 0;
	watch_wait(0);
	bind_settle(&hostd);
}

#define need_turns(cond)	tap_need_wait((turn(), (cond)))

static const char *state_of(unsigned int number)
{
	static char text[20];
	struct bind_request request = request_of(number);
	json_t *json = bind_json(&hostd, request.uuid);

	snprintf(text, sizeof(text), "%s", json ? json_string_value(json_object_get(json, "state")) : "none");
	json_decref(json);
	return text;
}

static int sleep_on(void *arg)
{
	(void)arg;
	while (pause())
		;
	return 0;
}

static void begin(void)
{
	char state[80];

	tap_need(mkdtemp(dir));
	snprintf(state, sizeof(state), "%s/state", dir);
	tap_need(!watch_open() && !store_open(&hostd.store, state, &failure));
	listen_as_taker();
	vmm = tap_spawn(sleep_on, NULL, -1);
}

static int open_count(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* ---- promises ---- */

static void the_call_ends_when_the_answer_comes(void)
{
	struct call call;
	int sock, before;

	begin();
	before = open_count();
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	turn();
	tap_need_eq(call.ends, 0);
	tap_need(!strcmp(state_of(1), "waiting"));
	sock = hear();
	reply(sock, 0, "");
	need_turns(call.ends);
	tap_need_eq(call.error, 0);
	tap_need(!strcmp(state_of(1), "bound"));
	tap_need_eq(open_count(), before + 2);	/* both ends of the binding's file */
	tap_need_eq(ask_for(1, &call), 0);
	bind_close_all(&hostd);
}

static void a_refusal_leaves_nothing(void)
{
	struct call call;
	int before;

	begin();
	before = open_count();
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	reply(hear(), -EINVAL, "is the VMM of another VM");
	need_turns(call.ends);
	tap_need_eq(call.error, -EINVAL);
	tap_need(strstr(call.text, "another VM"));
	around.bind_fails = -EADDRINUSE;
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	reply(hear(), 0, "");
	need_turns(call.ends);
	tap_need_eq(call.error, -EADDRINUSE);
	tap_need(!strcmp(state_of(1), "none"));
	tap_need_eq(open_count(), before);
	tap_need_eq(around.bound_devices, 0);
}

/* As one of another release may send it. */
static void an_answer_that_cannot_be_read_binds_nothing(void)
{
	struct take_answer rows[] = {
		{ .magic = TAKE_MAGIC, .cid = AROUND_CID },		/* and no device */
		{ .magic = TAKE_MAGIC, .cid = AZATTEST_CID_MIN - 1 },
		{ .magic = TAKE_MAGIC, .error = -EINVAL },	/* and a text without an end */
	};
	struct call call;
	int before;

	memset(rows[2].text, 'x', sizeof(rows[2].text));
	begin();
	before = open_count();
	for (unsigned int i = 0; i < TAP_COUNT(rows); i++) {
		tap_need_eq(ask_for(1, &call), -EINPROGRESS);
		send_answer(hear(), &rows[i], i == 1);
		need_turns(call.ends);
		tap_need_eq(call.error, -EPROTO);
		tap_need(strstr(call.text, "are both of one release?"));
		tap_need(!strcmp(state_of(1), "none"));
		tap_need_eq(open_count(), before);
	}
	tap_need_eq(around.bound_devices, 0);
}

static void an_end_meanwhile_leaves_nothing(void)
{
	struct call call;
	int before, sock;

	begin();
	before = open_count();
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	sock = hear();
	bind_close_all(&hostd);
	close(sock);
	tap_need_eq(open_count(), before);
}

static void silence_ends_and_says_so(void)
{
	struct call call;
	int sock, before;

	begin();
	before = open_count();
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	sock = hear();
	around.later_ms = 9000;
	turn();
	tap_need_eq(call.ends, 0);
	tap_need(hostd.wake_ms && hostd.wake_ms <= watch_now_ms() + 1000);
	around.later_ms = 10001;
	turn();
	tap_need_eq(call.ends, 1);
	tap_need_eq(call.error, -ECONNREFUSED);
	tap_need(strstr(call.text, "azattest-take: no answer"));
	tap_need(!strcmp(state_of(1), "none"));
	close(sock);
	tap_need_eq(open_count(), before);
}

static void a_hang_up_or_nonsense_is_an_end_too(void)
{
	struct call call;
	int sock;

	begin();
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	close(hear());
	need_turns(call.ends);
	tap_need_eq(call.error, -ECONNREFUSED);
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	sock = hear();
	tap_need_eq(send(sock, "nonsense", 8, 0), 8);
	need_turns(call.ends);
	tap_need_eq(call.error, -ECONNREFUSED);
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	reply(hear(), 1, "a positive error is none");
	need_turns(call.ends);
	tap_need_eq(call.error, -EPROTO);
	shutdown(listener, SHUT_RDWR);	/* the VMM was forked with a copy */
	tap_need_eq(ask_for(1, &call), -ECONNREFUSED);
	tap_need(strstr(failure.text, "systemctl start azattest-take.socket"));
}

static unsigned int asked(int *socks)
{
	unsigned int count = 0;

	while (count < MANY && (socks[count] = hear()) >= 0)
		count++;
	return count;
}

static void few_are_asked_at_once_and_all_in_the_end(void)
{
	struct call calls[MANY];
	int socks[MANY];
	unsigned int ends = 0;

	begin();
	for (unsigned int i = 0; i < MANY; i++)
		tap_need_eq(ask_for(i, &calls[i]), -EINPROGRESS);
	turn();
	tap_need_eq(asked(socks), AT_ONCE);
	for (unsigned int left = MANY; left; left--) {
		int sock = left > MANY - AT_ONCE ? socks[MANY - left] : hear();

		reply(sock, 0, "");
		ends++;
		need_turns(({
			unsigned int told = 0;

			for (unsigned int i = 0; i < MANY; i++)
				told += (unsigned int)calls[i].ends;
			told == ends;
		}));
	}
	tap_need_eq(around.bound_devices, MANY);
	bind_close_all(&hostd);
}

static void who_finds_no_place_is_told(void)
{
	struct call calls[AT_ONCE + 1];
	int socks[MANY];

	begin();
	for (unsigned int i = 0; i <= AT_ONCE; i++)
		tap_need_eq(ask_for(i, &calls[i]), -EINPROGRESS);
	tap_need_eq(asked(socks), AT_ONCE);
	around.later_ms = 5000;
	reply(socks[0], -EINVAL, "not this one");
	need_turns(calls[0].ends);
	socks[0] = hear();	/* the fifth, who has as long as the others */
	around.later_ms = 10001;
	turn();
	for (unsigned int i = 1; i < AT_ONCE; i++)
		tap_need_eq(calls[i].ends, 1);
	tap_need_eq(calls[AT_ONCE].ends, 0);
	for (unsigned int i = 0; i < AT_ONCE - 1; i++)
		tap_need_eq(ask_for(i, &calls[i]), -EINPROGRESS);
	tap_need_eq(ask_for(20, &calls[AT_ONCE - 1]), -EINPROGRESS);
	around.later_ms += 9990;
	for (struct bound *b = hostd.bound; b; b = b->next)
		b->taker.until_ms += 10000;	/* they hang still */
	turn();
	around.later_ms += 20;
	turn();
	tap_need_eq(calls[AT_ONCE - 1].ends, 1);
	tap_need_eq(calls[AT_ONCE - 1].error, -ECONNREFUSED);
	tap_need(strstr(calls[AT_ONCE - 1].text, "others to look at"));
	bind_close_all(&hostd);
}

static void two_calls_for_one_vm_ask_once(void)
{
	struct call first, second;
	int sock;

	begin();
	tap_need_eq(ask_for(1, &first), -EINPROGRESS);
	tap_need_eq(ask_for(1, &second), -EINPROGRESS);
	sock = hear();
	tap_need_eq(hear(), -1);
	reply(sock, 0, "");
	need_turns(first.ends && second.ends);
	tap_need_eq(around.bound_devices, 1);
	tap_need_eq(first.error, 0);
	tap_need_eq(second.error, 0);
	bind_close_all(&hostd);
}

static void whatever_ends_it_tells_the_call(void)
{
	struct bind_request request;
	struct call call;

	begin();
	request = request_of(1);
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	tap_need_eq(bind_remove(&hostd, request.uuid, &failure), 0);
	tap_need_eq(call.error, -EBUSY);
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	bind_close_all(&hostd);
	tap_need_eq(call.error, -ECANCELED);
	tap_need(strstr(call.text, "stops"));
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	tap_kill(vmm);
	turn();
	tap_need_eq(call.error, -ESRCH);
	tap_need(!hostd.bound);
}

/* After a restart: what a record asks for goes on being asked for. */
static void a_record_is_asked_for_again_and_again(void)
{
	struct call call;

	begin();
	tap_need_eq(ask_for(1, &call), -EINPROGRESS);
	reply(hear(), 0, "");
	need_turns(call.ends);
	bind_close_all(&hostd);
	tap_need(bind_load_record(&hostd, "bind-01000000-0000-0000-0000-000000000001", &failure));
	for (unsigned int i = 0; i < 3; i++) {
		turn();
		close(hear());
		need_turns(strstr(hostd.bound->failure.text, "no answer"));
		turn();
		tap_need_eq(hear(), -1);	/* not at once */
		around.later_ms += 30001;
	}
	turn();
	reply(hear(), 0, "");
	need_turns(!strcmp(state_of(1), "bound"));
	bind_close_all(&hostd);
}

/* ---- wishes that are kept ---- */

static int wish_for(uint32_t cid, struct call *call)
{
	struct bind_request request = request_of(1);

	request.keep = true;
	request.cid = cid;
	*call = (struct call) { .wait.ended = on_end };
	return bind_add(&hostd, &request, &call->wait, &failure);
}

static bool reason_has(const char *text)
{
	struct bind_request request = request_of(1);
	json_t *json = bind_json(&hostd, request.uuid);
	bool has = json && strstr(json_string_value(json_object_get(json, "reason")), text);

	json_decref(json);
	return has;
}

static unsigned int count_records(void)
{
	glob_t found = { 0 };
	char pattern[80];
	unsigned int count;

	snprintf(pattern, sizeof(pattern), "%s/state/bind-*", dir);
	count = glob(pattern, 0, NULL, &found) ? 0 : (unsigned int)found.gl_pathc;
	globfree(&found);
	return count;
}

static void refuse_a_wish(uint32_t cid, struct call *call)
{
	tap_need_eq(wish_for(cid, call), -EINPROGRESS);
	reply(hear(), -EINVAL, "has no open device");
	need_turns(call->ends);
	tap_need_eq(call->error, -EINVAL);
	tap_need(!strcmp(state_of(1), "waiting") && reason_has("no open device"));
}

static void a_wish_that_is_kept_waits_and_is_bound_in_the_end(void)
{
	struct call call;

	begin();
	refuse_a_wish(0, &call);
	turn();
	tap_need_eq(hear(), -1);	/* not at once */
	tap_need_eq(count_records(), 0);
	around.later_ms += 30001;
	turn();
	reply(hear(), 0, "");
	need_turns(!strcmp(state_of(1), "bound"));
	tap_need(reason_has("") && !reason_has("device"));
	tap_need_eq(count_records(), 1);
	tap_need_eq(wish_for(0, &call), 0);
	bind_close_all(&hostd);
}

static void a_wish_that_cannot_even_be_asked_is_kept(void)
{
	struct call call;

	begin();
	tap_need(!unlink(path));
	tap_need_eq(wish_for(0, &call), -ECONNREFUSED);
	tap_need(!strcmp(state_of(1), "waiting") && reason_has("azattest-take"));
	listen_as_taker();
	tap_need_eq(wish_for(0, &call), -EINPROGRESS);
	reply(hear(), 0, "");
	need_turns(call.ends);
	tap_need_eq(call.error, 0);
	tap_need(!strcmp(state_of(1), "bound"));
	bind_close_all(&hostd);
}

static void another_wish_takes_the_place_of_what_waits(void)
{
	struct call call, other;

	begin();
	refuse_a_wish(AROUND_CID + 1, &call);
	tap_need_eq(wish_for(AROUND_CID, &call), -EINPROGRESS);
	tap_need_eq(wish_for(AROUND_CID + 1, &other), -EBUSY);	/* not of what is asked just now */
	reply(hear(), 0, "");
	need_turns(call.ends);
	tap_need(!strcmp(state_of(1), "bound"));
	tap_need_eq(wish_for(AROUND_CID + 1, &other), -EBUSY);	/* nor of what is bound */
	bind_close_all(&hostd);
}

static void a_kept_wish_ends_when_asked_and_with_its_process(void)
{
	struct bind_request request;
	struct call call;

	begin();
	request = request_of(1);
	refuse_a_wish(0, &call);
	tap_need_eq(bind_remove(&hostd, request.uuid, &failure), 0);
	tap_need(!hostd.bound);
	refuse_a_wish(0, &call);
	tap_kill(vmm);
	turn();
	tap_need(!hostd.bound);
	tap_need_eq(count_records(), 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(the_call_ends_when_the_answer_comes),
	TAP_TEST(a_refusal_leaves_nothing),
	TAP_TEST(an_answer_that_cannot_be_read_binds_nothing),
	TAP_TEST(an_end_meanwhile_leaves_nothing),
	TAP_TEST(silence_ends_and_says_so),
	TAP_TEST(a_hang_up_or_nonsense_is_an_end_too),
	TAP_TEST(few_are_asked_at_once_and_all_in_the_end),
	TAP_TEST(who_finds_no_place_is_told),
	TAP_TEST(two_calls_for_one_vm_ask_once),
	TAP_TEST(whatever_ends_it_tells_the_call),
	TAP_TEST(a_record_is_asked_for_again_and_again),
	TAP_TEST(a_wish_that_is_kept_waits_and_is_bound_in_the_end),
	TAP_TEST(a_wish_that_cannot_even_be_asked_is_kept),
	TAP_TEST(another_wish_takes_the_place_of_what_waits),
	TAP_TEST(a_kept_wish_ends_when_asked_and_with_its_process),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
