// SPDX-License-Identifier: GPL-2.0
// Owns /metadata/instance: which members each api-version has, and what a path names in it.

#include "restd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEP	2	/* names of a member of compute, at most */

/* Members of compute and the api-version that brought them; "" if not known. */
static const struct member {
	const char *name[DEEP];
	uint32_t since;
	char kind;	/* 's' string, 'a' array, 'o' object */
} members[] = {
	{ { "additionalCapabilities", "hibernationEnabled" }, 20211101, 's' },
	{ { "azEnvironment" }, 20181001, 's' },
	{ { "customData" }, 20190201, 's' },
	{ { "evictionPolicy" }, 20201201, 's' },
	{ { "extendedLocation", "name" }, 20210301, 's' },
	{ { "extendedLocation", "type" }, 20210301, 's' },
	{ { "host", "id" }, 20211115, 's' },
	{ { "hostGroup", "id" }, 20211115, 's' },
	{ { "isHostCompatibilityLayerVm" }, 20200601, 's' },
	{ { "licenseType" }, 20200901, 's' },
	{ { "location" }, 20170402, 's' },
	{ { "name" }, 20170402, 's' },
	{ { "offer" }, 20170402, 's' },
	{ { "osProfile", "adminUsername" }, 20200715, 's' },
	{ { "osProfile", "computerName" }, 20200715, 's' },
	{ { "osProfile", "disablePasswordAuthentication" }, 20201001, 's' },
	{ { "osType" }, 20170402, 's' },
	{ { "physicalZone" }, 20231115, 's' },
	{ { "placementGroupId" }, 20170801, 's' },
	{ { "plan", "name" }, 20180402, 's' },
	{ { "plan", "product" }, 20180402, 's' },
	{ { "plan", "publisher" }, 20180402, 's' },
	{ { "platformFaultDomain" }, 20170402, 's' },
	{ { "platformSubFaultDomain" }, 20211001, 's' },
	{ { "platformUpdateDomain" }, 20170402, 's' },
	{ { "priority" }, 20201201, 's' },
	{ { "provider" }, 20181001, 's' },
	{ { "publicKeys" }, 20180402, 'a' },
	{ { "publisher" }, 20170402, 's' },
	{ { "resourceGroupName" }, 20170801, 's' },
	{ { "resourceId" }, 20190311, 's' },
	{ { "securityProfile", "encryptionAtHost" }, 20211101, 's' },
	{ { "securityProfile", "secureBootEnabled" }, 20200601, 's' },
	{ { "securityProfile", "securityType" }, 20211213, 's' },
	{ { "securityProfile", "virtualTpmEnabled" }, 20200601, 's' },
	{ { "sku" }, 20170402, 's' },
	{ { "storageProfile", "dataDisks" }, 20190601, 'a' },
	{ { "storageProfile", "imageReference" }, 20190601, 'o' },
	{ { "storageProfile", "osDisk" }, 20190601, 'o' },
	{ { "subscriptionId" }, 20170801, 's' },
	{ { "tags" }, 20170801, 's' },
	{ { "tagsList" }, 20190604, 'a' },
	{ { "userData" }, 20210101, 's' },
	{ { "version" }, 20170402, 's' },
	{ { "virtualMachineScaleSet", "id" }, 20211115, 's' },
	{ { "vmId" }, 20170402, 's' },
	{ { "vmScaleSetName" }, 20171201, 's' },
	{ { "vmSize" }, 20170402, 's' },
	{ { "zone" }, 20171201, 's' },
};

static json_t *empty(char kind)
{
	return kind == 'a' ? json_array() : kind == 'o' ? json_object() : json_string("");
}

static bool fits(const json_t *value, char kind)
{
	return (kind == 's' && json_is_string(value)) || (kind == 'a' && json_is_array(value)) ||
	       (kind == 'o' && json_is_object(value));
}

/* A new reference: the fact if it is one of that kind, or the empty value. */
static json_t *value_of(const json_t *facts, const struct member *member)
{
	json_t *value = json_object_get(facts, member->name[0]);

	if (member->name[1])
		value = json_object_get(value, member->name[1]);
	return fits(value, member->kind) ? json_incref(value) : empty(member->kind);
}

static int set_member(json_t *compute, const struct member *member, json_t *value)
{
	json_t *group = compute;

	if (member->name[1]) {
		group = json_object_get(compute, member->name[0]);
		if (!group) {
			group = json_object();
			if (json_object_set_new(compute, member->name[0], group)) {
				json_decref(value);
				return -1;
			}
		}
	}
	return json_object_set_new(group, member->name[1] ? member->name[1] : member->name[0],
				   value);
}

/* NULL without memory. */
static json_t *make_compute(const json_t *facts, uint32_t version)
{
	json_t *compute = json_object();

	for (size_t i = 0; compute && i < sizeof(members) / sizeof(members[0]); i++) {
		if (members[i].since > version)
			continue;
		if (set_member(compute, &members[i], value_of(facts, &members[i]))) {
			json_decref(compute);
			compute = NULL;
		}
	}
	return compute;
}

/* This door does not know the VM's other networks: none is named. */
static json_t *make_instance(const json_t *facts, uint32_t version)
{
	return json_pack("{s:o, s:{s:[]}}", "compute", make_compute(facts, version), "network",
			 "interface");
}

/* An index is written as C would print it: one way for each. */
static json_t *at_index(json_t *array, const char *name, size_t length)
{
	char canonical[24];
	unsigned long index = 0;

	for (size_t i = 0; i < length; i++) {
		if (name[i] < '0' || name[i] > '9' || index > 100000)
			return NULL;
		index = index * 10 + (unsigned long)(name[i] - '0');
	}
	snprintf(canonical, sizeof(canonical), "%lu", index);
	if (strlen(canonical) != length || memcmp(canonical, name, length))
		return NULL;
	return json_array_get(array, index);
}

static json_t *step(json_t *from, const char *name, size_t length)
{
	const char *key;
	json_t *value;

	if (json_is_array(from))
		return at_index(from, name, length);
	json_object_foreach(from, key, value)
		if (strlen(key) == length && !memcmp(key, name, length))
			return value;
	return NULL;
}

/* @path: "" or "/name/name"; every name must be there. */
static json_t *walk(json_t *from, struct text path)
{
	while (from && path.length) {
		const char *name = path.at + 1;
		const char *end = memchr(name, '/', path.length - 1);
		size_t length = end ? (size_t)(end - name) : path.length - 1;

		from = step(from, name, length);
		path.at += length + 1;
		path.length -= length + 1;
	}
	return from;
}

char *instance_get(const json_t *facts, uint32_t version, struct text path, bool *leaf)
{
	json_t *instance = make_instance(facts, version);
	json_t *found = walk(instance, path);
	char *text = NULL;

	*leaf = json_is_string(found);
	if (*leaf)
		text = strdup(json_string_value(found));
	else if (found)
		text = json_dumps(found, JSON_COMPACT);
	json_decref(instance);
	return text;
}
