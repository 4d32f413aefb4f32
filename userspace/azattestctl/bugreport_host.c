// SPDX-License-Identifier: GPL-2.0
// Owns what a bug report has of the host: versions, configuration, names of files, units, logs.

#include "bugreport.h"
#include "program.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <userspace/common/common.h>

#define STATE		"/var/lib/azattest"
#define CONFIG		"/etc/azattest/azattestd.conf"
#define UNITS		"azattest*"

/* ---- versions ---- */

static void say_file(struct bugreport *report, const char *what, const char *path)
{
	char text[256], line[400];

	if (host_read(report->root, path, text, sizeof(text)) < 0)
		strcpy(text, "not there");
	text[strcspn(text, "\n")] = 0;
	snprintf(line, sizeof(line), "%s: %s", what, text);
	bugreport_line(report, line);
}

void bugreport_versions(struct bugreport *report)
{
	struct utsname system;
	char line[400];

	bugreport_title(report, "versions");
	bugreport_line(report, "programs: " AZATTEST_PRODUCT_VERSION);
	say_file(report, "module", "/sys/module/azattest/version");
	say_file(report, "module's sources", "/sys/module/azattest/srcversion");
	say_file(report, "Debian", "/etc/debian_version");
	say_file(report, "lockdown", "/sys/kernel/security/lockdown");
	if (!uname(&system)) {
		snprintf(line, sizeof(line), "kernel: %s %s %s", system.release, system.version,
			 system.machine);
		bugreport_line(report, line);
	}
}

/* ---- configuration: known keys, no comment ---- */

