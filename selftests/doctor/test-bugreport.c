// SPDX-License-Identifier: GPL-2.0
// Promises of azattestctl bugreport: what of a host gets into it, and that no secret does.

#include "fakehost.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/azattestctl/bugreport.h>

/* What must never get out, each of another kind. */
#define KEY_BASE64	"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ"
#define KEY_URL		"c2VjcmV0LWtleS1pbi1iYXNlNjR1cmwtZm9ybQ_x-y"
#define KEY_SLASHED	"q83vEjRWeJA/3q2+7wEjRWeJq83v/EjRWeJq83vEjR"
#define KEY_HEX		"0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHARED		"correct horse battery"
#define PASSWORD	"hunter2"
#define BLOB		"\x01\x7f" "canary-of-a-sealed-blob"
#define NONCE		"canary-nonce-4711"

/* What main.c has; nothing here is to say anything. */
void say(const char *format, ...)
{
	tap_fail(__FILE__, __LINE__, "said: %s", format);
}

static struct bugreport report;
static char *text;
static size_t size;

static void begin(void)
{
	report = (struct bugreport) { .root = fakehost_root() };
	report.to = open_memstream(&text, &size);
	tap_need(report.to);
}

static const char *end(void)
{
	tap_need(!fclose(report.to));
	return text;
}

static void line_is(const char *line, const char *want)
{
	char with_newline[256];

	begin();
	bugreport_line(&report, line);
	snprintf(with_newline, sizeof(with_newline), "%s\n", want);
	tap_need_msg(!strcmp(end(), with_newline), "\"%s\" is \"%s\"", line, text);
	free(text);
}

static void long_words_are_left_out(void)
{
	line_is("key " KEY_BASE64 "== ends", "key [left out] ends");
	line_is("key=" KEY_URL, "[left out]");
	line_is("a " KEY_SLASHED " b", "a [left out] b");
	line_is("hash:" KEY_HEX, "hash:[left out]");
	line_is("\"" KEY_HEX "\"", "\"[left out]\"");
}

static void what_helps_stays(void)
{
	static const char *const lines[] = {
		"VM c0ffee42-0000-4000-8000-00000000002a (web1) cid 42: issued",
		"/var/lib/azattest/leaf-000001/key.sealed: Permission denied",
		"2026-11-22T08:00:00+0000 host1 azattestd[712]: host is Active",
		"ca-url = https://ca.example.net:8829/pkix/path?x=y",
		"----------------------------------------------------------",
		"user@host said so",
	};

	for (size_t i = 0; i < TAP_COUNT(lines); i++)
		line_is(lines[i], lines[i]);
}

static void what_a_label_names_is_left_out(void)
{
	line_is("password=" PASSWORD " next", "password=[left out] next");
	line_is("\"Secret\": \"" PASSWORD "\", x", "\"Secret\": \"[left out]\", x");
	line_is("curl https://me:" PASSWORD "@ca.example.net/", "curl https://[left out]@ca.example.net/");
	line_is("nonce=" NONCE, "nonce=[left out]");
	line_is("secretmem.enable=1", "secretmem.enable=1");
}

static void a_pem_block_is_left_out_to_its_end(void)
{
	begin();
	bugreport_line(&report, "before");
	bugreport_line(&report, "x: -----BEGIN PRIVATE KEY-----");
	bugreport_line(&report, "short");
	bugreport_line(&report, "-----END PRIVATE KEY-----");
	bugreport_line(&report, "after");
	bugreport_line(&report, "-----BEGIN X----- one -----END X-----");
	bugreport_line(&report, "-----BEGIN PRIVATE KEY-----");
	bugreport_line(&report, "cut");
	bugreport_title(&report, "next");
	bugreport_line(&report, "shown");
	tap_need_msg(!strcmp(end(), "before\n[left out: PEM]\nafter\n[left out: PEM]\n"
			     "[left out: PEM]\n\n== next\nshown\n"), "%s", text);
	free(text);
}

static void lines_of_any_length_and_bytes_are_survived(void)
{
	static char line[20000];

	begin();
	memset(line, 'A', sizeof(line) - 1);
	bugreport_line(&report, line);
	memset(line, '\x1b', sizeof(line) - 1);
	bugreport_line(&report, line);
	for (size_t i = 0; i < sizeof(line) - 1; i++)
		line[i] = "nonce=x "[i % 8];
	bugreport_line(&report, line);
	bugreport_line(&report, "");
	tap_need(!strchr(end(), '\x1b') && !strstr(text, "AAAA"));
	free(text);
}

static void fake_program(const char *path, const char *says)
{
	char script[2000];

	snprintf(script, sizeof(script), "#!/bin/sh\ncat <<'EOF'\n%s\nEOF\n", says);
	fakehost_file(path, script, 0755);
}

