// SPDX-License-Identifier: GPL-2.0
// Owns the one-line sentences on standard error.
#include <stdarg.h>
#include <stdio.h>

#include "run.h"

static void line(const char *format, va_list args)
{
	fputs("azattest-run: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(format, args);
	va_end(args);
}

int say_failed(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(format, args);
	va_end(args);
	return code;
}
