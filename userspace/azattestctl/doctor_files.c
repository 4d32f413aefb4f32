// SPDX-License-Identifier: GPL-2.0
// Owns the checks of what azattest has on disk: configuration, and who can read the state directory.

#include "doctor.h"
#include "program.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define STATE	"/var/lib/azattest"

/* The daemon's own word: the same code reads it when it starts. */
static bool rejects(const char *program, struct finding *finding)
{
	char path[512], text[400];
	char *argv[] = { path, (char *)"--check", NULL };
	int ret;

	program_path(program, path, sizeof(path));
	ret = program_run(argv, text, sizeof(text));
	if (!ret)
		return false;
	finding_set(finding, VERDICT_FAIL, "%s", *text ? text : "it cannot be read");
	finding_fix(finding, ret < 0 ? "is azattest installed whole?" :
		    "mend that line, then: %s --check", program);
	return true;
}

void doctor_config(const struct doctor *doctor, struct finding *finding)
{
	(void)doctor;
	if (!rejects("azattestd", finding) && !rejects("azattest-hostd", finding))
		finding_set(finding, VERDICT_PASS, "azattestd.conf and hostd.conf are right");
}

/* True if @path may be used by others than its owner: said. */
static bool is_open(const struct doctor *doctor, const char *path, struct finding *finding)
{
	struct stat st;

	if (host_stat(doctor->root, path, &st) || S_ISLNK(st.st_mode) || !(st.st_mode & 077))
		return false;
	finding_set(finding, VERDICT_FAIL, "%s has mode 0%o: others may use what holds keys", path,
		    st.st_mode & 07777);
	finding_fix(finding, "look who did that, then: chmod %s %s",
		    S_ISDIR(st.st_mode) ? "0700" : "0600", path);
	return true;
}

static bool holds_key(const char *name)
{
	const char *dot = strrchr(name, '.');

	return !strcmp(name, "kek") || !strncmp(name, "key.", 4) ||
	       (dot && (!strcmp(dot, ".sealed") || !strcmp(dot, ".key")));
}

/* Folders of the state directory, and files in them that hold keys. */
static bool has_open_file(const struct doctor *doctor, const char *folder, int depth,
			  struct finding *finding)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s", doctor->root, folder);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= PATH_MAX ||
		    host_stat(doctor->root, path, &st))
			continue;
		if (S_ISDIR(st.st_mode) && depth)
			found = has_open_file(doctor, path, depth - 1, finding);
		else if (holds_key(entry->d_name))
			found = is_open(doctor, path, finding);
	}
	if (dir)
		closedir(dir);
	return found;
}

void doctor_state(const struct doctor *doctor, struct finding *finding)
{
	struct stat st;

	if (host_stat(doctor->root, STATE, &st)) {
		finding_set(finding, VERDICT_PASS, STATE " is not there: azattestd makes it when it starts");
	} else if (!S_ISDIR(st.st_mode) || st.st_uid) {
		finding_set(finding, VERDICT_FAIL, STATE " is no directory of root's, but user %u's",
			    st.st_uid);
		finding_fix(finding, "look who made it, then: chown root: " STATE);
	} else if (!is_open(doctor, STATE, finding) && !doctor->is_root) {
		finding_unseen(finding, "what is in " STATE);
	} else if (!*finding->text && !has_open_file(doctor, STATE, 1, finding)) {
		finding_set(finding, VERDICT_PASS, STATE " is root's alone");
	}
}
