// SPDX-License-Identifier: GPL-2.0
// Owns the table of commands; help, completion and the check of the manual are made of it.

#include "commands.h"

#include <string.h>

const struct command commands[] = {
	{ "status", "[--json] [--watch[=S]] [--host NAME]",
	  "how this host stands; exit code 5 unless Active", status_command },
	{ "doctor", "[--json]",
	  "what is wrong with this host and what helps; exit code 8 if something is FAIL",
	  doctor_command },
	{ "bugreport", "[--output FILE]",
	  "one text for who helps: versions, doctor, status, configuration, logs; no secret (root)",
	  bugreport_command },
	{ "selftest isolation", "[--json]",
	  "tries to get what only a VM may get, and changes nothing; exit code 8 if it gets it (root)",
	  selftest_command },
	{ "certificate show", "[--json] [--host NAME]",
	  "the certificate in use: chain, serial, key level, source, history",
	  certificate_show_command },
	{ "metrics", "", "what daemon and module count, for Prometheus", metrics_command },
	{ "trust", "[--issuer] [--output FILE]",
	  "the root certificate that verifiers trust, PEM; --issuer: and the issuing one",
	  trust_command },
	{ "sync", "[--json]", "fetches a new certificate now, and waits until it is in use (root)",
	  sync_command },
	{ "decommission", "[--yes] [--no-revoke] [--json]",
	  "has the certificate revoked, destroys the keys; VMs get no documents any more (root)",
	  decommission_command },
	{ "recommission", "", "takes a decommissioned host into service again (root)",
	  recommission_command },
	{ "audit verify", "[--head SEQ:HASH] [--closed] [DIR|FILE...]",
	  "whether the audit journal is one chain; exit code 6 if not, 7 if its end is torn",
	  audit_verify_command },
	{ "audit show", "[--vm UUID] [--since TIME] [--json] [DIR|FILE...]",
	  "lines of the audit journal", audit_show_command },
	{ "audit head", "[DIR|FILE...]",
	  "its last line's number and hash, to be noted elsewhere", audit_head_command },
	{ "module reload", "[--yes] [--dry-run]",
	  "exchanges the loaded module for the installed one; daemons stop and start (root)",
	  module_reload_command },
	{ "module", "[--all] [--json] [--watch[=S]] [--host NAME]",
	  "numbers, limits and counters of the module; --all: also counters at zero",
	  module_command },
	{ "bindings", "[--json] [--no-headers] [--watch[=S]]",
	  "the VMs that have an identity now (root)", bindings_command },
	{ "unbind", "UUID [--dry-run]", "ends a VM's binding (root)", unbind_command },
	{ "grant", "--uuid UUID --uid USER [--name NAME] [--profile PROFILE] [--cid CID]",
	  "lets that user give that VM its identity, once (root)", grant_command },
	{ "grants", "[--json] [--no-headers] [--watch[=S]]",
	  "the grants that nobody has used yet (root)", grants_command },
	{ "revoke", "UUID", "takes an unused grant back (root)", revoke_command },
	{ "limit", "LIMIT VALUE", "sets a limit of the module until it is unloaded (root)",
	  limit_command },
	{ "legacy", "on [--add-vms] [--json] [--dry-run]",
	  "REST access at 169.254.169.253; on again repairs it (root, group azattest-admin)",
	  legacy_command },
	{ "legacy", "off [--remove-vms] [--keep-vms] [--json] [--dry-run]",
	  "ends it; with VMs enrolled only if told what becomes of them (root, group azattest-admin)",
	  legacy_command },
	{ "vm add", "--uuid UUID --tap IF [--pid PID] [--name NAME] [--profile PROFILE] [--json] [--dry-run]",
	  "lets the VM behind that tap use REST; --pid: and gives it its identity (root, group azattest-admin)",
	  vm_add_command },
	{ "vm add", "VM...|--all [--dry-run]",
	  "lets VMs use REST: libvirt's by a network card of their own, others by the one free tap of their VMM (root)",
	  vm_add_command },
	{ "vm bind", "--uuid UUID --pid PID [--cid CID] [--name NAME] [--profile PROFILE] [--json] [--dry-run]",
	  "gives a running VM its identity by its VMM's vhost-vsock device (root, group azattest-admin)",
	  vm_bind_command },
	{ "vm remove", "VM...|--all [--dry-run]",
	  "takes REST from these VMs (root, group azattest-admin)",
	  vm_remove_command },
	{ "vm list", "[--json] [--no-headers] [--watch[=S]] [--host NAME]",
	  "the VMs that may use REST", vm_list_command },
	{ "vm show", "VM [--json] [--watch[=S]] [--host NAME]",
	  "all that is known of one of them", vm_show_command },
	{ "vm vsock", "show [DOMAIN...] [--json] [--no-headers]",
	  "which of libvirt's VMs have a vsock device, now and from the next start on", vm_vsock_command },
	{ "vm vsock", "on|off DOMAIN...|--all [--json] [--dry-run]",
	  "adds or removes it, in the running VM where that can be (who may change libvirt's domains)",
	  vm_vsock_command },
	{ "completion", "bash|zsh",
	  "the shell's completion script; packages install it", completion_command },
	{ "complete", "-- [WORD...]",
	  "what the last word of that command line may be; completion asks so", complete_command },
	{ "help", "[COMMAND]", "this page, or what is said of one command", help_command },
	{ 0 }
};

/* Whether the words begin with @name; *@count: how many they are. */
static bool matches(const char *name, int argc, char **argv, int *count)
{
	size_t first = strcspn(name, " ");

	*count = name[first] ? 2 : 1;
	if (!argc || strlen(argv[0]) != first || strncmp(name, argv[0], first))
		return false;
	return !name[first] || (argc > 1 && !strcmp(name + first + 1, argv[1]));
}

const struct command *commands_find(int argc, char **argv, int *count)
{
	for (const struct command *c = commands; c->name; c++)
		if (matches(c->name, argc, argv, count))
			return c;
	return NULL;
}
