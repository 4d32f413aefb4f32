// SPDX-License-Identifier: GPL-2.0
// Promises of the API's calls: each row of docs/api.md, and that there are no others.

#include "rig.h"

#include <stdio.h>
#include <unistd.h>

static void status_is_what_hostd_says(void)
{
	rig_start();
	rig_need_json("/v1/status", status_json(hostd));
	hostd->status_null = 1;
	rig_need("GET", "/v1/status", "", 500, "fault");
	rig_stop();
}

static void legacy_is_set_and_said(void)
{
	struct rig_answer a;

	rig_start();
	a = rig_ask("PUT", "/v1/legacy", "{\"enabled\":false}");
	tap_need_eq(a.status, 200);
	tap_need(json_object_size(a.json) == 1 && json_is_false(json_object_get(a.json, "enabled")));
	tap_need(!hostd->legacy);
	json_decref(a.json);
	a = rig_ask("PUT", "/v1/legacy", "{\"enabled\":true}");
	tap_need(json_is_true(json_object_get(a.json, "enabled")) && hostd->legacy);
	json_decref(a.json);
	rig_need("PUT", "/v1/legacy", "{\"enabled\":true}", 200, "");
	tap_need_eq(hostd->changes, 3);
	rig_stop();
}

static void legacy_failures_have_their_codes(void)
{
	static const struct { int error, status; const char *code; } rows[] = {
		{ -EEXIST, 409, "conflict" }, { -EADDRINUSE, 409, "conflict" },
		{ -ENODEV, 503, "unavailable" }, { -EIO, 503, "unavailable" },
		{ -ENOMEM, 503, "unavailable" },
	};

	rig_start();
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		hostd->legacy_error = rows[i].error;
		rig_need("PUT", "/v1/legacy", "{\"enabled\":true}", rows[i].status, rows[i].code);
	}
	rig_stop();
}

static void a_vm_comes_and_goes(void)
{
	struct rig_answer a;

	rig_start();
	rig_need("GET", RIG_VM, "", 404, "not-found");
	rig_need("DELETE", RIG_VM, "", 404, "not-found");
	rig_need_json("/v1/vms", json_pack("{s:[]}", "vms"));
	a = rig_ask("PUT", RIG_VM, "{\"tap\":\"tap0\",\"pid\":17,\"name\":\"w\xc3\xa9" "b\","
		    "\"profile\":\"silver\"}");
	tap_need_eq(a.status, 201);
	tap_need_eq(json_integer_value(json_object_get(a.json, "pid")), 17);
	tap_need(!strcmp(hostd->vm[0].profile, "silver"));
	tap_need(!strcmp(hostd->vm[0].name, "w\xc3\xa9" "b"));
	rig_need_json(RIG_VM, json_incref(a.json));
	rig_need_json("/v1/vms", json_pack("{s:[O]}", "vms", a.json));
	json_decref(a.json);
	rig_need("PUT", RIG_VM, "{\"tap\":\"tap0\"}", 200, "");
	rig_need("DELETE", RIG_VM, "", 204, "");
	rig_need("GET", RIG_VM, "", 404, "not-found");
	rig_stop();
}

static void only_the_tap_must_be_given(void)
{
	rig_start();
	rig_enrol(RIG_VM);
	tap_need(!strcmp(hostd->vm[0].tap, "tap0"));
	tap_need(!hostd->vm[0].pid && !*hostd->vm[0].name);
	tap_need(!*hostd->vm[0].profile);
	rig_stop();
}

static void failures_to_enrol_have_their_codes(void)
{
	static const struct { const char *tap; int status; const char *code; } rows[] = {
		{ "tap-inval", 400, "invalid" }, { "tap-srch", 400, "invalid" },
		{ "tap-busy", 409, "conflict" }, { "tap-nospc", 503, "unavailable" },
		{ "tap-eio", 503, "unavailable" }, { "tap-nodev", 503, "unavailable" },
		{ "tap-cut", 400, "invalid" }, { "tap-null", 500, "fault" },
	};
	char body[64];

	rig_start();
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		snprintf(body, sizeof(body), "{\"tap\":\"%s\"}", rows[i].tap);
		rig_need("PUT", RIG_VM, body, rows[i].status, rows[i].code);
	}
	hostd->legacy = false;
	rig_need("PUT", RIG_VM, "{\"tap\":\"tap0\"}", 409, "legacy-off");
	rig_stop();
}

