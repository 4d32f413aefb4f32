// SPDX-License-Identifier: GPL-2.0
// Owns the members that bear the names of the Azure Local cmdlets' properties (azattestctl(1)).

#include "ctl.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

static json_t *computer_name(void)
{
	char name[65] = "";
	json_t *text;

	gethostname(name, sizeof(name) - 1);
	text = json_string(name);
	return text ? text : json_null();
}

static json_t *expiration(const json_t *certificate)
{
	time_t end = json_integer_value(json_object_get(certificate, "not_after"));
	char text[32];
	struct tm tm;

	if (!json_is_object(certificate) || !gmtime_r(&end, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *enabled(bool on)
{
	return json_string(on ? "Enabled" : "Disabled");
}

void properties_of_status(json_t *status)
{
	const json_t *host = json_object_get(status, "host");
	const json_t *legacy = json_object_get(json_object_get(status, "hostd"), "legacy");
	bool on = json_is_true(json_object_get(legacy, "enabled"));

	json_object_set_new(status, "ComputerName", computer_name());
	json_object_set(status, "Status", json_object_get(host, "state"));
	json_object_set_new(status, "Expiration",
			    expiration(json_object_get(status, "certificate")));
	json_object_set_new(status, "AttestationSwitchId",
			    on ? json_string(text_of(legacy, "bridge")) : json_null());
	json_object_set_new(status, "LegacyOsSupport", legacy ? enabled(on) : json_null());
	json_object_set_new(status, "IMDSAttestation",
			    enabled(strcmp(text_of(host, "sub"), "decommissioned")));
}

/* Of Get-VMIntegrationService. What is of the way from azattest-domain to here is left out. */
void properties_of_domain(json_t *domain)
{
	bool on = json_is_true(json_object_get(domain, "live")) ||
		  json_is_true(json_object_get(domain, "defined"));

	json_object_del(domain, "number");
	json_object_del(domain, "of");
	json_object_set(domain, "VMName", json_object_get(domain, "name"));
	json_object_set_new(domain, "Enabled", json_boolean(on));
}

/* V1 is REST, which all of these have; V2 is vsock, which takes a CID. */
void properties_of_vm(json_t *vm)
{
	json_t *versions = json_pack("[s]", "V1");
	bool active = !strcmp(text_of(vm, "state"), "active");

	if (json_integer_value(json_object_get(vm, "cid")))
		json_array_append_new(versions, json_string("V2"));
	json_object_set(vm, "Name", json_object_get(vm, "name"));
	json_object_set_new(vm, "AttestationHost", computer_name());
	json_object_set_new(vm, "Status", json_string(active ? "Connected" : "Disconnected"));
	json_object_set_new(vm, "SupportedVersions", versions);
}
