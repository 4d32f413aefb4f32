// SPDX-License-Identifier: GPL-2.0
// Owns libmicrohttpd: a checked request comes in, waits for the module, is answered.

#include "restd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include <microhttpd.h>

#define JSON_TYPE	"application/json; charset=utf-8"

static struct MHD_Daemon *server;
static struct watch inner;	/* libmicrohttpd's own epoll descriptor */
static bool dirty;

struct answer {
	unsigned int status;
	const char *type;
	char *body;		/* NULL: no memory */
	size_t length;
	void (*release)(void *body);
	const char *allow, *retry_after;
	bool close;
};

static void set_body(struct answer *answer, unsigned int status, char *body)
{
	answer->status = status;
	answer->body = body;
	answer->length = body ? strlen(body) : 0;
}

static void refuse(const struct route *route, struct answer *answer)
{
	count_up(route->count);
	if (route->status == 404) {
		set_body(answer, 404, body_no_path(route->path, route->method));
	} else if (route->status == 405) {
		set_body(answer, 405, body_no_method(route->path, route->method));
		answer->allow = "GET";
	} else {
		set_body(answer, 400, route->why ? body_bad_request(route->why) :
			 body_bad_version());
	}
}

static void give_document(struct conn *conn, struct answer *answer)
{
	if (conn->route.kind == ROUTE_DOCUMENT) {
		set_body(answer, 200, body_document(conn->document, conn->document_length));
		answer->release = pool_give;
		return;
	}
	answer->status = 200;
	answer->type = "application/pkix-cert";
	answer->body = (char *)conn->document;
	answer->length = conn->document_length;
	answer->release = pool_give;
	conn->document = NULL;
}

/* Statuses of the module; UNBOUND never comes here: it resets. */
static const struct {
	unsigned int status;
	enum count count;
	const char *sentence;
	const char *retry_after;
} failures[] = {
	[AZATTEST_STATUS_RETRY] = { 410, COUNT_retry,
		"Gone for a moment. The host cannot sign just now, ask again.", NULL },
	[AZATTEST_STATUS_EXPIRED] = { 503, COUNT_expired,
		"Service unavailable. Expired: the host has no valid attestation certificate.",
		NULL },
	[AZATTEST_STATUS_BUSY] = { 429, COUNT_busy, "Too many requests", "1" },
	[AZATTEST_STATUS_DENIED] = { 403, COUNT_denied,
		"Forbidden. This VM may not ask over this path.", NULL },
	[AZATTEST_STATUS_FAULT] = { 500, COUNT_fault, "Internal error. The host could not make this answer.", NULL },
};

static void give_failure(unsigned int status, struct answer *answer)
{
	if (status > AZATTEST_STATUS_MAX || !failures[status].status)
		status = AZATTEST_STATUS_FAULT;
	count_up(failures[status].count);
	set_body(answer, failures[status].status, body_error(failures[status].sentence));
	answer->retry_after = failures[status].retry_after;
}

static void give_reply(struct conn *conn, struct answer *answer)
{
	if (conn->status != AZATTEST_STATUS_OK) {
		give_failure(conn->status, answer);
		return;
	}
	count_up(COUNT_answered);
	give_document(conn, answer);
}

static void give_instance(const struct conn *conn, struct answer *answer)
{
	const struct route *route = &conn->route;
	bool leaf = false;
	char *body = instance_get(conn->vm->facts, route->version, route->below, &leaf);

	if (body && leaf == route->text) {
		count_up(COUNT_answered);
		set_body(answer, 200, body);
		answer->type = leaf ? "text/plain; charset=utf-8" : JSON_TYPE;
		return;
	}
	if (body) {
		count_up(COUNT_query);
		set_body(answer, 400, body_bad_request(leaf ? "A single value needs format=text" :
						       "format=text needs a single value"));
		free(body);
		return;
	}
	count_up(COUNT_path);
	set_body(answer, 404, body_no_path(route->path, route->method));
}

static bool is_for_module(const struct conn *conn)
{
	return conn->route.kind == ROUTE_DOCUMENT || conn->route.kind == ROUTE_ISSUER;
}

static void find_answer(struct conn *conn, struct answer *answer)
{
	answer->type = JSON_TYPE;
	if (!is_for_module(conn) && !vm_take_token(conn->vm)) {
		give_failure(AZATTEST_STATUS_BUSY, answer);
		return;
	}
	switch (conn->route.kind) {
	case ROUTE_REFUSE:
		refuse(&conn->route, answer);
		break;
	case ROUTE_VERSIONS:
		count_up(COUNT_answered);
		set_body(answer, 200, body_versions());
		break;
	case ROUTE_INSTANCE:
		give_instance(conn, answer);
		break;
	default:
		give_reply(conn, answer);
	}
}

