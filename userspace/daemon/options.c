// SPDX-License-Identifier: GPL-2.0
// Owns how a program that takes options and no other word reads its command line.

#include <userspace/daemon/options.h>

#include <getopt.h>
#include <stdlib.h>

#include <userspace/common/common.h>

/* What getopt_long() returns: an option's place, or one of these. */
enum { VERSION = OPTIONS_MAX, HELP };

static void make_table(struct option *table, const struct options_one *options, size_t count)
{
	if (count > OPTIONS_MAX)
		abort();
	for (size_t i = 0; i < count; i++)
		table[i] = (struct option) {
			options[i].name, options[i].text ? required_argument : no_argument, NULL, (int)i,
		};
	table[count] = (struct option) { "version", no_argument, NULL, VERSION };
	table[count + 1] = (struct option) { "help", no_argument, NULL, HELP };
}

void options_read(int argc, char **argv, const char *program, int (*usage)(FILE *to),
		  const struct options_one *options, size_t count)
{
	struct option table[OPTIONS_MAX + 3] = { 0 };
	int c;

	make_table(table, options, count);
	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == VERSION) {
			printf("%s " AZATTEST_PRODUCT_VERSION "\n", program);
			exit(EXIT_SUCCESS);
		}
		if (c == HELP || c == '?')
			exit(usage(c == HELP ? stdout : stderr));
		if (options[c].text)
			*options[c].text = optarg;
		else
			*options[c].flag = true;
	}
	if (optind < argc)
		exit(usage(stderr));
}
