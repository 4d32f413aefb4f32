// SPDX-License-Identifier: GPL-2.0
// Promises of hostd's configuration: what is taken, and that each mistake is named with its line.

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/hostd/core.h>

static struct config config;
static struct failure failure;

static int read_bytes(const char *text, size_t length)
{
	char path[] = "/tmp/azattest-hostd-conf-XXXXXX";
	int fd = mkstemp(path), ret;

	tap_need(fd >= 0 && write(fd, text, length) == (ssize_t)length && !close(fd));
	memset(&failure, 0, sizeof(failure));
	ret = config_read(&config, path, &failure);
	unlink(path);
	return ret;
}

#define USER	"[rest]\nuser = nobody\n"

static void need_ok(const char *text)
{
	int ret = read_bytes(text, strlen(text));

	tap_need_msg(!ret, "%s", failure.text);
}

/* @where: ":LINE: " or what else the sentence must have. */
static void need_wrong(const char *text, const char *where)
{
	tap_need_msg(read_bytes(text, strlen(text)) == -EINVAL, "taken: %s", text);
	tap_need_eq(failure.exit, EXIT_CONFIG);
	tap_need_msg(strstr(failure.text, where) && !strchr(failure.text, '\n'), "%s", failure.text);
}

static void empty_file_means_the_defaults(void)
{
	need_ok(USER);
	tap_need(!strcmp(config.net.bridge, "azhost-imds"));
	tap_need_eq(config.net.address[0].s_addr, inet_addr("169.254.169.253"));
	tap_need_eq(config.net.address[1].s_addr, 0);
	tap_need_eq(config.net.base, 0xc6120000);
	tap_need_eq(config.net.prefix, 19);
	tap_need_eq(config.port, 80);
	tap_need_eq(config.hop_limit, 1);
	tap_need_eq(config.answer_ms, 800);
	tap_need_eq(config.rest_uid, 65534);
}

static void every_key_is_taken(void)
{
	need_ok("[network]\nbridge = br\naddress = 169.254.1.2\nsecond-address = 169.254.169.254\n"
		"range = 10.9.0.0/24\nmtu = 9000\nport = 8080\nhop-limit = 0\n"
		"[rest]\nuser = nobody\nconnections-per-vm = 2\nidle-ms = 11\nrequest-ms = 12\n"
		"answer-ms = 13\nrequest-rate = 0\nrequest-burst = 16\nsyn-rate = 14\nsyn-burst = 15\n[api]\nadmin-group = no-such-group\n"
		"[instance]\nlocation = here\nprovider = us\nos-type = Linux\nresource-group = rg\n");
	tap_need(!strcmp(config.net.bridge, "br"));
	tap_need_eq(config.net.address[1].s_addr, inet_addr("169.254.169.254"));
	tap_need_eq(config.net.base, 0x0a090000);
	tap_need_eq(config.net.prefix, 24);
	tap_need_eq(config.net.mtu, 9000);
	tap_need_eq(config.port, 8080);
	tap_need_eq(config.hop_limit, 0);
	tap_need_eq(config.connections_per_vm, 2);
	tap_need_eq(config.idle_ms + config.request_ms + config.answer_ms, 36);
	tap_need_eq(config.syn_rate + config.syn_burst, 29);
	tap_need_eq(config.request_rate, 0);
	tap_need_eq(config.request_burst, 16);
	tap_need(config.admin_gid == (gid_t)-1);
	tap_need(!strcmp(config.resource_group, "rg"));
}

static void an_unknown_key_is_named_with_its_line(void)
{
	need_wrong(USER "\nusr = x\n", ":4: usr: no such key in [rest]");
	need_wrong("[network]\nuser = nobody\n", ":2: user: no such key in [network]");
	need_wrong("port = 80\n", ":1: port: no such key in []");
	need_wrong("[netwrk]\n", ":1: [netwrk]: no such section");
	need_wrong(USER "user = nobody\n", ":3: user: given twice");
	need_wrong("[rest]\nuser\n", ":2: neither");
	need_wrong("[rest\n", ":1: a section");
	need_wrong("[network]\nport = 80\n  81\n", ":3: begins with a blank");
}

