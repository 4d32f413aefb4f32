/* SPDX-License-Identifier: GPL-2.0 */
/* Map of the program azattest: commands, exit codes, input and output. */
#ifndef _AZ_CLI_H
#define _AZ_CLI_H

#include <stdio.h>

#include <azattest.h>

#define EXIT_USAGE	2

struct command {
	const char *name;
	const char *synopsis;	/* after the name */
	const char *summary;
	const char *const *options;	/* lines for help, NULL-terminated */
	int (*run)(const struct command *self, int argc, char **argv);
};

/* main.c */
void main_command_help(const struct command *command, FILE *to);
int main_usage_error(const struct command *command);

/* get.c, host.c, verify.c, exits.c */
int get_run(const struct command *self, int argc, char **argv);
int host_run_issuer(const struct command *self, int argc, char **argv);
int host_run_hello(const struct command *self, int argc, char **argv);
int verify_run(const struct command *self, int argc, char **argv);
int exits_run(const struct command *self, int argc, char **argv);

/* exits.c: the one table from library codes to exit codes */
int exits_code(int code);

/* ask.c: questions to a host, asked again while it may heal */
struct ask {
	const char *command;	/* for messages */
	const char *connect;	/* NULL: the host over vsock */
	double wait;		/* seconds to keep trying */
	int timeout_ms;		/* of one try */
};

#define ASK_WAIT_DEFAULT	70.0
#define ASK_OPTIONS		"  --wait S        keep trying for S seconds (70; 0: once)", \
				"  --connect TO    vsock:CID:PORT (vsock:2:253) or unix:PATH"

typedef int ask_question(int fd, int timeout_ms, void *arg,
			 struct azattest_fault *fault);

int ask_run(const struct ask *ask, ask_question *question, void *arg,
	    struct azattest_fault *fault);
int ask_parse_wait(const char *command, const char *text, double *wait);

/* files.c */
int files_read(const char *path, unsigned char **data, size_t *len,
	       struct azattest_fault *fault);
int files_write(const char *path, const void *data, size_t len,
		struct azattest_fault *fault);

/* report.c: sentences on standard error */
int report_fault(const char *command, const char *object,
		 const struct azattest_fault *fault);
int report_usage(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void report_note(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* _AZ_CLI_H */
