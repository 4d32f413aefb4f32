// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl vm add NAME...|--all": libvirt's domains by a network card, others by the tap that their VMM holds.

#include "vm.h"

#include <string.h>

/* What one command knows of this host. */
struct work {
	const struct ctl *ctl;
	const char *command;
	json_t *enrolled;
	json_t *running;	/* asked for when somebody is meant who is not enrolled */
	struct vm_domains domains;	/* with --all */
	bool all;
};

static int learn_running(struct work *work)
{
	return work->running ? 0 : running_vms(work->ctl, work->command, &work->running);
}

static int enrol(const struct work *work, const char *uuid, const char *tap)
{
	struct hostd_answer answer;
	char path[64];
	json_t *body;
	int exit;

	if (work->ctl->dry_run) {
		told_vm(work->ctl, uuid, "would be enrolled with %s", tap);
		return 0;
	}
	snprintf(path, sizeof(path), "/v1/vms/%s", uuid);
	body = json_pack("{s:s}", "tap", tap);
	exit = hostd_ask(work->ctl, work->command, uuid, "PUT", path, body, &answer);
	json_decref(body);
	if (exit)
		return exit;
	told_state(work->ctl, answer.json);
	json_decref(answer.json);
	return 0;
}

static int refuse(const struct work *work, const char *uuid, pid_t pid, const char *why)
{
	say("%s %s: process %d %s: azattestctl vm add --uuid %s --tap IF names it", work->command,
	    uuid, (int)pid, why, uuid);
	return EXIT_REFUSED;
}

/* A VM of --all without a card for it has no use for REST, or uses vsock. */
static int enrol_by_tap(const struct work *work, const char *uuid, pid_t pid)
{
	struct taps taps;
	int error = taps_of_process(pid, &taps);

	if (error)
		return refuse(work, uuid, pid, strerror(-error));
	if (taps.count == 1)
		return enrol(work, uuid, taps.name[0]);
	if (taps.count)
		return refuse(work, uuid, pid, "has several taps that belong to no network");
	if (!work->all)
		return refuse(work, uuid, pid, "has no tap that belongs to no network");
	told_vm(work->ctl, uuid, "left alone: it has no network card for this");
	return 0;
}

static int add_one(struct work *work, const char *uuid)
{
	const json_t *vm = names_of_uuid(work->enrolled, uuid);
	int exit;

	if (vm) {
		told_state(work->ctl, vm);
		return 0;
	}
	exit = learn_running(work);
	if (exit)
		return exit;
	vm = names_of_uuid(work->running, uuid);
	if (vm)
		return enrol_by_tap(work, uuid,
				    (pid_t)json_integer_value(json_object_get(vm, "pid")));
	say("%s %s: no VM of this UUID runs here: azattestctl bindings", work->command, uuid);
	return EXIT_REFUSED;
}

/*
 * azattest-hostd refuses VMs while REST access is off; a domain's card is not
 * its to refuse. What would be done is told nevertheless.
 */
static int may_add(const struct work *work)
{
	return work->ctl->dry_run ? 0 : managed_rest(work->ctl, work->command);
}

/* A domain of libvirt's gets its card, and azattest-libvirt enrols it: *@done. */
static int add_domain(struct work *work, char *word, bool *done)
{
	struct vm_domains known = { .quiet = false };
	int exit = may_add(work);

	if (!exit)
		exit = vm_domains(work->ctl, work->command, "on", 1, &word, &known);

	*done = exit || json_array_size(known.domains);
	vm_domains_forget(&known);
	return exit;
}

/* Who is enrolled is found first: that needs no right to ask the module. */
static int add_word(struct work *work, char *word)
{
	char uuid[UUID_TEXT];
	bool done = false;
	int exit = names_is_uuid(word, uuid) ? 0 :
		   names_find(work->command, word, work->enrolled, uuid), ret;

	if (exit == EXIT_UNKNOWN || (!exit && !names_of_uuid(work->enrolled, uuid))) {
		ret = add_domain(work, word, &done);
		if (done)
			return ret;
	}
	if (exit == EXIT_UNKNOWN) {
		exit = learn_running(work);
		if (!exit)
			exit = names_find(work->command, word, work->running, uuid);
	}
	if (!exit)
		return add_one(work, uuid);
	if (exit == EXIT_UNKNOWN)
		say("%s %s: no VM of this name or UUID runs here: azattestctl bindings",
		    work->command, word);
	return exit == EXIT_UNKNOWN ? EXIT_REFUSED : exit;
}

static int add_running(struct work *work)
{
	const json_t *vm;
	size_t i;
	int exit = learn_running(work), failed = 0;

	json_array_foreach(work->running, i, vm) {
		const char *uuid = json_string_value(json_object_get(vm, "uuid")) ?: "";

		if (names_of_uuid(work->domains.domains, uuid))
			continue;
		exit = add_one(work, uuid);
		failed = exit ? exit : failed;
	}
	return failed ? failed : exit;
}

/* libvirt's domains, also those that do not run; then who has an identity otherwise. */
static int add_all(struct work *work)
{
	int exit = may_add(work), failed;

	if (exit)
		return exit;
	exit = vm_domains(work->ctl, work->command, "on", 0, NULL, &work->domains);
	failed = add_running(work);
	vm_domains_forget(&work->domains);
	return failed ? failed : exit;
}

/* One that cannot be added does not stop the others. */
int vm_add_many(const struct ctl *ctl, const char *command, int count, char **words)
{
	struct work work = { .ctl = ctl, .command = command, .all = !count };
	int exit = managed_host(ctl, command), failed = 0;

	if (!exit)
		exit = names_enrolled(ctl, command, &work.enrolled);
	if (exit)
		return exit;
	for (int i = 0; i < count; i++) {
		exit = add_word(&work, words[i]);
		failed = exit ? exit : failed;
	}
	if (!count)
		failed = add_all(&work);
	json_decref(work.enrolled);
	json_decref(work.running);
	return failed ? failed : output_end(command);
}
