// SPDX-License-Identifier: GPL-2.0
// Promises of a renewal that is killed at any step of what it writes, for sources outside.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include <selftests/lib/tap.h>
#include <userspace/azattestd/source.h>

#define NAME	"node1.test"

static char top[] = "/tmp/azattest-source-XXXXXX";
static char signer[512], sync_path[512];
static char conf[128];
static struct state state;
static struct config config;
static struct failure failure;

/* Link-time hook: dies at the step it is told. */
static int steps_to_live = -1;

void state_step(void)
{
	if (steps_to_live >= 0 && steps_to_live-- == 0)
		kill(getpid(), SIGKILL);
}

static int shell(const char *words)
{
	char command[1200];

	snprintf(command, sizeof(command), "cd %s && %s", top, words);
	return system(command);
}

/* A CA of openssl's, a program that asks it, and a configuration that names both. */
static void make_world(const char *source)
{
	FILE *out;

	if (geteuid())
		tap_skip("needs root to change users");
	tap_need(!shell("rm -rf state drop && openssl req -x509 -newkey rsa:2048 -nodes -keyout "
			"root.key -out trust.pem -days 99 -subj /CN=root 2>/dev/null && "
			"chmod 644 trust.pem root.key && printf 'basicConstraints=critical,CA:FALSE\\n"
			"keyUsage=critical,digitalSignature\\nextendedKeyUsage=serverAuth,clientAuth,"
			"emailProtection\\nsubjectAltName=DNS:" NAME "\\n' >ext"));
	snprintf(conf, sizeof(conf), "%s/script", top);
	out = fopen(conf, "w");
	fprintf(out, "#!/bin/sh\ncd %s; openssl x509 -req -CA trust.pem -CAkey root.key "
		"-set_serial 7 -days 30 -extfile ext 2>/dev/null\n", top);
	tap_need(!fclose(out) && !chmod(conf, 0755));
	snprintf(conf, sizeof(conf), "%s/conf", top);
	out = fopen(conf, "w");
	fprintf(out, "[host]\nname = " NAME "\n[signer]\nuser = nobody\nkey-type = p-256\n"
		"[certificate]\nsync-user = daemon\nsource = %s\nexec = %s/script\n"
		"directory = %s/drop\nca-trust = %s/trust.pem\n", source, top, top, top);
	tap_need(!fclose(out));
	tap_need_msg(!config_read(&config, conf, &failure), "%s", failure.text);
	snprintf(conf, sizeof(conf), "%s/state", top);
	tap_need_msg(!state_open(&state, conf, &failure), "%s", failure.text);
	snprintf(conf, sizeof(conf), "%s/conf", top);
}

static int run(void)
{
	const struct source_host host = {
		.state = &state, .config = &config, .config_path = conf, .signer = signer,
		.sync = sync_path,
	};

	return source_run(&host, &failure);
}

static int run_to_death(void *arg)
{
	steps_to_live = *(int *)arg;
	return run() ? 1 : 0;
}

static EVP_PKEY *read_key(uint64_t number)
{
	char folder[STATE_LEAF_NAME], path[200];
	EVP_PKEY *key;
	FILE *in;

	state_leaf_name(number, folder);
	snprintf(path, sizeof(path), "%s/state/%s/key.pem", top, folder);
	in = fopen(path, "r");
	tap_need(in);
	key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
	fclose(in);
	return key;
}

/* The newest one is a pair, from this source. */
static void need_whole(int step)
{
	struct leaf leaf = { 0 };
	EVP_PKEY *key;

	tap_need_msg(!leaf_load(&leaf, &state, &failure), "step %d: %s", step, failure.text);
	key = read_key(leaf.number);
	tap_need_msg(key && X509_check_private_key(leaf.cert, key) == 1, "step %d: no pair", step);
	tap_need_eq(leaf.source, config.source);
	tap_need(leaf_fits(&leaf, &config));
	EVP_PKEY_free(key);
	leaf_free(&leaf);
}

static void kill_at_every_step(int least)
{
	int step, status;

	for (step = 0; ; step++) {
		uint64_t before = state_newest_leaf(&state);

		status = tap_join(tap_spawn(run_to_death, &step, TAP_KEEP_ALL));
		tap_need(state_newest_leaf(&state) - before <= 1);
		if (before)
			need_whole(step);
		if (status != 128 + SIGKILL)
			break;
	}
	tap_need_msg(!status, "after %d steps it failed", step);
	need_whole(step);
	tap_diag("%d steps", step);
	tap_need(step >= least);
}

static void kill_at_every_step_of_an_exec_renewal_keeps_a_pair(void)
{
	make_world("exec");
	tap_need_msg(!run(), "%s", failure.text);
	kill_at_every_step(15);
}

/* accept.c takes it; were it not to fit then, renewals would never end. */
static void name_in_other_letters_is_this_hosts(void)
{
	struct leaf leaf = { 0 };

	make_world("exec");
	tap_need_msg(!run(), "%s", failure.text);
	tap_need(!leaf_load(&leaf, &state, &failure));
	config.name[0] = 'N';
	tap_need(leaf_fits(&leaf, &config));
	config.name[0] = 'm';
	tap_need(!leaf_fits(&leaf, &config));
	leaf_free(&leaf);
}

static int answer_drop(void)
{
	return shell("openssl x509 -req -in drop/request.pem -CA trust.pem -CAkey root.key -set_serial 7 "
		     "-days 30 -extfile ext -out drop/new 2>/dev/null && mv drop/new drop/cert.pem");
}

