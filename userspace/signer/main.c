// SPDX-License-Identifier: GPL-2.0
// Owns the signer's start: each step gives up a right before the next needs less.

#include "signer.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define EXIT_USAGE	2

static volatile sig_atomic_t stop;

static struct {
	const char *key_type;	/* NULL: it is to sign */
	enum keytype type;
	const char *name;
	bool sealed;
	uid_t uid;
	gid_t gid;
} options = { .name = "", .uid = (uid_t)-1, .gid = (gid_t)-1 };

static uint32_t memory;		/* enum arena_memory */

static void on_signal(int number)
{
	if (number == SIGTERM)
		stop = 1;
}

static void set_signal(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(number, &action, NULL);
}

/* No SA_RESTART: TERM and USR1 (look at the clock) end a wait for requests. */
static void set_signals(void)
{
	sigset_t none;

	set_signal(SIGTERM, on_signal);
	set_signal(SIGUSR1, on_signal);
	set_signal(SIGPIPE, SIG_IGN);
	set_signal(SIGINT, SIG_IGN);	/* a terminal's is for the control process */
	set_signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The control process knows how to say it; this one has no log. */
static int fail(int error, uint32_t code, uint32_t detail, const char *what)
{
	struct report report = { .kind = REPORT_FAILED };

	report.failure.code = code;
	report.failure.detail = detail;
	snprintf(report.failure.text, sizeof(report.failure.text), "%s: %s", what,
		 strerror(-error));
	if (write(SIGNER_FD_REPORT, &report, sizeof(report)) != sizeof(report))
		fprintf(stderr, "azattest-signer: %s\n", report.failure.text);
	return EXIT_FAILURE;
}

static int tell_ready(void)
{
	struct report report = { .kind = REPORT_READY, .ready.memory = memory };

	return write(SIGNER_FD_REPORT, &report, sizeof(report)) == sizeof(report) ? 0 : -EPIPE;
}

/* Joined and fenced: answers until it is told to end. */
static int work(struct loop *loop)
{
	uint32_t version = 0;
	int ret;

	ret = loop_open(loop);
	if (ret)
		return fail(ret, REPORT_FAILURE_OTHER, 0, "buffers");
	ret = loop_join(loop, &version);
	if (ret == -EPROTO)
		return fail(ret, REPORT_FAILURE_VERSION, version, "JOIN");
	if (ret)
		return fail(ret, REPORT_FAILURE_OTHER, 0, "JOIN");
	ret = fence_close(FENCE_SIGN);
	if (ret)
		return fail(ret, REPORT_FAILURE_OTHER, 0, "seccomp");
	ret = tell_ready();
	if (!ret)
		ret = loop_run(loop);
	if (ret && ret != -EPIPE)
		return fail(ret, REPORT_FAILURE_OTHER, 0, "signer device");
	return EXIT_SUCCESS;
}

/* Before the fence, and into the arena. */
static int read_grant(int fd, struct seal_grant **grant)
{
	int ret;

	*grant = OPENSSL_malloc(sizeof(**grant));
	ret = *grant ? seal_grant_read(fd, *grant) : -ENOMEM;
	close(fd);
	return ret;
}

static int sign(void)
{
	struct setup *setup = OPENSSL_malloc(sizeof(*setup));
	struct seal_grant *grant = NULL;
	static struct signer signer;
	struct loop loop = {
		.signer = &signer, .device = SIGNER_FD_DEVICE, .report = SIGNER_FD_REPORT,
		.stop = &stop,
	};
	const char *why = "memory";
	int ret;

	if (!setup)
		return fail(-ENOMEM, REPORT_FAILURE_OTHER, 0, why);
	ret = setup_read(SIGNER_FD_SETUP, setup);
	if (ret)
		return fail(ret, REPORT_FAILURE_OTHER, 0, "setup");
	close(SIGNER_FD_SETUP);
	if (setup->sealed)
		ret = read_grant(SIGNER_FD_GRANT, &grant);
	if (ret)
		return fail(ret, REPORT_FAILURE_OTHER, 0, "the key is sealed, and azattest-keeper does "
			    "not open it");
	ret = fence_drop(setup->uid, setup->gid, setup->parent);
	if (ret)
		return fail(ret, REPORT_FAILURE_OTHER, 0, "giving up rights");
	ret = key_open(&signer, setup, grant, &why);
	if (ret)
		return fail(ret, ret == -ENOMEM ? REPORT_FAILURE_OTHER : REPORT_FAILURE_LEAF, 0, why);
	loop.slots = setup->slots;
	loop.generation = setup->generation;
	loop.must_report = setup->must_report;
	return work(&loop);
}

static int make_key(void)
{
	struct seal_grant *grant = NULL;
	int ret = options.sealed ? read_grant(SIGNER_FD_KEY_GRANT, &grant) : 0;

	if (!ret)
		ret = fence_drop(options.uid, options.gid, getppid());
	if (!ret)
		ret = fence_close(FENCE_MAKE_KEY);
	if (!ret)
		ret = makekey_run(options.type, options.name, grant);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Descriptors with fixed numbers: by hand there are none. */
static bool started_by_azattestd(int last_fd)
{
	struct stat st;

	for (int fd = SIGNER_FD_SETUP; fd <= last_fd; fd++)
		if (fstat(fd, &st))
			return false;
	return true;
}

static int usage(FILE *to)
{
	fputs("azattest-signer is started by azattestd(8); it is no command of its own.\n"
	      "  (no option)      signs; descriptors 3 setup, 4 device, 5 report, 6 grant\n"
	      "  --make-key TYPE  makes a key; descriptors 3 key file, 4 request, 5 grant\n"
	      "      --sealed     writes it wrapped\n"
	      "      --name NAME  for the request's subject\n"
	      "      --uid N --gid N  to become before\n"
	      "  --help\n", to);
	return to == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

static int parse(int argc, char **argv)
{
	static const struct option table[] = {
		{ "make-key", required_argument, NULL, 'm' },
		{ "name", required_argument, NULL, 'n' },
		{ "sealed", no_argument, NULL, 's' },
		{ "uid", required_argument, NULL, 'u' },
		{ "gid", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 'm')
			options.key_type = optarg;
		else if (c == 'n')
			options.name = optarg;
		else if (c == 's')
			options.sealed = true;
		else if (c == 'u')
			options.uid = (uid_t)strtoul(optarg, NULL, 10);
		else if (c == 'g')
			options.gid = (gid_t)strtoul(optarg, NULL, 10);
		else
			exit(usage(c == 'h' ? stdout : stderr));
	}
	if (options.key_type && keytype_parse(options.key_type, &options.type))
		return -EINVAL;
	return optind == argc ? 0 : -EINVAL;
}

/* On the stack in the arena. */
static int sign_or_make_key(void)
{
	return options.key_type ? make_key() : sign();
}

int main(int argc, char **argv)
{
	int last, ret;

	/* Before all else: what libcrypto has once allocated cannot move. */
	ret = arena_open();
	if (parse(argc, argv))
		return usage(stderr);
	last = options.key_type ? SIGNER_FD_REQUEST : SIGNER_FD_REPORT;
	if (!started_by_azattestd(last))
		return usage(stderr);
	set_signals();
	memory = (uint32_t)ret;
	if (ret >= 0)
		ret = fence_begin((unsigned int)last + 1);
	if (!ret && OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		ret = -ENOMEM;
	if (ret && options.key_type)
		return EXIT_FAILURE;
	if (ret)
		return fail(ret, REPORT_FAILURE_OTHER, 0, "locked memory");
	arena_run(sign_or_make_key);
}
