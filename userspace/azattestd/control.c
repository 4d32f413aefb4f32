// SPDX-License-Identifier: GPL-2.0
// Owns the control socket: one line of JSON in, one line out, for anybody on this host.

#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

/* A new generation of signers has to start after the source's own time. */
#define SYNC_MORE_MS	90000

/*
 *   {"request":"status"}  -> {"ok":true,"host":{...},...}
 *   {"request":"certificate"} -> {"ok":true,"certificate":{...},"chain":[...],"history":[...]}
 *   {"request":"trust"}   -> {"ok":true,"root":"PEM","issuing":"PEM"}
 *   {"request":"sync"}    -> {"ok":true,"generation":N,...}, when it is over
 *   {"request":"decommission"} -> {"ok":true,"revoked":true,...}, when it is over
 *   {"request":"decommission-no-revoke"}, {"request":"recommission"}
 *   anything else         -> {"ok":false,"error":"SENTENCE"}
 *
 * The socket is 0666: what can be asked for is public, or a number. Only "sync"
 * and the two *commission change anything, and are for root.
 */

static json_t *error_json(const char *text)
{
	return json_pack("{s:b, s:o}", "ok", 0, "error", status_text(text));
}

static json_t *pem_json(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	json_t *json = NULL;
	char *text;
	long length;

	if (bio && PEM_write_bio_X509(bio, cert) == 1) {
		length = BIO_get_mem_data(bio, &text);
		json = json_stringn(text, (size_t)length);
	}
	BIO_free(bio);
	return json;
}

static json_t *trust_json(struct azattestd *d)
{
	if (!d->leaf.number)
		return error_json("there is no certificate yet: ask again when status says Active");
	return json_pack("{s:b, s:s, s:o, s:o}", "ok", 1, "source", status_source(d->leaf.source),
			 "root", pem_json(d->leaf.root), "issuing", pem_json(d->leaf.issuer));
}

static json_t *answer_json(struct azattestd *d, const char *name)
{
	if (!name)
		return error_json("not a JSON object with a \"request\"");
	if (!strcmp(name, "status"))
		return status_json(d);
	if (!strcmp(name, "certificate"))
		return show_json(d);
	if (!strcmp(name, "trust"))
		return trust_json(d);
	return error_json("no such request: status, certificate, trust, sync, decommission, recommission");
}

static void close_client(struct control_client *client)
{
	watch_close(&client->watch);
	free(client->answer);
	client->answer = NULL;
}

static void send_answer(struct control_client *client)
{
	ssize_t n = send(client->watch.fd, client->answer + client->answer_sent,
			 client->answer_len - client->answer_sent, MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		client->answer_sent += (size_t)n;
	if (n <= 0 || client->answer_sent == client->answer_len)
		close_client(client);
}

static void send_json(struct control_client *client, json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	if (!text) {
		close_client(client);
		return;
	}
	client->answer_len = strlen(text);
	text[client->answer_len++] = '\n';	/* in place of the NUL */
	client->answer = text;
	client->answer_sent = 0;
	watch_change(&client->watch, EPOLLOUT);
	send_answer(client);
}

/* Who connected; (uid_t)-1 if that cannot be told. */
static uid_t peer_uid(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ? (uid_t)-1 : peer.uid;
}

static bool is_privileged(uid_t uid)
{
	return !uid || uid == geteuid();
}

/* An answer may take what the CA takes. */
static int64_t wait_ms(const struct azattestd *d)
{
	return 1000LL * d->config.sync_timeout_s + SYNC_MORE_MS;
}

static void begin_wait(struct control_client *client)
{
	client->until_ms = watch_now_ms() + wait_ms(client->d);
	watch_change(&client->watch, 0);
}

static void end_wait(struct control_client *client, json_t *answer)
{
	client->waits = 0;
	client->retires = false;
	client->until_ms = watch_now_ms() + CONTROL_TIME_MS;
	send_json(client, answer);
}

/* One run serves all who wait; only its success is for who came after its begin. */
static json_t *begin_sync(struct control_client *client)
{
	struct azattestd *d = client->d;

	if (!is_privileged(client->uid))
		return error_json("sync is for root: try it with sudo");
	if (d->retire.since)
		return error_json("this host is decommissioned: \"azattestctl recommission\" first");
	if (d->retire.errand.pid)
		return error_json("this host is being decommissioned");
	audit_sync(d, client->uid);
	d->renew.wanted = true;
	d->renew.next_ms = 0;
	client->waits = d->renew.run + 1;
	begin_wait(client);
	return NULL;
}

static json_t *begin_retire(struct control_client *client, bool revoke)
{
	struct azattestd *d = client->d;
	struct failure failure;
	int ret;

	if (!is_privileged(client->uid))
		return error_json("decommission is for root: try it with sudo");
	ret = retire_begin(d, revoke, &failure);
	if (!ret)
		return retire_json(d);
	if (ret != -EINPROGRESS)
		return error_json(failure.text);
	client->retires = true;
	begin_wait(client);
	return NULL;
}

static json_t *undo_retire(struct control_client *client)
{
	struct failure failure;

	if (!is_privileged(client->uid))
		return error_json("recommission is for root: try it with sudo");
	if (retire_undo(client->d, &failure))
		return error_json(failure.text);
	return json_pack("{s:b}", "ok", 1);
}

void control_retired(struct azattestd *d, const char *error)
{
	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &d->control.client[i];

		if (client->watch.fd < 0 || !client->retires)
			continue;
		end_wait(client, error ? error_json(error) : retire_json(d));
	}
}

