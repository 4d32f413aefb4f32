// SPDX-License-Identifier: GPL-2.0
// Owns a domain's enrolment for REST: as its metadata wishes, and as long as it runs here.

#include <userspace/libvirt/libvirt.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* *@vm: what hostd knows of it, NULL if it is not enrolled. */
static bool look(const struct agent *agent, const struct vm_name *vm, json_t **known,
		 struct failure *failure)
{
	char path[80], message[500];
	int status;

	snprintf(path, sizeof(path), "/v1/vms/%s", vm->uuid);
	status = hostd_get(agent->api, path, known, message, sizeof(message));
	if (status / 100 == 2 && *known)
		return true;
	json_decref(*known);
	*known = NULL;
	return status == 404 || hostd_refused(vm->name, status, message, failure);
}

static bool withdraw(const struct agent *agent, const char *uuid, const char *name,
		     struct failure *failure)
{
	char path[80], message[500];
	int status;

	snprintf(path, sizeof(path), "/v1/vms/%.36s", uuid);
	status = hostd_call(agent->api, "DELETE", path, "", message, sizeof(message));
	if (status / 100 != 2 && status != 404)
		return hostd_refused(name, status, message, failure);
	log_line(LOG_INFO, "%s: no longer enrolled for REST", name);
	return true;
}

/* A domain without vsock has its identity by its enrolment, which is its VMM's alone. */
static bool fits(const struct agent *agent, const struct vm_name *vm, const json_t *known,
		 const struct enrolment *enrolment)
{
	json_int_t pid = json_integer_value(json_object_get(known, "pid"));
	struct failure ignored;

	if (strcmp(hostd_text(known, "tap"), enrolment->tap))
		return false;
	if (enrolment->cid)
		return !pid;
	return pid == domain_pid(agent, vm->name, &ignored) && strcmp(hostd_text(known, "binding"), "none");
}

bool rest_end_other(const struct agent *agent, const struct vm_name *vm,
		    const struct enrolment *enrolment, struct failure *failure)
{
	json_t *known;
	bool stays;

	if (!look(agent, vm, &known, failure))
		return false;
	stays = !known || !hostd_is_ours(known) || (enrolment && fits(agent, vm, known, enrolment));
	json_decref(known);
	return stays || withdraw(agent, vm->uuid, vm->name, failure);
}

/* NULL after a failure. */
static char *wish(const struct agent *agent, const struct vm_name *vm,
		  const struct enrolment *enrolment, struct failure *failure)
{
	json_t *json = json_pack("{s:s, s:s}", "tap", enrolment->tap, "manager", MANAGER);
	int pid = enrolment->cid ? 0 : domain_pid(agent, vm->name, failure);
	char *body;

	if (pid > 0) {
		json_object_set_new(json, "pid", json_integer(pid));
		json_object_set_new(json, "name", json_string(vm->cut));
		json_object_set_new(json, "profile", json_string(enrolment->profile));
	}
	body = pid >= 0 && json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!body && pid >= 0)
		failure_set(failure, 1, -EINVAL, "%s: the card's tap is no UTF-8", vm->name);
	return body;
}

bool rest_enrol(const struct agent *agent, const struct vm_name *vm,
		const struct enrolment *enrolment, struct failure *failure)
{
	char path[80], message[500], *body;
	json_t *known;
	int status;

	/* What is there was made by an administrator, or is what is wished. */
	if (!look(agent, vm, &known, failure))
		return false;
	json_decref(known);
	if (known)
		return true;
	body = wish(agent, vm, enrolment, failure);
	if (!body)
		return false;
	snprintf(path, sizeof(path), "/v1/vms/%s", vm->uuid);
	status = hostd_call(agent->api, "PUT", path, body, message, sizeof(message));
	free(body);
	if (status / 100 != 2)
		return hostd_refused(vm->name, status, message, failure);
	log_line(LOG_INFO, "%s: enrolled for REST with %s", vm->name, enrolment->tap);
	return true;
}

static bool is_among(const char *uuid, virDomainPtr *domains, int count)
{
	char text[VIR_UUID_STRING_BUFLEN];

	for (int i = 0; i < count; i++)
		if (!virDomainGetUUIDString(domains[i], text) && !strcmp(text, uuid))
			return true;
	return false;
}

bool rest_sweep(const struct agent *agent, virDomainPtr *domains, int count, struct failure *failure)
{
	char message[500];
	json_t *json, *vm;
	bool well = true;
	int status = hostd_get(agent->api, "/v1/vms", &json, message, sizeof(message));
	size_t i;

	if (status != 200) {
		json_decref(json);
		return hostd_refused(agent->api, status, message, failure);
	}
	json_array_foreach(json_object_get(json, "vms"), i, vm) {
		const char *uuid = hostd_text(vm, "uuid");

		if (hostd_is_ours(vm) && !is_among(uuid, domains, count))
			well = withdraw(agent, uuid, uuid, failure) && well;
	}
	json_decref(json);
	return well;
}
