// SPDX-License-Identifier: GPL-2.0
// Owns the API's socket: who asks, how many at once, and for how long.

#include "api.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- who asks ---- */

static bool in_list(const gid_t *list, size_t count, gid_t gid)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == gid)
			return true;
	return false;
}

/* Supplementary groups at the time of connect(). */
static bool in_peer_groups(int fd, gid_t gid)
{
	socklen_t size = API_GROUPS_MAX * sizeof(gid_t);
	gid_t *list = malloc(size);
	bool found = list && !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &size) &&
		     in_list(list, size / sizeof(gid_t), gid);

	free(list);
	return found;
}

static bool is_admin(const struct api *api, int fd, const struct ucred *peer)
{
	gid_t admin = api->config->admin_gid;

	if (peer->uid == 0)
		return true;
	return admin != (gid_t)-1 && (peer->gid == admin || in_peer_groups(fd, admin));
}

/* ---- connections ---- */

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct api *api = arg;
	struct api_client *client = *context;
	int fd;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		free(client->body);
		json_decref(client->later.answer.json);
		*client = (struct api_client) { .fd = -1 };
		return;
	}
	fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	for (size_t i = 0; i < API_CLIENTS; i++)
		if (api->client[i].fd == fd)
			*context = &api->client[i];
}

