// SPDX-License-Identifier: GPL-2.0
// Promises of the API's bodies: nothing but the one JSON object that a call takes
// changes anything, whatever its form, depth or length.

#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

static void bodies_that_are_no_such_object_are_invalid(void)
{
	static const char *const legacy[] = {
		"", " ", "{", "}", "[]", "1", "null", "\"enabled\"", "{}", "{\"enabled\":1}",
		"{\"enabled\":\"true\"}", "{\"enabled\":null}", "{\"enabled\":true,}",
		"{\"enabled\":true,\"enabled\":true}", "{\"enabled\":true,\"more\":1}",
		"{\"enabled\":true}{", "{\"enabled\":true} x", "{'enabled':true}",
		"{\"enabled\":TRUE}", "{\"Enabled\":true}", "\xef\xbb\xbf{\"enabled\":true}",
		"{\"enabled\":true,\"\xff\":1}", "{\"enabled\":true,\"a\\u0000\":1}",
		"enabled=true", "{\"enabled\":[true]}",
	};

	rig_start();
	for (size_t i = 0; i < TAP_COUNT(legacy); i++)
		rig_need_answer(rig_ask("PUT", "/v1/legacy", legacy[i]), legacy[i], 400, "invalid");
	rig_need_answer(rig_ask_bytes("PUT", "/v1/legacy", "{\"enabled\":true}\0", 17), "NUL", 400,
			"invalid");
	tap_need_eq(hostd->changes, 0);
	rig_stop();
}

static void fields_that_break_their_rule_are_invalid(void)
{
	static const char *const bad[] = {
		"{}", "{\"tap\":\"\"}", "{\"tap\":0}", "{\"tap\":null}", "{\"tap\":\"a234567890123456\"}",
		"{\"tap\":\"a\\u0000b\"}", "{\"tap\":\"t\",\"pid\":-1}", "{\"tap\":\"t\",\"pid\":1.0}",
		"{\"tap\":\"t\",\"pid\":\"1\"}", "{\"tap\":\"t\",\"pid\":2147483648}",
		"{\"tap\":\"t\",\"pid\":18446744073709551617}", "{\"tap\":\"t\",\"name\":1}",
		"{\"tap\":\"t\",\"uuid\":\"c0ffee42-0000-4000-8000-00000000002a\"}",
		"{\"tap\":\"t\",\"tap\":\"u\"}", "{\"tap\":\"t\",\"profile\":{}}",
		"{\"tap\":\"t\",\"manager\":1}",
	};
	char body[200];

	rig_start();
	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		rig_need_answer(rig_ask("PUT", RIG_VM, bad[i]), bad[i], 400, "invalid");
	snprintf(body, sizeof(body), "{\"tap\":\"t\",\"name\":\"%0*d\"}", AZATTEST_NAME_LEN, 1);
	rig_need("PUT", RIG_VM, body, 400, "invalid");
	snprintf(body, sizeof(body), "{\"tap\":\"t\",\"profile\":\"%0*d\"}", AZATTEST_PROFILE_LEN, 1);
	rig_need("PUT", RIG_VM, body, 400, "invalid");
	snprintf(body, sizeof(body), "{\"tap\":\"t\",\"manager\":\"%0*d\"}", AZATTEST_PROFILE_LEN, 1);
	rig_need("PUT", RIG_VM, body, 400, "invalid");
	tap_need_eq(hostd->changes, 0);
	snprintf(body, sizeof(body), "{\"tap\":\"a23456789012345\",\"pid\":2147483647,"
		 "\"name\":\"%0*d\",\"profile\":\"%0*d\"}", AZATTEST_NAME_LEN - 1, 1,
		 AZATTEST_PROFILE_LEN - 1, 1);
	rig_need("PUT", RIG_VM, body, 201, "");
	rig_stop();
}

static void deep_and_wide_json_is_invalid(void)
{
	char *body = malloc(65536);

	rig_start();
	memset(body, '[', 65536);
	rig_need_answer(rig_ask_bytes("PUT", RIG_VM, body, 65536), "deep", 400, "invalid");
	for (size_t i = 0; i < 65536; i += 5)
		memcpy(body + i, "{\"a\":", i + 5 > 65536 ? 65536 - i : 5);
	rig_need_answer(rig_ask_bytes("PUT", RIG_VM, body, 65536), "deep", 400, "invalid");
	tap_need_eq(hostd->changes, 0);
	free(body);
	rig_stop();
}

static void a_body_has_at_most_64_kib(void)
{
	char *body = malloc(65537);

	rig_start();
	memset(body, ' ', 65537);
	memcpy(body, "{\"enabled\":true}", 16);
	rig_need_answer(rig_ask_bytes("PUT", "/v1/legacy", body, 65536), "64 KiB", 200, "");
	rig_need_answer(rig_ask_bytes("PUT", "/v1/legacy", body, 65537), "and one", 413,
			"too-large");
	tap_need_eq(hostd->changes, 1);
	free(body);
	rig_stop();
}

/* It is refused by what it announces; nobody waits for it. */
static void a_huge_body_is_refused_unread(void)
{
	static const char request[] =
		"PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n";

	rig_start();
	rig_need_answer(rig_raw(request, strlen(request)), "huge", 413, "too-large");
	rig_stop();
}

static void what_takes_no_body_or_query_gets_none(void)
{
	rig_start();
	rig_need("GET", "/v1/status", "{}", 400, "invalid");
	rig_need("DELETE", RIG_VM, "{}", 400, "invalid");
	rig_need("GET", "/v1/status?x", "", 400, "invalid");
	rig_need("PUT", "/v1/legacy?enabled=1", "{\"enabled\":true}", 400, "invalid");
	tap_need_eq(hostd->changes, 0);
	rig_stop();
}

static const struct tap_test tests[] = {
	TAP_TEST(bodies_that_are_no_such_object_are_invalid),
	TAP_TEST(fields_that_break_their_rule_are_invalid),
	TAP_TEST(deep_and_wide_json_is_invalid),
	TAP_TEST(a_body_has_at_most_64_kib),
	TAP_TEST(a_huge_body_is_refused_unread),
	TAP_TEST(what_takes_no_body_or_query_gets_none),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
