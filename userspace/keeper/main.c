// SPDX-License-Identifier: GPL-2.0
// Owns the keeper's start: what needs rights first, then none are left.

#include "keeper.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <userspace/common/common.h>
#include <userspace/signer/signer.h>

static int report_failure(struct keeper_report *report, const char *what, int error)
{
	if (!*report->why)
		snprintf(report->why, sizeof(report->why), "azattest-keeper: %s: %s", what,
			 strerror(-error));
	report->ok = 0;
	if (setup_write_bytes(KEEPER_FD_REPORT, report, sizeof(*report)))
		fprintf(stderr, "azattest-keeper: %s\n", report->why);
	return EXIT_FAILURE;
}

static bool setup_ok(const struct keeper_setup *setup)
{
	if (setup->magic != KEEPER_MAGIC || setup->size != sizeof(*setup) ||
	    setup->level > SEAL_AUTO || setup->require > SEAL_TPM ||
	    setup->count > KEEPER_KEKS || setup->required > setup->count ||
	    !memchr(setup->tcti, 0, sizeof(setup->tcti)) ||
	    !memchr(setup->credential, 0, sizeof(setup->credential)))
		return false;
	return setup->extend == KEEPER_NO_EXTEND || setup->extend < SEAL_PCR_COUNT;
}

static int read_setup(struct keeper_setup *setup)
{
	int ret = setup_read_bytes(KEEPER_FD_SETUP, setup, sizeof(*setup));

	close(KEEPER_FD_SETUP);
	if (ret)
		return ret;
	return setup_ok(setup) ? 0 : -EPROTO;
}

/*
 * The TPM's library allocates outside of the arena. What it had is overwritten
 * when it is freed, and is not swapped before that.
 */
static void guard_heap(void)
{
	mallopt(M_PERTURB, 0x5a);
	mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);	/* without the right: not */
	setenv("TSS2_LOG", "all+NONE", 1);
}

static int keep(struct keeper *keeper, struct keeper_setup *setup, struct keeper_report *report)
{
	uid_t uid;
	gid_t gid;
	pid_t parent;
	int ret = read_setup(setup);

	if (ret)
		return report_failure(report, "setup", ret);
	uid = setup->uid;
	gid = setup->gid;
	parent = setup->parent;
	guard_heap();
	ret = open_keys(keeper, setup, report);
	OPENSSL_free(setup);
	if (ret)
		return report_failure(report, "opening keys", ret);
	ret = fence_drop(uid, gid, parent);
	if (!ret)
		ret = fence_close(FENCE_KEEP);
	if (ret)
		return report_failure(report, "giving up rights", ret);
	report->ok = 1;
	if (setup_write_bytes(KEEPER_FD_REPORT, report, sizeof(*report)))
		return EXIT_FAILURE;
	serve(keeper);
	return EXIT_SUCCESS;
}

/* Descriptors with fixed numbers: by hand there are none. */
static bool started_by_azattestd(void)
{
	struct stat st;

	for (int fd = KEEPER_FD_SETUP; fd <= KEEPER_FD_NEW; fd++)
		if (fstat(fd, &st))
			return false;
	return true;
}

static int usage(FILE *to)
{
	fputs("azattest-keeper is started by azattestd(8); it is no command of its own.\n"
	      "  (no option)  descriptors 3 setup, 4 asks, 5 report, 6 new key, 7 and on keys\n"
	      "  --help\n", to);
	return to == stdout ? EXIT_SUCCESS : 2;
}

static uint32_t memory;	/* enum arena_memory */

/* On the stack in the arena, and with all of ours there. */
static int begin(void)
{
	struct keeper_setup *setup = OPENSSL_zalloc(sizeof(*setup));
	struct keeper_report *report = OPENSSL_zalloc(sizeof(*report));
	struct keeper *keeper = OPENSSL_zalloc(sizeof(*keeper));

	if (!setup || !report || !keeper)
		return EXIT_FAILURE;
	report->magic = KEEPER_MAGIC;
	report->memory = memory;
	return keep(keeper, setup, report);
}

int main(int argc, char **argv)
{
	int ret = arena_open();

	if (argc > 1 || !started_by_azattestd())
		return usage(argc == 2 && !strcmp(argv[1], "--help") ? stdout : stderr);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (ret < 0 || fence_begin(KEEPER_FD_KEKS + KEEPER_KEKS - 1) ||
	    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return EXIT_FAILURE;
	memory = (uint32_t)ret;
	arena_run(begin);
}
