// SPDX-License-Identifier: GPL-2.0
// Owns one domain: from what libvirt says of it to what hostd is told.

#include <userspace/libvirt/libvirt.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <libvirt/virterror.h>

enum domain_wish domain_wish(int state, int reason)
{
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
	case VIR_DOMAIN_PMSUSPENDED:
		return DOMAIN_BIND;
	case VIR_DOMAIN_PAUSED:
		break;
	default:
		return DOMAIN_UNBIND;
	}
	switch (reason) {
	/* Coming or going: it has one once it runs here, or does again. */
	case VIR_DOMAIN_PAUSED_MIGRATION:
	case VIR_DOMAIN_PAUSED_POSTCOPY:
	case VIR_DOMAIN_PAUSED_POSTCOPY_FAILED:
		return DOMAIN_UNBIND;
	/* On the way to somewhere else: an event follows. */
	case VIR_DOMAIN_PAUSED_STARTING_UP:
	case VIR_DOMAIN_PAUSED_SAVE:
	case VIR_DOMAIN_PAUSED_DUMP:
	case VIR_DOMAIN_PAUSED_SNAPSHOT:
	case VIR_DOMAIN_PAUSED_FROM_SNAPSHOT:
	case VIR_DOMAIN_PAUSED_SHUTTING_DOWN:
		return DOMAIN_LEAVE;
	default:
		return DOMAIN_BIND;
	}
}

void domain_cut_name(const char *name, char cut[AZATTEST_NAME_LEN])
{
	size_t length = strnlen(name, AZATTEST_NAME_LEN);

	if (length == AZATTEST_NAME_LEN)
		for (length--; length && ((unsigned char)name[length] & 0xc0) == 0x80; length--)
			;
	memcpy(cut, name, length);
	cut[length] = 0;
}

/* hostd proves that it is this domain's VMM if there is a CID: the file may be an older one's. */
int domain_pid(const struct agent *agent, const char *name, struct failure *failure)
{
	char path[600];
	FILE *file;
	int pid = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s.pid", agent->pids, name) >= sizeof(path))
		return failure_set(failure, 1, -ENAMETOOLONG, "%s: the name is too long", name);
	file = fopen(path, "re");
	if (!file)
		return failure_set(failure, 1, -errno, "%s: %s: is its VMM QEMU?", path, strerror(errno));
	if (fscanf(file, "%d", &pid) != 1 || pid < 2)
		pid = failure_set(failure, 1, -EPROTO, "%s: is no process's number", path);
	fclose(file);
	return pid;
}

static bool say(const struct agent *agent, const char *method, const char *uuid, const char *body,
		const char *name, struct failure *failure)
{
	char path[80], message[500];
	int status;

	snprintf(path, sizeof(path), "/v1/bindings/%s", uuid);
	status = hostd_call(agent->api, method, path, body, message, sizeof(message));
	if (status / 100 == 2 || (status == 404 && !strcmp(method, "DELETE"))) {
		if (status == 201 || status == 204)
			log_line(LOG_INFO, "%s: %s", name, status == 201 ? "bound" : "unbound");
		return true;
	}
	return hostd_refused(name, status, message, failure);
}

/*
 * A live binding is never changed. Where nothing but the profile differs the
 * domain keeps its identity, and trying again would be in vain.
 */
static bool keeps_profile(const struct agent *agent, const struct vm_name *vm, int pid,
			  const struct enrolment *enrolment)
{
	const char *name = NULL, *profile = NULL;
	char path[80], message[500];
	json_int_t at = 0, cid = 0;
	json_t *known;
	bool same;

	snprintf(path, sizeof(path), "/v1/bindings/%s", vm->uuid);
	same = hostd_get(agent->api, path, &known, message, sizeof(message)) == 200 &&
	       !json_unpack(known, "{s:I, s:I, s:s, s:s}", "pid", &at, "cid", &cid, "name", &name,
			    "profile", &profile) &&
	       at == pid && cid == enrolment->cid && !strcmp(name, vm->cut) &&
	       strcmp(profile, enrolment->profile);
	if (same)
		log_line(LOG_NOTICE, "%s: keeps profile \"%s\" while it runs here: \"%s\" counts from its "
			 "next start on", vm->name, profile, enrolment->profile);
	json_decref(known);
	return same;
}

