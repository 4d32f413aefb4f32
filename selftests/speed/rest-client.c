// SPDX-License-Identifier: GPL-2.0
// Owns a VM's HTTP client: connections on a tap that ask, in one loop over all VMs.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <selftests/speed/rest.h>

#define EVENTS		64
#define PATIENCE_MS	30000
#define FIRST_PORT	10000

/* One block. */
static struct {
	const struct ask *ask;
	uint32_t *latency;
	uint64_t open;		/* questions to be asked, answered, and (no keep) closed */
	struct block block;
} run;

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void put(struct rest_client *client, struct connection *c, uint8_t flags,
		const void *data, uint32_t length)
{
	struct segment s = {
		.port = c->port, .seq = c->seq, .ack = flags & TAP_ACK ? c->ack : 0,
		.flags = flags, .data = data, .length = length,
	};

	tap_send(&client->tap, &s);
	c->seq += length + !!(flags & (TAP_SYN | TAP_FIN));
	c->unacknowledged = false;
}

static void ask(struct rest_client *client, struct connection *c)
{
	char path[256], text[CLIENT_REQUEST_MAX];
	int n;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(path, sizeof(path), run.ask->path, ++client->nonce);
#pragma GCC diagnostic pop
	n = snprintf(text, sizeof(text),
		     "GET %s HTTP/1.1\r\nHost: 169.254.169.253\r\nMetadata: true\r\n"
		     "User-Agent: bench\r\nAccept: */*\r\n%s\r\n",
		     path, run.ask->keep ? "" : "Connection: close\r\n");
	c->have = 0;
	c->asked = true;
	put(client, c, TAP_PSH | TAP_ACK, text, (uint32_t)n);
}

static void start(struct rest_client *client, struct connection *c)
{
	client->last_port = client->last_port < FIRST_PORT ? FIRST_PORT : client->last_port + 1;
	*c = (struct connection) {
		.state = CLIENT_SYN_SENT, .port = client->last_port,
		.seq = client->nonce * 2654435761u, .since = exchange_now_ns(),
	};
	put(client, c, TAP_SYN, NULL, 0);
}

/* The next question of a connection that has none open. */
static void next(struct rest_client *client, struct connection *c)
{
	if (!client->left)
		return;
	client->left--;
	if (!run.ask->keep || c->state == CLIENT_CLOSED) {
		start(client, c);
		return;
	}
	c->since = exchange_now_ns();
	ask(client, c);
}

static void judge(const struct rest_client *client, const struct connection *c)
{
	if (!strncmp(c->reply, "HTTP/1.1 200", 12) && strstr(c->reply, run.ask->want))
		return;
	if (run.ask->refused && (!strncmp(c->reply, "HTTP/1.1 4", 10))) {
		++*run.ask->refused;
		return;
	}
	bench_die("VM on %s: %s: answer is %.200s", client->tap.name, run.ask->path, c->reply);
}

/* Whether a whole answer is there. */
static bool complete(struct connection *c)
{
	const char *body, *length;

	c->reply[c->have] = '\0';
	body = strstr(c->reply, "\r\n\r\n");
	if (!body)
		return false;
	length = strcasestr(c->reply, "\r\nContent-Length:");
	if (!length || length > body)
		bench_die("an answer without length: %.200s", c->reply);
	return c->have >= (size_t)(body + 4 - c->reply) + strtoul(length + 17, NULL, 10);
}

static void answered(struct rest_client *client, struct connection *c)
{
	judge(client, c);
	c->asked = false;
	run.latency[run.block.docs++] = (uint32_t)(exchange_now_ns() - c->since);
	if (!run.ask->keep)
		return;
	run.open--;
	next(client, c);
}

/* The server has closed: so do we; a new connection has a new port. */
static void closed(struct rest_client *client, struct connection *c)
{
	if (c->asked)
		bench_die("VM on %s: closed without an answer, after \"%.*s\"", client->tap.name,
			  (int)c->have, c->reply);
	c->ack++;
	put(client, c, TAP_FIN | TAP_ACK, NULL, 0);
	c->state = CLIENT_CLOSED;
	if (!run.ask->keep)
		run.open--;
	next(client, c);
}

static void take(struct rest_client *client, struct connection *c, const struct segment *s)
{
	if (s->length) {
		c->unacknowledged = true;
		if (s->seq != c->ack)
			return;		/* sent again */
		if (c->have + s->length >= CLIENT_REPLY_MAX)
			bench_die("an answer of more than %u bytes", CLIENT_REPLY_MAX);
		memcpy(c->reply + c->have, s->data, s->length);
		c->have += s->length;
		c->ack += s->length;
		if (c->asked && complete(c))
			answered(client, c);
	}
	if (s->flags & TAP_FIN && s->seq + s->length == c->ack)
		closed(client, c);
}

static struct connection *find(struct rest_client *client, uint16_t port)
{
	for (unsigned int i = 0; i < client->connections; i++)
		if (client->connection[i].port == port)
			return &client->connection[i];
	return NULL;
}

static void input(struct rest_client *client, const struct segment *s)
{
	struct connection *c = find(client, s->port);

	if (!c || c->state == CLIENT_CLOSED)
		return;
	if (s->flags & TAP_RST)
		bench_die("VM on %s: reset", client->tap.name);
	if (c->state == CLIENT_OPEN) {
		take(client, c, s);
	} else if (s->flags & TAP_SYN && s->ack == c->seq) {
		c->state = CLIENT_OPEN;
		c->ack = s->seq + 1;
		put(client, c, TAP_ACK, NULL, 0);
		ask(client, c);
	}
}

/* All that is there; then what was not acknowledged on the way. */
static void drain(struct rest_client *client)
{
	struct segment s;

	while (tap_receive(&client->tap, &s))
		input(client, &s);
	for (unsigned int i = 0; i < client->connections; i++)
		if (client->connection[i].unacknowledged)
			put(client, &client->connection[i], TAP_ACK, NULL, 0);
}

static void loop(int ep)
{
	struct epoll_event events[EVENTS];

	while (run.open) {
		int n = epoll_wait(ep, events, EVENTS, PATIENCE_MS);

		if (!n)
			bench_die("%s: no answer in %d s", run.ask->path, PATIENCE_MS / 1000);
		for (int i = 0; i < n; i++)
			drain(events[i].data.ptr);
	}
}

static void watch(int ep, struct rest_client *client)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, client->tap.fd, &event))
		bench_die("epoll: %s", strerror(errno));
}

static void begin(struct rest_client *client, unsigned int connections, unsigned int each)
{
	while (client->connections < connections)
		client->connection[client->connections++].state = CLIENT_CLOSED;
	client->left = connections * each;
	for (unsigned int i = 0; i < connections; i++)
		next(client, &client->connection[i]);
}

struct block rest_clients_run(struct rest_client *clients, unsigned int count,
			      unsigned int connections, unsigned int each,
			      const struct ask *what, uint32_t *latency)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);

	memset(&run, 0, sizeof(run));
	run.ask = what;
	run.latency = latency;
	run.open = (uint64_t)count * connections * each;
	for (unsigned int i = 0; i < count; i++)
		watch(ep, &clients[i]);
	run.block.client_ns = cpu_ns();
	run.block.ns = exchange_now_ns();
	for (unsigned int i = 0; i < count; i++)
		begin(&clients[i], connections, each);
	loop(ep);
	run.block.ns = exchange_now_ns() - run.block.ns;
	run.block.client_ns = cpu_ns() - run.block.client_ns;
	close(ep);
	return run.block;
}
