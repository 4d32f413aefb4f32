// SPDX-License-Identifier: GPL-2.0
// Owns one request of the API between libmicrohttpd and the call that it is: body in, answer out.

#include "api.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static enum MHD_Result send_answer(struct MHD_Connection *connection,
				   const struct api_answer *answer)
{
	char *text = answer->json ? json_dumps(answer->json, JSON_COMPACT) : strdup("");
	struct MHD_Response *response;
	enum MHD_Result ret;

	if (!text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	if (answer->json)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
					"application/json");
	if (answer->allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	ret = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return ret;
}

static enum MHD_Result send_and_release(struct MHD_Connection *connection,
					struct api_answer answer)
{
	enum MHD_Result ret = send_answer(connection, &answer);

	json_decref(answer.json);
	return ret;
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* What can be refused by the headers alone is answered before a body is read. */
static enum MHD_Result begin(struct api_client *client, struct MHD_Connection *connection)
{
	const char *announced = header_of(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
	unsigned long long size = announced ? strtoull(announced, NULL, 10) : 0;

	client->begun = true;
	if (header_of(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING))
		return send_and_release(connection, api_call_refuse(
			MHD_HTTP_BAD_REQUEST, "invalid",
			"Transfer-Encoding: send the body with Content-Length"));
	if (size > API_BODY_MAX)
		return send_and_release(connection, api_call_refuse(
			MHD_HTTP_CONTENT_TOO_LARGE, "too-large",
			"a body of %llu bytes: %d are allowed", size, API_BODY_MAX));
	client->size = (size_t)size;
	client->body = malloc(client->size + 1);
	return client->body ? MHD_YES : MHD_NO;
}

static enum MHD_Result collect(struct api_client *client, const char *data, size_t *left)
{
	if (*left > client->size - client->length)
		return MHD_NO;
	memcpy(client->body + client->length, data, *left);
	client->length += *left;
	*left = 0;
	return MHD_YES;
}

/* The library calls again for a connection that it has woken. */
static void wake(struct api_later *later)
{
	struct api_client *client = (struct api_client *)((char *)later -
							  offsetof(struct api_client, later));

	client->until_ms = watch_now_ms() + API_TIME_MS;
	client->woken = true;
	MHD_resume_connection(client->asleep);
	api_arm(client->api);
}

static enum MHD_Result sleep_until_woken(struct api *api, struct api_client *client,
					 struct MHD_Connection *connection)
{
	client->api = api;
	client->asleep = connection;
	client->until_ms = INT64_MAX;
	MHD_suspend_connection(connection);
	return MHD_YES;
}

static enum MHD_Result send_later(struct api_client *client, struct MHD_Connection *connection)
{
	struct api_answer answer = client->later.answer;

	client->later.answer.json = NULL;
	client->woken = false;
	return send_and_release(connection, answer);
}

static enum MHD_Result finish(struct api *api, struct api_client *client,
			      struct MHD_Connection *connection, const char *path,
			      const char *method)
{
	struct api_call call = {
		.method = method, .path = path, .body = client->body, .length = client->length,
		.admin = client->admin, .admin_group = api->config->admin_group,
		.later = &client->later,
	};
	int64_t begun = watch_now_ms();
	struct api_answer answer;

	if (MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, NULL, NULL))
		return send_and_release(connection, api_call_refuse(
			MHD_HTTP_BAD_REQUEST, "invalid", "%.80s: takes no query", path));
	client->later.wake = wake;
	answer = api_call_answer(api->hostd, &call);
	if (!answer.status)
		return sleep_until_woken(api, client, connection);
	api_give_time(api, watch_now_ms() - begun);
	return send_and_release(connection, answer);
}

static struct api_client *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

enum MHD_Result api_http_request(void *arg, struct MHD_Connection *connection, const char *path,
				 const char *method, const char *version, const char *data,
				 size_t *left, void **context)
{
	struct api_client *client = client_of(connection);

	(void)version;
	(void)context;
	if (!client->begun)
		return begin(client, connection);
	if (client->asleep)
		return send_later(client, connection);
	if (*left)
		return collect(client, data, left);
	return finish(arg, client, connection, path, method);
}

/* Paths are taken as they were sent: none has a character to be unescaped. */
size_t api_http_keep_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg;
	(void)connection;
	return strlen(text);
}
