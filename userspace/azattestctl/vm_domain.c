// SPDX-License-Identifier: GPL-2.0
// Owns what "azattestctl vm add" and "remove" do to libvirt's domains: their network card and metadata.

#include "vm.h"

static void take(const json_t *row, void *arg)
{
	struct vm_domains *known = arg;
	bool changed = json_is_true(json_object_get(row, "changed"));

	if (json_object_get(row, "unknown"))
		return;
	json_array_append(known->domains, (json_t *)row);
	if (changed || !known->quiet)
		told_domain(known->ctl, row);
}

int vm_domains(const struct ctl *ctl, const char *command, const char *how, int count, char **words,
	       struct vm_domains *known)
{
	int exit;

	known->ctl = ctl;
	known->domains = json_array();
	exit = domains_run(ctl, command, "rest", how, count, words, take, known,
			   known->closed_too ? known->closed : NULL);
	return exit == DOMAINS_ABSENT || exit == DOMAINS_CLOSED ? 0 : exit;
}

void vm_domains_forget(struct vm_domains *known)
{
	json_decref(known->domains);
	known->domains = NULL;
}
