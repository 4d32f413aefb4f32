// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl vm remove": one, some or all VMs that may use REST.

#include "vm.h"

#include <getopt.h>

/*
 * @maybe: what is not enrolled, or no more, is no failure: azattest-libvirt ends
 * the enrolment of a domain whose metadata has just changed.
 */
static int remove_one(const struct ctl *ctl, const char *command, const char *uuid, bool quiet,
		      bool maybe)
{
	struct hostd_answer answer;
	char path[64];
	int exit = 0;

	snprintf(path, sizeof(path), "/v1/vms/%s", uuid);
	if (!ctl->dry_run)
		exit = hostd_ask_unless(ctl, command, uuid, "DELETE", path, maybe ? 404 : 0, &answer);
	else if (maybe)
		exit = hostd_ask_unless(ctl, command, uuid, "GET", path, 404, &answer);
	else
		answer = (struct hostd_answer) { .status = 204 };
	if (exit || answer.status == 404)
		return exit;
	json_decref(answer.json);
	if (!quiet || ctl->dry_run)
		told_vm(ctl, uuid, ctl->dry_run ? "would be removed" : "removed");
	return 0;
}

static const char *manager_of(const json_t *vm)
{
	return json_string_value(json_object_get(vm, "manager")) ?: "";
}

/* @closed: see remove_without_libvirt(). */
static int remove_enrolled(const struct ctl *ctl, const char *command, const char *closed)
{
	int exit, failed = 0;
	json_t *vms, *vm;
	size_t i;

	exit = names_enrolled(ctl, command, &vms);
	if (exit)
		return exit;
	json_array_foreach(vms, i, vm) {
		const char *uuid = json_string_value(json_object_get(vm, "uuid")) ?: "";

		if (*closed && *manager_of(vm)) {
			say("%s %s: %s", command, uuid, closed);
			exit = EXIT_REFUSED;
		} else {
			exit = remove_one(ctl, command, uuid, false, true);
		}
		failed = exit ? exit : failed;
	}
	json_decref(vms);
	return failed;
}

/* A domain's wish goes first: azattest-libvirt would enrol it again. */
static int remove_all(const struct ctl *ctl, const char *command)
{
	struct vm_domains known = { .quiet = true, .closed_too = true };
	int failed = vm_domains(ctl, command, "off", 0, NULL, &known);
	int exit = remove_enrolled(ctl, command, known.closed);

	vm_domains_forget(&known);
	failed = exit ? exit : failed;
	return failed ? failed : output_end(command);
}

/*
 * libvirt may be closed to who may ask azattest-hostd. What an administrator has
 * enrolled can go without it; what libvirt's metadata has enrolled would come again.
 */
static int remove_without_libvirt(const struct ctl *ctl, const char *command, const char *word,
				  bool quiet, const char *closed)
{
	char uuid[UUID_TEXT];
	const json_t *vm;
	json_t *vms;
	int exit = names_enrolled(ctl, command, &vms);

	if (exit)
		return exit;
	exit = names_is_uuid(word, uuid) ? 0 : names_find(command, word, vms, uuid);
	vm = exit ? NULL : names_of_uuid(vms, uuid);
	if (vm && !*manager_of(vm)) {
		exit = remove_one(ctl, command, uuid, quiet, false);
	} else if (!exit || exit == EXIT_UNKNOWN) {
		say("%s %s: %s", command, word, closed);
		exit = EXIT_REFUSED;
	}
	json_decref(vms);
	return exit;
}

static int remove_word(const struct ctl *ctl, const char *command, char *word, bool quiet)
{
	struct vm_domains known = { .quiet = true, .closed_too = true };
	int exit = vm_domains(ctl, command, "off", 1, &word, &known);
	const json_t *domain = json_array_get(known.domains, 0);
	char uuid[UUID_TEXT];

	if (!exit && *known.closed)
		exit = remove_without_libvirt(ctl, command, word, quiet, known.closed);
	else if (!exit && domain)
		exit = remove_one(ctl, command, json_string_value(json_object_get(domain, "uuid")) ?: "",
				  quiet, true);
	else if (!exit)
		exit = names_resolve(ctl, command, word, uuid) ?:
		       remove_one(ctl, command, uuid, quiet, false);
	vm_domains_forget(&known);
	return exit;
}

/* Removal takes a right away: it works on a host in any state. */
int vm_remove_many(const struct ctl *ctl, const char *command, int count, char **words)
{
	int exit, failed = 0;

	if (!count)
		return remove_all(ctl, command);
	for (int i = 0; i < count; i++) {
		exit = remove_word(ctl, command, words[i], count == 1);
		failed = exit ? exit : failed;
	}
	return failed ? failed : output_end(command);
}

int vm_remove_command(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option table[] = { { "all", no_argument, NULL, 'a' }, { 0 } };
	bool all = false;
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c != 'a')
			return EXIT_USAGE;
		all = true;
	}
	if (all == (optind < argc)) {
		say("%s: takes VMs, or --all: see azattestctl help %s", argv[0], argv[0]);
		return EXIT_USAGE;
	}
	return vm_remove_many(ctl, argv[0], argc - optind, argv + optind);
}
