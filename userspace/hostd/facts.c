// SPDX-License-Identifier: GPL-2.0
// Owns what /metadata/instance says of a VM: what this host was told, and nothing else.

#include "core.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <userspace/daemon/inifile.h>

/*
 * Licence, plan and fleet are the signing daemon's configuration: the document
 * and the facts must agree. Whether that file is right is for azattestd to say.
 */
struct fleet {
	const char *profile;	/* of the VM, "" if it has none */
	char subscription[129];
	json_t *document, *own;	/* [document], and the VM's [profile NAME] */
};

static int any_section(void *arg, const char *name, struct inifile_error *error)
{
	(void)arg;
	(void)name;
	(void)error;
	return 0;
}

static int on_key(void *arg, const char *section, const char *name, const char *value,
		  struct inifile_error *error)
{
	struct fleet *fleet = arg;

	(void)error;
	if (!strcmp(section, "host") && !strcmp(name, "subscription-id"))
		snprintf(fleet->subscription, sizeof(fleet->subscription), "%s", value);
	else if (!strcmp(section, "document"))
		json_object_set_new(fleet->document, name, json_string(value));
	else if (!strncmp(section, "profile ", 8) && !strcmp(section + 8, fleet->profile))
		json_object_set_new(fleet->own, name, json_string(value));
	return 0;
}

static void read_fleet(struct fleet *fleet, const char *path)
{
	static const struct inifile_rules rules = { any_section, on_key };
	struct failure failure;

	inifile_read(path, &rules, fleet, EXIT_CONFIG, &failure);
	for (char *p = fleet->subscription; *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

static const char *field(const struct fleet *fleet, const char *name)
{
	json_t *value = json_object_get(fleet->own, name);

	if (!value)
		value = json_object_get(fleet->document, name);
	return value ? json_string_value(value) : "";
}

static json_t *facts(const struct hostd *hostd, const struct vm *vm, const struct fleet *fleet)
{
	const struct config *c = &hostd->config;
	char uuid[UUID_TEXT];

	vm_uuid_text(vm->request.uuid, uuid);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}}",
			 "name", vm->binding.name, "vmId", uuid,
			 "subscriptionId", fleet->subscription, "location", c->location,
			 "provider", c->provider, "osType", c->os_type,
			 "resourceGroupName", c->resource_group, "sku", field(fleet, "sku"),
			 "licenseType", field(fleet, "license-type"),
			 "plan", "name", field(fleet, "plan-name"),
			 "product", field(fleet, "plan-product"),
			 "publisher", field(fleet, "plan-publisher"));
}

/* What restd can be told; else it is freed. */
static char *checked(char *text, struct failure *failure)
{
	size_t length = text ? strlen(text) : 0;

	if (!text)
		failure_set(failure, EXIT_CONFIG, -EINVAL, "its facts are no JSON: is all text of "
			    "[instance], [host], [document] and of its [profile] UTF-8?");
	else if (length > RESTLINK_TEXT_MAX)
		failure_set(failure, EXIT_CONFIG, -EMSGSIZE, "its facts have %zu bytes, %d are the "
			    "most: shorten [instance], [document] or its [profile]", length,
			    RESTLINK_TEXT_MAX);
	else
		return text;
	free(text);
	return NULL;
}

char *facts_text(const struct hostd *hostd, const struct vm *vm, struct failure *failure)
{
	struct fleet fleet = {
		.profile = vm->binding.profile,
		.document = json_object(), .own = json_object(),
	};
	char *text = NULL;
	json_t *object;

	if (fleet.document && fleet.own)
		read_fleet(&fleet, hostd->signer_config);
	object = facts(hostd, vm, &fleet);
	if (object)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	json_decref(fleet.document);
	json_decref(fleet.own);
	return checked(text, failure);
}