static void other_paths_are_not_found(void)
{
	static const char *const paths[] = {
		"/", "/v1", "/v1/", "/v1/statu", "/v1/status/", "/v1/statuss", "/v2/status",
		"/v1/vms/", "//v1/status", "/v1/%73tatus", "/v1/status%00", "/v1/../v1/status",
		"/v1/vms/1", RIG_VM "/", RIG_VM "0", "/v1/vms/c0ffee4200004000800000000000002a",
	};

	rig_start();
	for (size_t i = 0; i < TAP_COUNT(paths); i++)
		rig_need("GET", paths[i], "", 404, "not-found");
	rig_need("DELETE", "/v1/vms/1", "", 404, "not-found");
	rig_need("PUT", "/v1/vms/1", "{\"tap\":\"tap0\"}", 400, "invalid");
	tap_need_eq(hostd->changes, 0);
	rig_stop();
}

static void other_methods_are_405_and_say_which_there_are(void)
{
	static const struct { const char *path, *allow, *methods; } rows[] = {
		{ "/v1/status", "Allow: GET\r\n", "POST PUT DELETE HEAD OPTIONS PATCH get" },
		{ "/v1/legacy", "Allow: PUT\r\n", "GET POST DELETE HEAD OPTIONS PATCH" },
		{ "/v1/vms", "Allow: GET\r\n", "POST PUT DELETE HEAD OPTIONS BREW" },
		{ RIG_VM, "Allow: GET, PUT, DELETE\r\n", "POST HEAD OPTIONS PATCH" },
	};
	char words[64], *word, *rest;
	struct rig_answer a;

	rig_start();
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		strcpy(words, rows[i].methods);
		for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
			a = rig_ask(word, rows[i].path, "");
			tap_need_msg(strstr(a.head, rows[i].allow), "%s: %s", word, a.head);
			rig_need_answer(a, word, 405, strcmp(word, "HEAD") ? "method" : "");
		}
	}
	tap_need_eq(hostd->changes, 0);
	rig_stop();
}

/* ---- bindings ---- */

#define BINDING	"/v1/bindings/c0ffee42-0000-4000-8000-00000000002a"

static void a_binding_comes_and_goes(void)
{
	struct rig_answer a;

	rig_start();
	rig_need("GET", BINDING, "", 404, "not-found");
	rig_need("DELETE", BINDING, "", 404, "not-found");
	rig_need_json("/v1/bindings", json_pack("{s:[]}", "bindings"));
	a = rig_ask("PUT", BINDING, "{\"pid\":17,\"cid\":4294967294,\"named\":true,\"name\":\"web\","
		    "\"profile\":\"silver\"}");
	tap_need_eq(a.status, 201);
	tap_need(hostd->bound.pid == 17 && hostd->bound.cid == 4294967294 && hostd->bound.named);
	tap_need(!strcmp(hostd->bound.name, "web") && !strcmp(hostd->bound.profile, "silver"));
	rig_need_json("/v1/bindings", json_pack("{s:[O]}", "bindings", a.json));
	rig_need_json(BINDING, a.json);
	rig_need("PUT", BINDING, "{\"pid\":17}", 409, "conflict");
	rig_need("PUT", BINDING, "{\"pid\":17,\"profile\":\"silver\"}", 200, "");
	tap_need(!hostd->bound.cid && !hostd->bound.named);
	rig_need("DELETE", BINDING, "", 204, "");
	rig_need("GET", BINDING, "", 404, "not-found");
	rig_stop();
}

static void bad_bindings_are_refused_unasked(void)
{
	static const char * const bodies[] = {
		"", "[]", "{}", "{\"cid\":42}", "{\"pid\":\"17\"}", "{\"pid\":1}", "{\"pid\":-17}",
		"{\"pid\":2147483648}", "{\"pid\":17,\"cid\":2}", "{\"pid\":17,\"cid\":-3}",
		"{\"pid\":17,\"cid\":4294967295}", "{\"pid\":17,\"named\":1}",
		"{\"pid\":17,\"tap\":\"tap0\"}", "{\"pid\":17,\"pid\":18}",
		"{\"pid\":17,\"profile\":\"a123456789b123456789c123456789d1\"}",
		"{\"pid\":17,\"name\":\"a123456789b123456789c123456789d123456789e123456789f123456789g123\"}",
	};

	rig_start();
	for (size_t i = 0; i < TAP_COUNT(bodies); i++)
		rig_need_answer(rig_ask("PUT", BINDING, bodies[i]), bodies[i], 400, "invalid");
	rig_need("PUT", "/v1/bindings/1", "{\"pid\":17}", 400, "invalid");
	rig_need("DELETE", "/v1/bindings/1", "", 404, "not-found");
	tap_need_eq(hostd->changes, 0);
	rig_stop();
}

