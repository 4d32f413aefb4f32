// SPDX-License-Identifier: GPL-2.0
// Owns who asks azattest-hostd for bindings, and an azattest-take as slow as the test.

#include "asking.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct asking asking = { .dir = "/tmp/azattest-ask-XXXXXX" };

/* ---- azattest-take, as slow as this test ---- */

void asking_listen(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(asking.path, sizeof(asking.path), "%s/take.sock", asking.dir);
	strcpy(address.sun_path, asking.path);
	unlink(asking.path);
	asking.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	tap_need(!bind(asking.listener, (struct sockaddr *)&address, sizeof(address)) &&
		 !listen(asking.listener, ASKING_MANY));
	asking.hostd.take_socket = asking.path;
}

int asking_hear(void)
{
	struct take_question question;
	int sock = accept(asking.listener, NULL, NULL), pidfd;

	if (sock < 0)
		return -1;
	tap_need_eq(take_receive(sock, &question, sizeof(question), &pidfd), 0);
	tap_need(pidfd >= 0);
	close(pidfd);
	return sock;
}

void asking_answer(int sock, const struct take_answer *answer, bool with_device)
{
	int device = with_device ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;

	tap_need_eq(take_send(sock, answer, sizeof(*answer), device), 0);
	close(sock);
	if (device >= 0)
		close(device);
}

void asking_reply(int sock, int error, const char *text)
{
	struct take_answer answer = { .magic = TAKE_MAGIC, .error = error, .cid = error ? 0 : AROUND_CID };

	snprintf(answer.text, sizeof(answer.text), "%s", text);
	asking_answer(sock, &answer, !error);
}

/* ---- calls ---- */

static void on_end(struct bind_wait *wait, int error, const struct failure *why)
{
	struct asking_call *call = (struct asking_call *)wait;

	call->ends++;
	call->error = error;
	snprintf(call->text, sizeof(call->text), "%s", error ? why->text : "");
}

struct bind_request asking_request(unsigned int number)
{
	struct bind_request request = { .pid = asking.vmm };

	request.uuid[0] = 1;
	request.uuid[15] = (uint8_t)number;
	return request;
}

int asking_wish(const struct bind_request *request, struct asking_call *call)
{
	*call = (struct asking_call) { .wait.ended = on_end };
	return bind_add(&asking.hostd, request, &call->wait, &asking.failure);
}

int asking_add(unsigned int number, struct asking_call *call)
{
	struct bind_request request = asking_request(number);

	return asking_wish(&request, call);
}

void asking_turn(void)
{
	asking.hostd.wake_ms = 0;
	watch_wait(0);
	bind_settle(&asking.hostd);
}

const char *asking_told(unsigned int number, const char *key)
{
	static char text[600];
	struct bind_request request = asking_request(number);
	json_t *json = bind_json(&asking.hostd, request.uuid);

	snprintf(text, sizeof(text), "%s", json ? json_string_value(json_object_get(json, key)) : "none");
	json_decref(json);
	return text;
}

const char *asking_state(unsigned int number)
{
	return asking_told(number, "state");
}

static int sleep_on(void *arg)
{
	(void)arg;
	while (pause())
		;
	return 0;
}

void asking_begin(void)
{
	char state[80];

	tap_need(mkdtemp(asking.dir));
	snprintf(state, sizeof(state), "%s/state", asking.dir);
	tap_need(!watch_open() && !store_open(&asking.hostd.store, state, &asking.failure));
	asking_listen();
	asking.vmm = tap_spawn(sleep_on, NULL, -1);
}
