// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl limit": sets one of the module's limits until it is unloaded.

#include "module.h"

#include <errno.h>
#include <getopt.h>

static const struct advice limit_advice[] = {
	{ ENOENT, "azattestctl module lists the names" },
	{ ERANGE, "azattestctl module tells smallest and largest" },
	{ EINVAL, "azattestctl module lists the names" },
	{ EMSGSIZE, "azattestctl module lists the names" },
	{ 0 }
};

int limit_command(const struct ctl *ctl, int argc, char **argv)
{
	struct about about = { argv[0], NULL, limit_advice, 0 };
	struct question q;
	uint32_t value;
	int exit;

	(void)ctl;
	if (!arguments_words(argc, argv, 2, "NAME and VALUE") ||
	    !arguments_u32(argv[0], argv[optind], argv[optind + 1], &value))
		return EXIT_USAGE;
	about.object = argv[optind];
	exit = question_begin(&q, AZATTEST_CMD_LIMIT_SET, 0);
	if (exit)
		return exit;
	question_put_text(&q, AZATTEST_LIMIT_A_NAME, argv[optind]);
	question_put_u32(&q, AZATTEST_LIMIT_A_VALUE, value);
	return question_finish(&q, &about, NULL, NULL);
}