static void plant(void)
{
	fakehost_file("/etc/azattest/azattestd.conf",
		      "; ca-secret = " PASSWORD "\n[host]\nname = node1\n[certificate]\n"
		      "ca-url = https://u:" PASSWORD "@ca.example.net/\n"
		      "ca-secret-file = /etc/azattest/mine\nmy-key = " PASSWORD "\n", 0644);
	fakehost_file("/etc/azattest/mine", SHARED "\n", 0600);
	fakehost_file("/etc/azattest/ca-secret", "another secret\n", 0600);
	fakehost_file("/var/lib/azattest/leaf-000001/key.sealed", BLOB, 0600);
	fakehost_file("/var/lib/azattest/leaf-000001/key.pem", KEY_BASE64, 0600);
	fakehost_file("/var/lib/azattest/seal-1/kek", KEY_HEX, 0600);
	fakehost_file("/var/lib/azattest/audit/audit-000001.jsonl", NONCE, 0600);
	fake_program("/usr/bin/journalctl", "azattestd[1]: exec said: " SHARED "\n"
		     "azattestd[1]: another secret, " KEY_BASE64 "\nazattestd[1]: kept");
	fake_program("/usr/bin/dmesg", "azattest: loaded\nother: a line of nobody");
	fake_program("/usr/bin/systemctl", "Id=azattestd.service\nActiveState=active");
}

static void write_all(void)
{
	begin();
	bugreport_secrets(&report);
	bugreport_versions(&report);
	bugreport_config(&report);
	bugreport_files(&report);
	bugreport_units(&report);
	bugreport_journal(&report);
	bugreport_kernel(&report);
	end();
}

static void no_planted_secret_gets_out(void)
{
	static const char *const canaries[] = {
		KEY_BASE64, KEY_URL, KEY_HEX, SHARED, "another secret", PASSWORD, BLOB,
		"canary", NONCE,
	};

	plant();
	write_all();
	for (size_t i = 0; i < TAP_COUNT(canaries); i++)
		tap_need_msg(!strstr(text, canaries[i]), "%s is in:\n%s", canaries[i], text);
	free(text);
}

static void the_host_is_described(void)
{
	static const char *const words[] = {
		"name = node1", "ca-secret-file = /etc/azattest/mine", "@ca.example.net/",
		"a key that this program does not know", "/var/lib/azattest/leaf-000001/key.sealed",
		"100600 ", "azattestd[1]: kept", "azattest: loaded", "ActiveState=active", "kernel: ",
	};

	plant();
	write_all();
	for (size_t i = 0; i < TAP_COUNT(words); i++)
		tap_need_msg(strstr(text, words[i]), "no \"%s\" in:\n%s", words[i], text);
	tap_need(!strstr(text, "a line of nobody"));
	/* A comment is no key. */
	tap_need(!strstr(strstr(text, "does not know") + 1, "does not know"));
	free(text);
}

static void a_host_that_has_nothing_is_described_too(void)
{
	write_all();
	tap_need(strstr(text, "/usr/bin/journalctl: No such file or directory"));
	tap_need(strstr(text, "module: not there") && strstr(text, "defaults"));
	free(text);
}

/* A key that is documented and not known here would be missed by who helps. */
static void each_key_of_the_packages_is_known(void)
{
	static const char *const names[] = { "azattestd.conf", "hostd.conf" };
	char command[400];

	for (size_t i = 0; i < TAP_COUNT(names); i++) {
		snprintf(command, sizeof(command), "mkdir -p %s/etc/azattest && sed 's/^;//' "
			 "'" AZ_TOP "/packaging/%s' >%s/etc/azattest/%s", fakehost_root(), names[i],
			 fakehost_root(), names[i]);
		tap_need(!system(command));
	}
	begin();
	bugreport_config(&report);
	tap_need(strstr(end(), "sku = 2022-datacenter") && strstr(text, "hop-limit = 1"));
	tap_need_msg(!strstr(text, "left out"), "%s", text);
	free(text);
}

static const struct tap_test tests[] = {
	TAP_TEST(long_words_are_left_out),
	TAP_TEST(what_helps_stays),
	TAP_TEST(what_a_label_names_is_left_out),
	TAP_TEST(a_pem_block_is_left_out_to_its_end),
	TAP_TEST(lines_of_any_length_and_bytes_are_survived),
	TAP_TEST(no_planted_secret_gets_out),
	TAP_TEST(the_host_is_described),
	TAP_TEST(a_host_that_has_nothing_is_described_too),
	TAP_TEST(each_key_of_the_packages_is_known),
};

int main(int argc, char **argv)
{
	return fakehost_main(tests, TAP_COUNT(tests), argc, argv);
}