static void binding_failures_have_their_codes(void)
{
	static const struct { int error, status; const char *code; } rows[] = {
		{ -EINVAL, 400, "invalid" }, { -ESRCH, 400, "invalid" }, { -ENXIO, 400, "invalid" },
		{ -EBUSY, 409, "conflict" }, { -EADDRINUSE, 409, "conflict" },
		{ -EACCES, 503, "unavailable" }, { -ECONNREFUSED, 503, "unavailable" },
		{ -ENODEV, 503, "unavailable" },
	};

	rig_start();
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		hostd->bind_error = rows[i].error;
		rig_need("PUT", BINDING, "{\"pid\":17}", rows[i].status, rows[i].code);
	}
	rig_stop();
}

/* ---- calls that end later ---- */

static int begin_binding(void)
{
	static const char call[] = "PUT " BINDING " HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
		"{\"pid\":17}";
	int fd = rig_connect(), before = hostd->held;

	tap_need(fd >= 0);
	rig_put(fd, call, strlen(call));
	tap_need_wait(hostd->held == before + 1);
	return fd;
}

static void a_call_that_ends_later_holds_up_no_other(void)
{
	int first, second;

	rig_start();
	hostd->bind_hold = true;
	first = begin_binding();
	second = begin_binding();
	rig_need("GET", "/v1/status", "", 200, "");
	rig_need("PUT", "/v1/legacy", "{\"enabled\":false}", 200, "");
	hostd->bind_hold = false;
	rig_need_answer(rig_read(first), "first", 201, "");
	rig_need_answer(rig_read(second), "second", 200, "");
	rig_stop();
}

static void a_call_that_fails_later_has_its_code(void)
{
	int fd;

	rig_start();
	hostd->bind_hold = true;
	hostd->bind_error = -EBUSY;
	fd = begin_binding();
	hostd->bind_hold = false;
	rig_need_answer(rig_read(fd), "busy", 409, "conflict");
	hostd->bind_hold = true;
	hostd->bind_error = -ECONNREFUSED;
	fd = begin_binding();
	hostd->bind_hold = false;
	rig_need_answer(rig_read(fd), "nobody", 503, "unavailable");
	rig_stop();
}

/* A client's time is its own; this call's is not. */
static void a_call_that_waits_outlives_an_idle_client(void)
{
	char nothing[8];
	int fd, idle;

	rig_start();
	hostd->bind_hold = true;
	fd = begin_binding();
	idle = rig_connect();
	tap_need_eq(rig_take(idle, nothing, sizeof(nothing)), 0);
	hostd->bind_hold = false;
	rig_need_answer(rig_read(fd), "patient", 201, "");
	rig_stop();
}

static void who_hangs_up_meanwhile_harms_nobody(void)
{
	int fd;

	rig_start();
	hostd->bind_hold = true;
	for (int i = 0; i < 10; i++)
		close(begin_binding());
	fd = begin_binding();
	hostd->bind_hold = false;
	rig_need_answer(rig_read(fd), "last", 200, "");
	tap_need_wait(!hostd->held);
	rig_need("GET", "/v1/status", "", 200, "");
	rig_stop();
}

static const struct tap_test tests[] = {
	TAP_TEST(status_is_what_hostd_says),
	TAP_TEST(legacy_is_set_and_said),
	TAP_TEST(legacy_failures_have_their_codes),
	TAP_TEST(a_vm_comes_and_goes),
	TAP_TEST(only_the_tap_must_be_given),
	TAP_TEST(failures_to_enrol_have_their_codes),
	TAP_TEST(other_paths_are_not_found),
	TAP_TEST(other_methods_are_405_and_say_which_there_are),
	TAP_TEST(a_binding_comes_and_goes),
	TAP_TEST(bad_bindings_are_refused_unasked),
	TAP_TEST(binding_failures_have_their_codes),
	TAP_TEST(a_call_that_ends_later_holds_up_no_other),
	TAP_TEST(a_call_that_fails_later_has_its_code),
	TAP_TEST(a_call_that_waits_outlives_an_idle_client),
	TAP_TEST(who_hangs_up_meanwhile_harms_nobody),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