/* Random ones, version 4, made by the dozen: each costs no system call. */
static void make_request_id(char text[37])
{
	static const char digits[] = "0123456789abcdef";
	static uint8_t pool[64][16];
	static unsigned int left;
	uint8_t *id;

	if (!left && getrandom(pool, sizeof(pool), 0) == sizeof(pool))
		left = 64;
	id = pool[left ? --left : 0];
	id[6] = (id[6] & 0x0f) | 0x40;
	id[8] = (id[8] & 0x3f) | 0x80;
	for (unsigned int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		*text++ = digits[id[i] >> 4];
		*text++ = digits[id[i] & 15];
	}
	*text = '\0';
}

static void add_headers(struct MHD_Response *response, const struct answer *answer)
{
	char id[37];

	make_request_id(id);
	MHD_add_response_header(response, "Content-Type", answer->type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "x-ms-request-id", id);
	if (answer->allow)
		MHD_add_response_header(response, "Allow", answer->allow);
	if (answer->retry_after)
		MHD_add_response_header(response, "Retry-After", answer->retry_after);
	if (answer->close)
		MHD_add_response_header(response, "Connection", "close");
}

static enum MHD_Result give_answer(struct conn *conn)
{
	struct answer answer = { .close = conn->last, .release = free };
	struct MHD_Response *response;
	enum MHD_Result ret;

	find_answer(conn, &answer);
	if (!answer.body)
		return MHD_NO;
	response = MHD_create_response_from_buffer_with_free_callback(answer.length, answer.body,
								      answer.release);
	if (!response) {
		answer.release(answer.body);
		return MHD_NO;
	}
	add_headers(response, &answer);
	if (conn->phase != CONN_SENDING)
		conn_phase(conn, CONN_SENDING);
	ret = MHD_queue_response(conn->mhd, answer.status, response);
	MHD_destroy_response(response);
	return ret;
}

/* True: suspended until the reply comes. */
static bool ask(struct conn *conn)
{
	int ret = ask_send(conn);

	if (ret == 0) {
		conn_phase(conn, CONN_ASKING);
		MHD_suspend_connection(conn->mhd);
		return true;
	}
	conn->status = ret == -EAGAIN ? AZATTEST_STATUS_BUSY : AZATTEST_STATUS_FAULT;
	conn->replied = true;
	return false;
}

static struct conn *conn_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* Called once when the head is there, and again when nothing is to follow. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **request)
{
	struct conn *conn = conn_of(connection);

	(void)cls, (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
	if (!conn || conn->phase == CONN_DEAD)
		return MHD_NO;
	if (!conn->whole) {
		count_up(COUNT_unguarded);
		return MHD_NO;
	}
	if (!*request) {
		*request = conn;
		return MHD_YES;
	}
	if (is_for_module(conn) && !conn->replied && ask(conn))
		return MHD_YES;
	return conn->phase == CONN_DEAD ? MHD_NO : give_answer(conn);
}

static void completed(void *cls, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode code)
{
	struct conn *conn = conn_of(connection);

	(void)cls, (void)request;
	if (!conn || conn->phase == CONN_DEAD)
		return;
	if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK)
		conn->last = false;
	if (conn->last)
		return;
	conn_forget_request(conn);
	conn_phase(conn, CONN_IDLE);
}

static void notify(void *cls, struct MHD_Connection *connection, void **context,
		   enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;

	(void)cls;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		*context = conn_of_fd(info->connect_fd);
		if (*context)
			((struct conn *)*context)->mhd = connection;
	} else if (*context) {
		conn_closing(*context);
		*context = NULL;
	}
}

static void inner_ready(struct watch *watch, uint32_t events)
{
	(void)watch, (void)events;
	dirty = true;
}

int http_open(unsigned int connections)
{
	const union MHD_DaemonInfo *info;

	server = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TURBO | MHD_USE_NO_LISTEN_SOCKET |
				  MHD_ALLOW_SUSPEND_RESUME,
				  0, NULL, NULL, handle, NULL,
				  MHD_OPTION_CONNECTION_LIMIT, connections,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)4096,
				  MHD_OPTION_STRICT_FOR_CLIENT, 1,
				  MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
				  MHD_OPTION_NOTIFY_CONNECTION, notify, NULL,
				  MHD_OPTION_END);
	if (!server)
		return -ENOMEM;
	info = MHD_get_daemon_info(server, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EIO;
	inner = (struct watch){ .fd = info->epoll_fd, .ready = inner_ready };
	return watch_add(&inner, EPOLLIN);
}

void http_add(struct conn *conn, const struct sockaddr_in *peer)
{
	int fd = conn->socket.fd;

	/* If it cannot, it has closed the descriptor, and may have said so. */
	if (MHD_add_connection(server, fd, (const struct sockaddr *)peer, sizeof(*peer)) != MHD_YES &&
	    conn_of_fd(fd))
		conn_free(conn_of_fd(fd));
	dirty = true;
}

void http_resume(struct conn *conn)
{
	MHD_resume_connection(conn->mhd);
	dirty = true;
}

void http_run(void)
{
	MHD_UNSIGNED_LONG_LONG timeout;

	if (!dirty)
		return;
	MHD_run(server);
	dirty = MHD_get_timeout(server, &timeout) == MHD_YES && timeout == 0;
}

int http_timeout(void)
{
	return dirty ? 0 : -1;
}