void api_give_time(struct api *api, int64_t ms)
{
	for (size_t i = 0; i < API_CLIENTS; i++)
		if (api->client[i].fd >= 0 && api->client[i].until_ms < INT64_MAX)
			api->client[i].until_ms += ms;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * When the timer must fire at the latest: a deadline, or the library's own wish, which
 * knows nothing of connections that were woken from outside.
 */
static int64_t next_ms(struct api *api)
{
	int64_t next = INT64_MAX;
	MHD_UNSIGNED_LONG_LONG wish;

	if (MHD_get_timeout(api->daemon, &wish) == MHD_YES)
		next = watch_now_ms() + (int64_t)wish;
	for (size_t i = 0; i < API_CLIENTS; i++)
		if (api->client[i].fd >= 0)
			next = earlier(next, api->client[i].woken ? watch_now_ms() :
				       api->client[i].until_ms);
	return next;
}

void api_arm(struct api *api)
{
	int64_t next = next_ms(api);
	struct itimerspec when = { 0 };

	if (next < INT64_MAX) {
		when.it_value.tv_sec = next / 1000;
		when.it_value.tv_nsec = next % 1000 * 1000000 + 1;	/* 0 would disarm it */
	}
	timerfd_settime(api->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void http_ready(struct watch *watch, uint32_t events)
{
	struct api *api = watch->owner;

	(void)events;
	MHD_run(api->daemon);
	api_arm(api);
}

/* The library sees a hang-up of those whose time is over, and closes them. */
static void timer_ready(struct watch *watch, uint32_t events)
{
	struct api *api = watch->owner;
	uint64_t count;

	if (read(watch->fd, &count, sizeof(count)) != sizeof(count))
		return;
	for (size_t i = 0; i < API_CLIENTS; i++) {
		struct api_client *client = &api->client[i];

		if (client->fd < 0 || client->until_ms > watch_now_ms())
			continue;
		shutdown(client->fd, SHUT_RDWR);
		client->until_ms = INT64_MAX;
	}
	http_ready(&api->http, events);
}

/* A place for one more of this user, or NULL. */
static struct api_client *find_place(struct api *api, uid_t uid)
{
	unsigned int free_places = 0, of_user = 0;
	struct api_client *place = NULL;

	for (size_t i = 0; i < API_CLIENTS; i++) {
		struct api_client *client = &api->client[i];

		of_user += client->fd >= 0 && client->uid == uid;
		free_places += client->fd < 0;
		if (client->fd < 0)
			place = client;
	}
	if (uid && (of_user >= API_CLIENTS_USER || free_places <= API_CLIENTS_ROOT))
		return NULL;
	return place;
}

static void turn_away(int fd)
{
	static const char text[] =
		"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
		"Connection: close\r\n\r\n"
		"{\"error\":{\"code\":\"unavailable\",\"message\":"
		"\"too many connections are open: try again\"}}";
	char some[1024];

	/* What is left unread would turn the answer into a reset. */
	while (recv(fd, some, sizeof(some), MSG_DONTWAIT) == (ssize_t)sizeof(some))
		;
	send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void take_in(struct api *api, int fd)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(struct ucred);
	struct api_client *place = NULL;
	struct ucred peer;

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		place = find_place(api, peer.uid);
	if (!place) {
		turn_away(fd);
		return;
	}
	*place = (struct api_client) {
		.fd = fd, .uid = peer.uid, .admin = is_admin(api, fd, &peer),
		.until_ms = watch_now_ms() + API_TIME_MS,
	};
	if (MHD_add_connection(api->daemon, fd, (const struct sockaddr *)&address,
			       sizeof(address)) != MHD_YES)
		place->fd = -1;		/* closed by the library */
}

static void listener_ready(struct watch *watch, uint32_t events)
{
	struct api *api = watch->owner;
	int fd = watch_accept(watch, NULL, NULL);

	(void)events;
	if (fd < 0)
		return;
	take_in(api, fd);
	api_arm(api);
}

/* ---- open and close ---- */

static int open_listener(struct api *api, const char *run, struct failure *failure)
{
	struct local local = { SOCK_STREAM, 0666, 0, API_CLIENTS, api->path };
	int fd = local_listen(&local, run, API_SOCKET, failure);

	if (fd < 0)
		return fd;
	api->listener = (struct watch) { .fd = fd, .ready = listener_ready, .owner = api };
	return 0;
}

/* The library polls inside an epoll of its own; ours watches a copy of it. */
static int open_http(struct api *api, struct failure *failure)
{
	int fd = -1;

	api->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
		MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		api_http_request, api,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, api,
		MHD_OPTION_UNESCAPE_CALLBACK, api_http_keep_escaped, NULL,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_CONNECTION_LIMIT, API_CLIENTS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)API_MEMORY_MAX,
		MHD_OPTION_END);
	if (api->daemon)
		fd = fcntl(MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
			   F_DUPFD_CLOEXEC, 0);
	api->http = (struct watch) { .fd = fd, .ready = http_ready, .owner = api };
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	api->timer = (struct watch) { .fd = fd, .ready = timer_ready, .owner = api };
	if (api->http.fd >= 0 && fd >= 0)
		return 0;
	return failure_set(failure, EXIT_FAILURE, -ENOMEM,
			   "%s: the HTTP library cannot start: no memory or descriptors",
			   api->path);
}

static int watch_all(struct api *api, struct failure *failure)
{
	struct watch *all[] = { &api->listener, &api->http, &api->timer };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int ret = watch_add(all[i], EPOLLIN);

		if (ret)
			return failure_set(failure, EXIT_FAILURE, ret, "%s: epoll: %s", api->path,
					   strerror(-ret));
	}
	return 0;
}

int api_open(struct api **out, struct hostd *hostd, const struct config *config, const char *run,
	     struct failure *failure)
{
	struct api *api = calloc(1, sizeof(*api));
	int ret;

	if (!api)
		return failure_set(failure, EXIT_FAILURE, -ENOMEM, "%s: no memory", run);
	api->hostd = hostd;
	api->config = config;
	api->listener.fd = api->http.fd = api->timer.fd = -1;
	for (size_t i = 0; i < API_CLIENTS; i++)
		api->client[i].fd = -1;
	ret = open_listener(api, run, failure);
	if (!ret)
		ret = open_http(api, failure);
	if (!ret)
		ret = watch_all(api, failure);
	if (ret)
		api_close(api);
	else
		*out = api;
	return ret;
}

void api_close(struct api *api)
{
	if (api->listener.fd >= 0)
		unlink(api->path);
	watch_close(&api->listener);
	watch_close(&api->http);
	watch_close(&api->timer);
	if (api->daemon)
		MHD_stop_daemon(api->daemon);
	free(api);
}
