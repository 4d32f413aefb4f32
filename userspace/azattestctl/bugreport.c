// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl bugreport": one text for who helps, without a secret of this host's in it.

#include "bugreport.h"
#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void of_daemon(struct bugreport *report, const struct ctl *ctl, const char *request)
{
	char why[300], title[64];
	json_t *answer = ask_daemon_quietly(ctl, request, why, sizeof(why));

	snprintf(title, sizeof(title), "azattestd: %s", request);
	bugreport_title(report, title);
	if (answer)
		bugreport_json(report, answer);
	else
		bugreport_line(report, why);
	json_decref(answer);
}

static void of_hostd(struct bugreport *report, const struct ctl *ctl, const char *path)
{
	struct hostd_answer answer;
	char title[64];

	hostd_call(ctl, "GET", path, NULL, &answer);
	snprintf(title, sizeof(title), "azattest-hostd: %s", path);
	bugreport_title(report, title);
	if (answer.json)
		bugreport_json(report, answer.json);
	else
		bugreport_line(report, answer.why);
	json_decref(answer.json);
}

static void of_doctor(struct bugreport *report, const struct ctl *ctl)
{
	json_t *found = doctor_report(ctl);
	char *text = NULL, *line, *rest;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file || !found)
		abort();
	doctor_print(found, file);
	fclose(file);
	bugreport_title(report, "doctor");
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		bugreport_line(report, line);
	free(text);
	json_decref(found);
}

/* Its absence is told in one line on standard error, as by each command that asks it. */
static void of_module(struct bugreport *report, const char *command)
{
	int exit;
	json_t *status = module_status(command, &exit);

	bugreport_title(report, "module");
	if (status)
		bugreport_json(report, status);
	else
		bugreport_line(report, "does not answer");
	json_decref(status);
}

static void write_report(struct bugreport *report, const struct ctl *ctl)
{
	bugreport_secrets(report);
	bugreport_line(report, "azattest: bug report. Keys, shared secrets and nonces were left out;");
	bugreport_line(report, "names, addresses and UUIDs of VMs were not: read it before you pass it on.");
	bugreport_versions(report);
	of_doctor(report, ctl);
	of_daemon(report, ctl, "status");
	of_daemon(report, ctl, "certificate");
	of_hostd(report, ctl, "/v1/status");
	of_hostd(report, ctl, "/v1/vms");
	of_module(report, "bugreport");
	bugreport_config(report);
	bugreport_files(report);
	bugreport_units(report);
	bugreport_journal(report);
	bugreport_kernel(report);
}

static bool read_options(int argc, char **argv, const char **path)
{
	static const struct option table[] = {
		{ "output", required_argument, NULL, 'o' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c != 'o')
			return false;
		*path = optarg;
	}
	return arguments_none_left(argc, argv);
}

/* Never into a file that somebody else has put there, and for its owner's eyes. */
static FILE *open_output(const char *path)
{
	int fd;

	if (!path)
		return stdout;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fdopen(fd, "w");
	say("bugreport: %s: %s: give a name that is not there yet", path, strerror(errno));
	return NULL;
}

int bugreport_command(const struct ctl *ctl, int argc, char **argv)
{
	struct bugreport *report = calloc(1, sizeof(*report));
	const char *path = NULL;
	bool failed;

	if (!report)
		abort();
	if (!read_options(argc, argv, &path)) {
		free(report);
		return EXIT_USAGE;
	}
	report->root = "";
	report->to = open_output(path);
	if (!report->to) {
		free(report);
		return EXIT_FAILURE;
	}
	write_report(report, ctl);
	failed = fflush(report->to) || ferror(report->to);
	if (path && fclose(report->to))
		failed = true;
	explicit_bzero(report, sizeof(*report));
	free(report);
	if (failed)
		say("bugreport: %s: %s", path ? path : "standard output", strerror(errno));
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