static json_t *sync_json(const struct azattestd *d)
{
	return json_pack("{s:b, s:I, s:s, s:I}", "ok", 1,
			 "generation", (json_int_t)d->leaf.number,
			 "source", status_source(d->leaf.source),
			 "not_after", (json_int_t)d->leaf.not_after);
}

bool control_sync_ended(struct azattestd *d, const char *error)
{
	bool others = false;

	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &d->control.client[i];

		if (client->watch.fd < 0 || !client->waits)
			continue;
		if (error && client->waits > d->renew.run) {
			others = true;
			continue;
		}
		end_wait(client, error ? error_json(error) : sync_json(d));
	}
	return others;
}

static void answer_client(struct control_client *client, size_t length)
{
	json_t *request = json_loadb(client->request, length, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(request, "request"));
	json_t *answer;

	if (name && !strcmp(name, "sync"))
		answer = begin_sync(client);
	else if (name && !strcmp(name, "decommission"))
		answer = begin_retire(client, true);
	else if (name && !strcmp(name, "decommission-no-revoke"))
		answer = begin_retire(client, false);
	else if (name && !strcmp(name, "recommission"))
		answer = undo_retire(client);
	else
		answer = answer_json(client->d, name);
	json_decref(request);
	if (!client->waits && !client->retires)
		send_json(client, answer);
}

static void read_request(struct control_client *client)
{
	char *end;
	ssize_t n = read(client->watch.fd, client->request + client->request_len,
			 sizeof(client->request) - client->request_len);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close_client(client);
		return;
	}
	client->request_len += (size_t)n;
	end = memchr(client->request, '\n', client->request_len);
	if (end)
		answer_client(client, (size_t)(end - client->request));
	else if (client->request_len == sizeof(client->request))
		close_client(client);
}

static void client_ready(struct watch *watch, uint32_t events)
{
	struct control_client *client = watch->owner;

	if (client->answer)
		send_answer(client);
	else if (events & EPOLLIN && !client->waits && !client->retires)
		read_request(client);
	else
		close_client(client);
}

/* One user cannot take all places that users have, nor all users those of root. */
static bool may_enter(const struct control *control, uid_t uid)
{
	unsigned int own = 0, users = 0;

	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		const struct control_client *client = &control->client[i];

		if (client->watch.fd < 0 || is_privileged(client->uid))
			continue;
		users++;
		own += client->uid == uid;
	}
	return is_privileged(uid) || (own < CONTROL_OF_A_USER && users < CONTROL_OF_USERS);
}

/* NULL when its places are taken: the new one is sent away, nobody waits. */
static struct control_client *find_free(struct control *control, uid_t uid)
{
	if (!may_enter(control, uid))
		return NULL;
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		if (control->client[i].watch.fd < 0)
			return &control->client[i];
	return NULL;
}

static void accept_client(struct watch *watch, uint32_t events)
{
	struct azattestd *d = watch->owner;
	int fd = watch_accept(watch, NULL, NULL);
	struct control_client *client;
	uid_t uid;

	(void)events;
	if (fd < 0)
		return;
	uid = peer_uid(fd);
	client = find_free(&d->control, uid);
	if (!client) {
		close(fd);
		return;
	}
	client->watch = (struct watch) { .fd = fd, .ready = client_ready, .owner = client };
	client->d = d;
	client->uid = uid;
	client->until_ms = watch_now_ms() + CONTROL_TIME_MS;
	client->request_len = 0;
	client->waits = 0;
	client->retires = false;
	if (watch_add(&client->watch, EPOLLIN))
		close_client(client);
}

int control_open(struct azattestd *d, const char *run, struct failure *failure)
{
	struct control *control = &d->control;
	struct local local = { SOCK_STREAM, 0666, 0, CONTROL_CLIENTS, control->path };
	int fd;

	for (int i = 0; i < CONTROL_CLIENTS; i++)
		control->client[i].watch.fd = -1;
	fd = local_listen(&local, run, CONTROL_SOCKET, failure);
	if (fd < 0)
		return fd;
	control->watch = (struct watch) { .fd = fd, .ready = accept_client, .owner = d };
	return watch_add(&control->watch, EPOLLIN);
}

/* Who waits is told; what was begun is not ended by that. */
static void lose_patience(struct control_client *client)
{
	char text[160];

	if (!client->waits && !client->retires) {
		close_client(client);
		return;
	}
	snprintf(text, sizeof(text), "not over after %lld s: it goes on in the background, see "
		 "\"azattestctl status\"", (long long)wait_ms(client->d) / 1000);
	end_wait(client, error_json(text));
}

void control_tick(struct azattestd *d)
{
	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &d->control.client[i];

		if (client->watch.fd >= 0 && watch_now_ms() > client->until_ms)
			lose_patience(client);
	}
}

/* Not watch_close(): the watches are the parent's. */
void control_leave(const struct azattestd *d)
{
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		if (d->control.client[i].watch.fd >= 0)
			close(d->control.client[i].watch.fd);
	close(d->control.watch.fd);
}

void control_close(struct azattestd *d)
{
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		if (d->control.client[i].watch.fd >= 0)
			close_client(&d->control.client[i]);
	watch_close(&d->control.watch);
	unlink(d->control.path);
}