static bool bind_domain(const struct agent *agent, const struct vm_name *vm,
			const struct enrolment *enrolment, struct failure *failure)
{
	int pid = domain_pid(agent, vm->name, failure);
	json_t *json;
	char *body;
	bool done;

	if (pid < 0)
		return false;
	json = json_pack("{s:i, s:I, s:b, s:b, s:s, s:s, s:s}", "pid", pid,
			 "cid", (json_int_t)enrolment->cid, "named", 1, "keep", 1, "name", vm->cut,
			 "profile", enrolment->profile, "manager", MANAGER);
	body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!body) {
		failure_set(failure, 1, -EINVAL, "%s: the name is no UTF-8", vm->name);
		return false;
	}
	done = say(agent, "PUT", vm->uuid, body, vm->name, failure) ||
	       keeps_profile(agent, vm, pid, enrolment);
	free(body);
	return done;
}

/* Its vsock device is gone, or never was; a binding that an administrator has made is left alone. */
static bool unbind_ours(const struct agent *agent, const struct vm_name *vm, struct failure *failure)
{
	char path[80], message[500];
	json_t *known;
	bool ours;
	int status;

	snprintf(path, sizeof(path), "/v1/bindings/%s", vm->uuid);
	status = hostd_get(agent->api, path, &known, message, sizeof(message));
	ours = hostd_is_ours(known);
	json_decref(known);
	if (status != 200 && status != 404)
		return hostd_refused(vm->name, status, message, failure);
	return !ours || say(agent, "DELETE", vm->uuid, "", vm->name, failure);
}

static bool read_domain(virDomainPtr domain, struct enrolment *enrolment, struct failure *failure)
{
	char *xml = virDomainGetXMLDesc(domain, 0);
	const char *wrong = xml ? xml_read(xml, enrolment) : virGetLastErrorMessage();

	free(xml);
	if (!wrong)
		return true;
	failure_set(failure, 1, -EINVAL, "%s: %s", virDomainGetName(domain), wrong);
	return false;
}

/* The identity first: without it nothing answers, whatever else is left. */
static bool end(const struct agent *agent, const struct vm_name *vm, struct failure *failure)
{
	return say(agent, "DELETE", vm->uuid, "", vm->name, failure) &&
	       rest_end_other(agent, vm, NULL, failure);
}

/* An enrolment may have given the VM an identity, which has to give way to one with a CID. */
static bool begin(const struct agent *agent, const struct vm_name *vm,
		  const struct enrolment *enrolment, struct failure *failure)
{
	if (!rest_end_other(agent, vm, enrolment->rest ? enrolment : NULL, failure))
		return false;
	if (!(enrolment->cid ? bind_domain(agent, vm, enrolment, failure) : unbind_ours(agent, vm, failure)))
		return false;
	return !enrolment->rest || rest_enrol(agent, vm, enrolment, failure);
}

/* Only libvirt's word that it is gone counts: one that does not answer has not said so. */
static bool ask_wish(virDomainPtr domain, enum domain_wish *wish, struct failure *failure)
{
	int state, reason;

	*wish = DOMAIN_UNBIND;
	if (!virDomainGetState(domain, &state, &reason, 0))
		*wish = domain_wish(state, reason);
	else if (virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
		return !failure_set(failure, 1, -EIO, "%s: %s", virDomainGetName(domain),
				    virGetLastErrorMessage());
	return true;
}

/* What failed because it ended meanwhile is no failure: an event follows. */
static bool still_runs(virDomainPtr domain)
{
	struct failure ignored;
	enum domain_wish wish;

	return !ask_wish(domain, &wish, &ignored) || wish == DOMAIN_BIND;
}

static bool settle_running(const struct agent *agent, virDomainPtr domain,
			   const struct vm_name *vm, struct failure *failure)
{
	struct enrolment enrolment = { 0 };

	if (!read_domain(domain, &enrolment, failure))
		return false;
	return enrolment.attest ? begin(agent, vm, &enrolment, failure) : end(agent, vm, failure);
}

bool domain_settle(const struct agent *agent, virDomainPtr domain, struct failure *failure)
{
	char uuid[VIR_UUID_STRING_BUFLEN];
	struct vm_name vm = { .uuid = uuid, .name = virDomainGetName(domain) };
	enum domain_wish wish;

	if (virDomainGetUUIDString(domain, uuid))
		return true;
	domain_cut_name(vm.name, vm.cut);
	if (!ask_wish(domain, &wish, failure))
		return false;
	if (wish == DOMAIN_LEAVE)
		return true;
	if (wish == DOMAIN_UNBIND)
		return end(agent, &vm, failure);
	return settle_running(agent, domain, &vm, failure) || !still_runs(domain);
}