/* Killed while it waits, it still knows the key that the request was for. */
static void kill_at_every_step_before_the_answer_keeps_the_request(void)
{
	int step, status;

	make_world("file");
	tap_need(run() < 0 && strstr(failure.text, "waiting for"));
	tap_need(!shell("cp drop/request.pem first"));
	for (step = 0; ; step++) {
		status = tap_join(tap_spawn(run_to_death, &step, TAP_KEEP_ALL));
		tap_need(!shell("cmp -s first drop/request.pem"));
		if (status != 128 + SIGKILL)
			break;
	}
	tap_need(step >= 5);
	tap_need(!answer_drop());
	tap_need_msg(!run(), "%s", failure.text);
	need_whole(step);
	tap_need_eq(state_folder(&state, "pending", &failure), -ENOENT);
}

static void kill_at_every_step_of_taking_a_file_keeps_a_pair(void)
{
	int step, status = 0;

	make_world("file");
	for (step = 0; ; step++) {
		uint64_t before;

		/* What was left behind is taken first; then the next request waits. */
		while (!run())
			;
		before = state_newest_leaf(&state);
		tap_need(!answer_drop());
		status = tap_join(tap_spawn(run_to_death, &step, TAP_KEEP_ALL));
		if (before)
			need_whole(step);
		if (status != 128 + SIGKILL)
			break;
	}
	tap_need_eq(status, 0);
	tap_need(step > 10);
	need_whole(step);
}

static void used_key_is_never_taken_again(void)
{
	EVP_PKEY *first, *second;

	make_world("file");
	run();
	tap_need(!answer_drop());
	/* As if it had been killed between the leaf and the end of "pending". */
	tap_need(!shell("cp -a state/pending kept"));
	tap_need_msg(!run(), "%s", failure.text);
	first = read_key(1);
	tap_need(!shell("mv kept state/pending"));
	tap_need(run() < 0 && strstr(failure.text, "is for another key"));
	tap_need(!answer_drop());
	tap_need_msg(!run(), "%s", failure.text);
	second = read_key(2);
	tap_need(EVP_PKEY_eq(first, second) != 1);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
}

static void directory_that_others_may_write_is_refused(void)
{
	make_world("file");
	tap_need(!shell("mkdir -m 777 drop"));
	tap_need(run() < 0 && strstr(failure.text, "others may write there"));
	tap_need(!shell("rmdir drop && mkdir -m 755 drop && chown 2 drop"));
	tap_need(run() < 0 && strstr(failure.text, "others may write there"));
	tap_need(!shell("chown 0 drop"));
	tap_need(run() < 0 && strstr(failure.text, "waiting for"));
	tap_need(!shell("echo garbage >drop/cert.pem"));
	tap_need(run() < 0 && strstr(failure.text, "is not 1 to 8 certificates"));
	tap_need(!shell("chown 2 drop/cert.pem"));
	tap_need(run() < 0 && strstr(failure.text, "belongs to user 2"));
}

/* azattest-sync is believed no more than anybody. */
static void what_sync_says_is_checked(void)
{
	static const struct {
		const char *script, *reason;
	} table[] = {
		{ "exit 0", "ended without a word" },
		{ "echo first; echo last >&2", "last" },
		{ "yes", "its answer does not end" },
		{ "echo -----BEGIN CERTIFICATE-----", "its output is no certificates" },
		{ "cat trust.pem", "is for another key" },
		{ "printf 'bad\\tthing\\033[2J\\n'", "bad thing [2J" },
	};
	char script[600];
	FILE *out;

	make_world("exec");
	snprintf(sync_path, sizeof(sync_path), "%s/fake-sync", top);
	for (size_t i = 0; i < TAP_COUNT(table); i++) {
		snprintf(script, sizeof(script), "#!/bin/sh\ncd %s\n%s\n", top, table[i].script);
		out = fopen(sync_path, "w");
		tap_need(out && fputs(script, out) >= 0 && !fclose(out) && !chmod(sync_path, 0755));
		tap_need(run() < 0);
		tap_need_msg(strstr(failure.text, table[i].reason), "\"%s\" lacks \"%s\"",
			     failure.text, table[i].reason);
		tap_need_eq(state_newest_leaf(&state), 0);
	}
	strcpy(sync_path, "/nonexistent/azattest-sync");
	tap_need(run() < 0 && strstr(failure.text, "cannot be executed"));
}

static const struct tap_test tests[] = {
	TAP_TEST(kill_at_every_step_of_an_exec_renewal_keeps_a_pair),
	TAP_TEST(name_in_other_letters_is_this_hosts),
	TAP_TEST(kill_at_every_step_before_the_answer_keeps_the_request),
	TAP_TEST(kill_at_every_step_of_taking_a_file_keeps_a_pair),
	TAP_TEST(used_key_is_never_taken_again),
	TAP_TEST(directory_that_others_may_write_is_refused),
	TAP_TEST(what_sync_says_is_checked),
};

int main(int argc, char **argv)
{
	char command[64];
	int status;

	spawn_default_path(signer, sizeof(signer), "azattest-signer-fake");
	spawn_default_path(sync_path, sizeof(sync_path), "../bin/azattest-sync");
	if (!mkdtemp(top) || chmod(top, 0755))
		return 1;
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : status;
}