static bool is_known(const char *key)
{
	static const char *const keys[] = {
		/* azattestd.conf */
		"name", "subscription-id", "key-type", "processes", "envelope", "embed-chain", "user",
		"source", "ca-url", "ca-trust", "ca-secret-file", "ca-identity-file", "ca-reference",
		"exec", "directory", "sync-user", "sync-timeout", "ca-issuers-url", "lifetime-days",
		"renew-days", "level", "require-level", "pcrs", "tcti", "extend-pcr-after-unseal",
		"documents", "audit", "audit-required", "audit-max-bytes", "audit-files",
		"license-type", "plan-name", "plan-product", "plan-publisher", "sku",
		/* hostd.conf */
		"bridge", "address", "second-address", "range", "mtu", "port", "hop-limit",
		"connections-per-vm", "idle-ms", "request-ms", "answer-ms", "request-rate",
		"request-burst", "syn-rate", "syn-burst", "admin-group", "location", "provider",
		"os-type", "resource-group",
	};

	for (size_t i = 0; i < COUNT(keys); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

/* Splits "KEY = VALUE" in place; false if it is no such line. */
static bool split(char *line, char **key, char **value)
{
	char *equals = strchr(line, '=');
	size_t length;

	*key = line + strspn(line, " \t");
	if (!equals || **key == ';' || **key == '#')
		return false;
	*equals = 0;
	length = strlen(*key);
	while (length && strchr(" \t", (*key)[length - 1]))
		(*key)[--length] = 0;
	*value = equals + 1 + strspn(equals + 1, " \t");
	(*value)[strcspn(*value, "\r\n")] = 0;
	return true;
}

static void config_line(struct bugreport *report, char *line)
{
	char *key, *value, text[1200];

	if (*line == '[') {
		line[strcspn(line, "\r\n")] = 0;
		bugreport_line(report, line);
	} else if (split(line, &key, &value)) {
		if (is_known(key))
			snprintf(text, sizeof(text), "%s = %s", key, value);
		else
			strcpy(text, "[left out: a key that this program does not know]");
		bugreport_line(report, text);
	}
}

static void config_file(struct bugreport *report, const char *path)
{
	char full[PATH_MAX], line[1024];
	FILE *file;

	bugreport_title(report, path);
	snprintf(full, sizeof(full), "%s%s", report->root, path);
	file = fopen(full, "re");
	if (!file)
		bugreport_line(report, "cannot be read, or is not there: defaults");
	while (file && fgets(line, sizeof(line), file))
		config_line(report, line);
	if (file)
		fclose(file);
}

/* Where the CA's secret lies is the configuration's choice. Before anything is printed. */
void bugreport_secrets(struct bugreport *report)
{
	char full[PATH_MAX], line[1024], *key, *value;
	FILE *file;

	bugreport_learn_secret(report, "/etc/azattest/ca-secret");
	snprintf(full, sizeof(full), "%s" CONFIG, report->root);
	file = fopen(full, "re");
	while (file && fgets(line, sizeof(line), file))
		if (split(line, &key, &value) && !strcmp(key, "ca-secret-file"))
			bugreport_learn_secret(report, value);
	if (file)
		fclose(file);
}

void bugreport_config(struct bugreport *report)
{
	config_file(report, CONFIG);
	config_file(report, "/etc/azattest/hostd.conf");
}

/* ---- names, modes and sizes; not a byte of what is in them ---- */

static void list_folder(struct bugreport *report, const char *folder, int depth)
{
	char path[PATH_MAX], line[PATH_MAX + 64];
	struct dirent **entries;
	struct stat st;
	int count;

	snprintf(path, sizeof(path), "%s%s", report->root, folder);
	count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (strcmp(name, ".") && strcmp(name, "..") &&
		    snprintf(path, sizeof(path), "%s/%s", folder, name) < PATH_MAX &&
		    !host_stat(report->root, path, &st)) {
			snprintf(line, sizeof(line), "%06o %u:%u %9lld %s", st.st_mode, st.st_uid,
				 st.st_gid, (long long)st.st_size, path);
			bugreport_line(report, line);
			if (S_ISDIR(st.st_mode) && depth)
				list_folder(report, path, depth - 1);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	else
		bugreport_line(report, "cannot be read, or is not there");
}

void bugreport_files(struct bugreport *report)
{
	static const char *const folders[] = { STATE, "/run/azattest", "/etc/azattest",
					       "/sys/fs/bpf/azattest" };

	for (size_t i = 0; i < COUNT(folders); i++) {
		bugreport_title(report, folders[i]);
		list_folder(report, folders[i], 2);
	}
}

/* ---- units and logs ---- */

static void take_line(const char *line, void *arg)
{
	bugreport_line(arg, line);
}

static void take_ours(const char *line, void *arg)
{
	if (strstr(line, "azattest") || strstr(line, "vsock"))
		bugreport_line(arg, line);
}

static void run(struct bugreport *report, const char *program, char **argv,
		void (*take)(const char *line, void *arg))
{
	char path[PATH_MAX], line[400];
	int ret;

	snprintf(path, sizeof(path), "%s%s", report->root, program);
	argv[0] = path;
	ret = program_lines(PROGRAM_APART, argv, take, report);
	if (!ret)
		return;
	if (ret < 0)
		snprintf(line, sizeof(line), "%s: %s", program, strerror(-ret));
	else
		snprintf(line, sizeof(line), "%s: exit status %d", program, ret);
	bugreport_line(report, line);
}

void bugreport_units(struct bugreport *report)
{
	char *argv[] = { NULL, (char *)"show", (char *)"--all", (char *)"--property",
			 (char *)"Id,ActiveState,SubState,Result,NRestarts,ExecMainStatus,UnitFileState",
			 (char *)UNITS, NULL };

	bugreport_title(report, "units");
	run(report, "/usr/bin/systemctl", argv, take_line);
}

void bugreport_journal(struct bugreport *report)
{
	char *argv[] = { NULL, (char *)"--no-pager", (char *)"--output=short-iso",
			 (char *)"--lines=300", (char *)"--unit=" UNITS, NULL };

	bugreport_title(report, "journal, the last 300 lines of our units");
	run(report, "/usr/bin/journalctl", argv, take_line);
}

void bugreport_kernel(struct bugreport *report)
{
	char *argv[] = { NULL, NULL };

	bugreport_title(report, "kernel log, what has our name or vsock's");
	run(report, "/usr/bin/dmesg", argv, take_ours);
}
