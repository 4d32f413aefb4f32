/* SPDX-License-Identifier: GPL-2.0 */
/* Map of the program azattest: commands, exit codes, input and output. */
#ifndef _AZ_CLI_H
#define _AZ_CLI_H

#include <stdbool.h>
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

/* door.c: the two ways to the host, and which of them is taken */
enum door_kind { DOOR_VSOCK, DOOR_REST };

struct door {
	const char *command;	/* for messages */
	const char *via;	/* "vsock", "rest", or NULL: as door_ask() says */
	const char *connect;	/* NULL: the host over vsock */
	const char *address;	/* A[:PORT]; NULL: the service's */
	const char *interface;	/* NULL: as the routes say */
	int timeout_ms;		/* of one try */
};

/* One exchange on a connection that leads to a door of that kind. */
typedef int door_question(enum door_kind kind, int fd, int timeout_ms,
			  void *arg, struct azattest_fault *fault);

int door_check(const struct door *door);
int door_ask(const struct door *door, door_question *question, void *arg,
	     struct azattest_fault *fault);

#define DOOR_VSOCK_OPTION	"  --connect TO    vsock:CID:PORT (vsock:2:253) or unix:PATH"
#define DOOR_OPTIONS		"  --via DOOR      vsock or rest (vsock, then rest)", \
				DOOR_VSOCK_OPTION, \
				"  --address A     REST service, ADDRESS[:PORT] (169.254.169.253:80)", \
				"  --interface IF  network card that leads to it"
#define DOOR_GETOPT \
	{ "via", required_argument, NULL, 'V' }, \
	{ "connect", required_argument, NULL, 'c' }, \
	{ "address", required_argument, NULL, 'A' }, \
	{ "interface", required_argument, NULL, 'I' }
/* True if the option is one of these. */
bool door_take_option(struct door *door, int option, const char *value);

/* ask.c: asking again while it may heal */
#define ASK_WAIT_DEFAULT	70.0
#define ASK_WAIT_OPTION		"  --wait S        keep trying for S seconds (70; 0: once)"

int ask_run(const struct door *door, double wait, door_question *question,
	    void *arg, struct azattest_fault *fault);
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
