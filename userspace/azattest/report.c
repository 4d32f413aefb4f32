// SPDX-License-Identifier: GPL-2.0
// Owns the one-line sentences on standard error: what, on what, why, what to do.
#include <stdarg.h>

#include "cli.h"

static void say(const char *command, const char *format, va_list args)
{
	fprintf(stderr, "azattest %s: ", command);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

/* Returns the exit code that belongs to the fault. */
int report_fault(const char *command, const char *object,
		 const struct azattest_fault *fault)
{
	fprintf(stderr, "azattest %s: %s%s%s (%s): %s\n", command,
		object ?: "", object ? ": " : "", fault->text,
		azattest_code_name(fault->code),
		azattest_code_hint(fault->code));
	return exits_code(fault->code);
}

int report_usage(const char *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(command, format, args);
	va_end(args);
	return EXIT_USAGE;
}

void report_note(const char *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(command, format, args);
	va_end(args);
}