static void a_value_that_breaks_its_rule_is_refused(void)
{
	static const char *const wrong[] = {
		"bridge = fourteen-chars", "bridge = a/b", "bridge =", "address = 10.0.0.1",
		"address = 169.254.1", "second-address = x", "second-address = 169.254.169.253",
		"range = 198.18.0.0", "range = 198.18.0.0/18", "range = 198.18.0.0/31",
		"range = 198.18.0.1/19", "range = 127.0.0.0/24", "range = 0.0.0.0/24",
		"range = 224.0.0.0/24", "range = 169.254.0.0/24", "range = 198.18.0.0/19x",
		"mtu = 1279", "mtu = 65536", "port = 0", "port = 65536", "port = -1", "port = 80x",
		"hop-limit = 256",
	};
	char text[200];

	for (size_t i = 0; i < TAP_COUNT(wrong); i++) {
		snprintf(text, sizeof(text), USER "[network]\n%s\n", wrong[i]);
		need_wrong(text, ": ");
	}
	need_wrong("[rest]\nuser =\n", ":2: user");
	need_wrong("[rest]\nconnections-per-vm = 0\n", ":2: ");
	need_wrong("[rest]\nanswer-ms = 9\n", ":2: ");
	need_wrong("[rest]\nsyn-rate = 0\n", ":2: ");
	need_wrong("[rest]\nrequest-rate = 100001\n", ":2: ");
	need_wrong("[rest]\nrequest-burst = 0\n", ":2: ");
	need_wrong("[instance]\nlocation = a\tb\n", ":2: location: has control");
	need_wrong("[instance]\nlocation = \xff\n", ":2: location: not UTF-8");
}

static void hostile_bytes_are_refused(void)
{
	static const char nul[] = "[rest]\nuser = no\0body\n";
	char line[400];

	tap_need_eq(read_bytes(nul, sizeof(nul) - 1), -EINVAL);
	tap_need(strstr(failure.text, ":2: a NUL byte"));
	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	need_wrong(line, ":1: longer than 198");
}

static void a_file_too_long_is_refused(void)
{
	char *text = malloc(70000);

	tap_need(text);
	memset(text, '\n', 70000);
	tap_need_eq(read_bytes(text, 70000), -EFBIG);
	free(text);
}

static void a_missing_file_or_user_is_said(void)
{
	tap_need_eq(config_read(&config, "/no/such/file", &failure), -ENOENT);
	tap_need(strstr(failure.text, "/no/such/file"));
	tap_need_eq(read_bytes("[rest]\nuser = no-such-user\n", 27), -ENOENT);
	tap_need(strstr(failure.text, "no-such-user"));
}

static char manual[65536], sample[8192];

static void need_named(const char *section, const char *key, void *arg)
{
	char words[100];

	(void)arg;
	snprintf(words, sizeof(words), "*%s*", key);
	tap_need_msg(strstr(manual, words), "the manual has no %s", words);
	snprintf(words, sizeof(words), "# [%s]", section);
	tap_need_msg(strstr(manual, words), "the manual has no %s", words);
	snprintf(words, sizeof(words), "\n;%s =", key);
	tap_need_msg(strstr(sample, words), "packaging/hostd.conf has no %s", key);
}

static void load(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		tap_skip("%s is not here: only in the tree", path);
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
}

static void manual_and_sample_name_every_key(void)
{
	load("userspace/man/hostd.conf.5.scd", manual, sizeof(manual));
	load("packaging/hostd.conf", sample, sizeof(sample));
	config_each_key(need_named, NULL);
}

/* Each ";key = value" of the sample is the default: with them nothing changes. */
static void the_sample_says_the_defaults(void)
{
	struct config defaults;

	load("packaging/hostd.conf", sample, sizeof(sample));
	for (char *p = sample; (p = strstr(p, "\n;")); p++)
		if (p[2] != ' ' && strncmp(p + 2, "user", 4))
			p[1] = '\n';
	need_ok(USER);
	defaults = config;
	strcat(sample, USER);
	need_ok(sample);
	tap_need(!memcmp(&defaults, &config, sizeof(config)));
}

static const struct tap_test tests[] = {
	TAP_TEST(empty_file_means_the_defaults),
	TAP_TEST(every_key_is_taken),
	TAP_TEST(an_unknown_key_is_named_with_its_line),
	TAP_TEST(a_value_that_breaks_its_rule_is_refused),
	TAP_TEST(hostile_bytes_are_refused),
	TAP_TEST(a_file_too_long_is_refused),
	TAP_TEST(a_missing_file_or_user_is_said),
	TAP_TEST(manual_and_sample_name_every_key),
	TAP_TEST(the_sample_says_the_defaults),
};

/* Built into build/selftests of the tree. */
static void enter_tree(const char *program)
{
	char folder[400];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", program);
	slash = strrchr(folder, '/');
	if (!slash)
		return;
	*slash = 0;
	if (chdir(folder) || chdir("../.."))
		tap_diag("%s: not the tree", folder);
}

int main(int argc, char **argv)
{
	enter_tree(argv[0]);
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
