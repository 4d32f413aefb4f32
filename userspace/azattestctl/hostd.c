// SPDX-License-Identifier: GPL-2.0
// Owns one call of azattest-hostd's API: HTTP by libcurl over a Unix socket, JSON both ways.

#include "ctl.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX	(16 << 20)	/* more than all VMs that there can be */
#define PATIENCE_S	120L		/* a VM's removal waits for its connections */

struct buffer {
	char *data;
	size_t length;
};

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
	struct buffer *buffer = arg;
	char *more;

	size *= count;
	if (size > ANSWER_MAX - buffer->length)
		return 0;
	more = realloc(buffer->data, buffer->length + size);
	if (!more)
		return 0;
	memcpy(more + buffer->length, data, size);
	buffer->data = more;
	buffer->length += size;
	return size;
}

/* With a Unix socket libcurl asks no proxy, whatever the environment says. */
static void prepare(CURL *curl, const struct ctl *ctl, const char *method, const char *path,
		    const char *body)
{
	char url[256];

	snprintf(url, sizeof(url), "http://hostd%s", path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, ctl->api);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, ctl->patience ?: PATIENCE_S);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static void read_answer(CURL *curl, const struct buffer *buffer, struct hostd_answer *answer)
{
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	if (buffer->length)
		answer->json = json_loadb(buffer->data, buffer->length, JSON_REJECT_DUPLICATES,
					  NULL);
	if (answer->status != 204 && !json_is_object(answer->json)) {
		answer->status = 0;
		strcpy(answer->why, "its answer cannot be read: are both of one release?");
	}
}

static void nobody(CURL *curl, CURLcode code, struct hostd_answer *answer)
{
	long error = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
	snprintf(answer->why, sizeof(answer->why),
		 "%s: is azattest-hostd running? (systemctl status azattest-hostd)",
		 code == CURLE_COULDNT_CONNECT && error ? strerror((int)error) :
		 curl_easy_strerror(code));
}

void hostd_call(const struct ctl *ctl, const char *method, const char *path, const json_t *body,
		struct hostd_answer *answer)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct buffer buffer = { .length = 0 };
	CURL *curl = curl_easy_init();
	CURLcode code;

	if (!curl || (body && !text))
		abort();
	*answer = (struct hostd_answer) { .status = 0 };
	prepare(curl, ctl, method, path, text);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &buffer);
	code = curl_easy_perform(curl);
	if (code)
		nobody(curl, code, answer);
	else
		read_answer(curl, &buffer, answer);
	curl_easy_cleanup(curl);
	free(buffer.data);
	free(text);
}

static void say_refusal(const char *command, const char *object, const json_t *json)
{
	const char *message = json_string_value(json_object_get(json_object_get(json, "error"),
								"message"));
	char text[1024];

	snprintf(text, sizeof(text), "%s", message ? message : "azattest-hostd does not say why");
	output_plain(text);
	say("%s%s%s: %s", command, object ? " " : "", object ? object : "", text);
}

static int judge(const struct ctl *ctl, const char *command, const char *object,
		 struct hostd_answer *answer)
{
	if (answer->status / 100 == 2)
		return 0;
	if (answer->status)
		say_refusal(command, object, answer->json);
	else
		say("%s: %s", ctl->api, answer->why);
	json_decref(answer->json);
	return answer->status ? EXIT_REFUSED : EXIT_NO_DAEMON;
}

json_t *hostd_bindings(const struct ctl *ctl)
{
	struct hostd_answer answer;
	json_t *bindings;

	hostd_call(ctl, "GET", "/v1/bindings", NULL, &answer);
	bindings = json_incref(json_object_get(answer.json, "bindings"));
	json_decref(answer.json);
	return bindings;
}

int hostd_ask(const struct ctl *ctl, const char *command, const char *object,
	      const char *method, const char *path, const json_t *body,
	      struct hostd_answer *answer)
{
	hostd_call(ctl, method, path, body, answer);
	return judge(ctl, command, object, answer);
}

int hostd_ask_unless(const struct ctl *ctl, const char *command, const char *object,
		     const char *method, const char *path, long status, struct hostd_answer *answer)
{
	hostd_call(ctl, method, path, NULL, answer);
	if (!answer->status || answer->status != status)
		return judge(ctl, command, object, answer);
	json_decref(answer->json);
	answer->json = NULL;
	return 0;
}
