// SPDX-License-Identifier: GPL-2.0
// Owns the calls of docs/api.md: which path and method does what, JSON in, JSON out.

#include "api.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <uuid/uuid.h>

/* A sentence that was cut inside a character must still be an answer. */
static json_t *text_json(char *text)
{
	json_t *json = json_string(text);

	if (json)
		return json;
	for (char *c = text; *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json_string(text);
}

struct api_answer api_call_refuse(unsigned int status, const char *code, const char *format, ...)
{
	char text[700];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return (struct api_answer) {
		.status = status,
		.json = json_pack("{s:{s:s, s:o}}", "error", "code", code,
				  "message", text_json(text)),
	};
}

static struct api_answer answer(unsigned int status, json_t *json)
{
	if (!json)
		return api_call_refuse(MHD_HTTP_INTERNAL_SERVER_ERROR, "fault",
				       "the answer cannot be made: no memory: try again");
	return (struct api_answer) { .status = status, .json = json };
}

static struct api_answer no_vm(const char *uuid)
{
	return api_call_refuse(MHD_HTTP_NOT_FOUND, "not-found",
			       "VM %.40s is not enrolled: azattestctl vm list tells which are", uuid);
}

/* What hostd could not do, by its errno. */
static struct api_answer failed(int error, const struct failure *failure)
{
	switch (error) {
	case -EINVAL:
	case -ESRCH:
	case -ENXIO:
		return api_call_refuse(MHD_HTTP_BAD_REQUEST, "invalid", "%s", failure->text);
	case -EPERM:
		return api_call_refuse(MHD_HTTP_CONFLICT, "legacy-off", "%s", failure->text);
	case -EBUSY:
	case -EEXIST:
	case -EADDRINUSE:
		return api_call_refuse(MHD_HTTP_CONFLICT, "conflict", "%s", failure->text);
	default:
		return api_call_refuse(MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable", "%s",
				       failure->text);
	}
}

/* The body's object, or NULL and @refusal. */
static json_t *body_json(const struct api_call *call, struct api_answer *refusal)
{
	json_error_t error;
	json_t *json = json_loadb(call->body, call->length, JSON_REJECT_DUPLICATES, &error);

	if (json_is_object(json))
		return json;
	*refusal = api_call_refuse(MHD_HTTP_BAD_REQUEST, "invalid",
				   "the body is no JSON object: %s",
				   json ? "it is another value" : error.text);
	json_decref(json);
	return NULL;
}

static struct api_answer bad_member(const json_error_t *error)
{
	return api_call_refuse(MHD_HTTP_BAD_REQUEST, "invalid", "the body: %s: see docs/api.md",
			       error->text);
}

static struct api_answer get_status(struct hostd *hostd, const struct api_call *call,
				    const char *rest)
{
	(void)call;
	(void)rest;
	return answer(MHD_HTTP_OK, status_json(hostd));
}

static struct api_answer put_legacy(struct hostd *hostd, const struct api_call *call,
				    const char *rest)
{
	struct failure failure = { 0 };
	struct api_answer refusal;
	json_error_t error;
	json_t *body = body_json(call, &refusal);
	int enabled, ret;

	(void)rest;
	if (!body)
		return refusal;
	ret = json_unpack_ex(body, &error, JSON_STRICT, "{s:b}", "enabled", &enabled);
	json_decref(body);
	if (ret)
		return bad_member(&error);
	ret = legacy_set(hostd, enabled, &failure);
	if (ret)
		return failed(ret, &failure);
	return answer(MHD_HTTP_OK, json_pack("{s:b}", "enabled", enabled));
}

static struct api_answer list_vms(struct hostd *hostd, const struct api_call *call,
				  const char *rest)
{
	(void)call;
	(void)rest;
	return answer(MHD_HTTP_OK, json_pack("{s:o}", "vms", vm_list_json(hostd)));
}

static struct api_answer get_vm(struct hostd *hostd, const struct api_call *call,
				const char *rest)
{
	uuid_t uuid;
	json_t *vm = NULL;

	(void)call;
	if (!uuid_parse(rest, uuid))
		vm = vm_json(hostd, uuid);
	return vm ? answer(MHD_HTTP_OK, vm) : no_vm(rest);
}

static bool copy(char *to, size_t size, const char *from)
{
	if (strlen(from) >= size)
		return false;
	strcpy(to, from);
	return true;
}

static struct api_answer bad_field(const char *field, const char *rule)
{
	return api_call_refuse(MHD_HTTP_BAD_REQUEST, "invalid", "%s: %s", field, rule);
}

/* Fills @request; status 0 if all is well. What fields mean is vm.c's to judge. */
static struct api_answer read_request(json_t *body, struct vm_request *request)
{
	const char *tap, *name = "", *profile = "", *manager = "";
	json_error_t error;
	json_int_t pid = 0;

	if (json_unpack_ex(body, &error, JSON_STRICT, "{s:s, s?I, s?s, s?s, s?s}", "tap", &tap,
			   "pid", &pid, "name", &name, "profile", &profile, "manager", &manager))
		return bad_member(&error);
	if (!*tap || !copy(request->tap, sizeof(request->tap), tap))
		return bad_field("tap", "an interface's name has 1 to 15 bytes");
	if (pid < 0 || pid > INT_MAX)
		return bad_field("pid", "no process can have it: 0, or a process of this host");
	if (!copy(request->name, sizeof(request->name), name))
		return bad_field("name", "too long");
	if (!copy(request->profile, sizeof(request->profile), profile))
		return bad_field("profile", "too long");
	if (!copy(request->manager, sizeof(request->manager), manager))
		return bad_field("manager", "too long");
	request->pid = (pid_t)pid;
	return (struct api_answer) { 0 };
}

static struct api_answer bad_uuid(const char *text)
{
	return api_call_refuse(MHD_HTTP_BAD_REQUEST, "invalid", "\"%.40s\" is no UUID: "
			       "write it as in c0ffee42-0000-4000-8000-00000000002a", text);
}

static bool enrolled(struct hostd *hostd, const uint8_t *uuid)
{
	json_t *vm = vm_json(hostd, uuid);

	json_decref(vm);
	return vm;
}

static struct api_answer add_vm(struct hostd *hostd, const struct vm_request *request)
{
	unsigned int status = enrolled(hostd, request->uuid) ? MHD_HTTP_OK : MHD_HTTP_CREATED;
	struct failure failure = { 0 };
	int ret = vm_add(hostd, request, &failure);

	if (ret)
		return failed(ret, &failure);
	return answer(status, vm_json(hostd, request->uuid));
}

static struct api_answer put_vm(struct hostd *hostd, const struct api_call *call,
				const char *rest)
{
	struct vm_request request = { .pid = 0 };
	struct api_answer refusal;
	json_t *body;

	if (uuid_parse(rest, request.uuid))
		return bad_uuid(rest);
	body = body_json(call, &refusal);
	if (!body)
		return refusal;
	refusal = read_request(body, &request);
	json_decref(body);
	return refusal.status ? refusal : add_vm(hostd, &request);
}

static struct api_answer delete_vm(struct hostd *hostd, const struct api_call *call,
				   const char *rest)
{
	struct failure failure = { 0 };
	uuid_t uuid;
	int ret;

	(void)call;
	if (uuid_parse(rest, uuid))
		return no_vm(rest);
	ret = vm_remove(hostd, uuid, &failure);
	if (ret == -ENOENT)
		return no_vm(rest);
	if (ret)
		return failed(ret, &failure);
	return (struct api_answer) { .status = MHD_HTTP_NO_CONTENT };
}

/* ---- bindings ---- */

static struct api_answer no_binding(const char *uuid)
{
	return api_call_refuse(MHD_HTTP_NOT_FOUND, "not-found", "VM %.40s is not bound by azattest-hostd: "
			       "azattestctl bindings tells which have an identity", uuid);
}

static struct api_answer list_bindings(struct hostd *hostd, const struct api_call *call,
				       const char *rest)
{
	(void)call;
	(void)rest;
	return answer(MHD_HTTP_OK, json_pack("{s:o}", "bindings", bind_list_json(hostd)));
}

static struct api_answer get_binding(struct hostd *hostd, const struct api_call *call,
				     const char *rest)
{
	uuid_t uuid;
	json_t *binding = NULL;

	(void)call;
	if (!uuid_parse(rest, uuid))
		binding = bind_json(hostd, uuid);
	return binding ? answer(MHD_HTTP_OK, binding) : no_binding(rest);
}

static struct api_answer read_binding(json_t *body, struct bind_request *request)
{
	const char *name = "", *profile = "", *manager = "";
	json_int_t pid, cid = 0;
	json_error_t error;
	int named = 0, keep = 0;

	if (json_unpack_ex(body, &error, JSON_STRICT, "{s:I, s?I, s?b, s?b, s?s, s?s, s?s}", "pid", &pid,
			   "cid", &cid, "named", &named, "keep", &keep, "name", &name,
			   "profile", &profile, "manager", &manager))
		return bad_member(&error);
	if (pid < 2 || pid > INT_MAX)
		return bad_field("pid", "no VMM can have it");
	if (cid && (cid < AZATTEST_CID_MIN || cid > (json_int_t)AZATTEST_CID_MAX))
		return bad_field("cid", "a guest's is 3 to 4294967294; 0: what the VMM's command line says");
	if (!copy(request->name, sizeof(request->name), name))
		return bad_field("name", "too long");
	if (!copy(request->profile, sizeof(request->profile), profile))
		return bad_field("profile", "too long");
	if (!copy(request->manager, sizeof(request->manager), manager))
		return bad_field("manager", "too long");
	request->pid = (pid_t)pid;
	request->cid = (uint32_t)cid;
	request->named = named;
	request->keep = keep;
	return (struct api_answer) { 0 };
}

static void binding_ended(struct bind_wait *wait, int error, const struct failure *failure)
{
	struct api_later *later = (struct api_later *)((char *)wait - offsetof(struct api_later, wait));

	later->answer = error ? failed(error, failure) :
			answer(later->status, bind_json(later->hostd, later->uuid));
	later->wake(later);
}

static struct api_answer add_binding(struct hostd *hostd, const struct api_call *call,
				     const struct bind_request *request)
{
	json_t *known = bind_json(hostd, request->uuid);
	unsigned int status = known ? MHD_HTTP_OK : MHD_HTTP_CREATED;
	struct failure failure = { 0 };
	int ret;

	json_decref(known);
	call->later->wait.ended = binding_ended;
	call->later->hostd = hostd;
	call->later->status = status;
	memcpy(call->later->uuid, request->uuid, sizeof(call->later->uuid));
	ret = bind_add(hostd, request, &call->later->wait, &failure);
	if (ret == -EINPROGRESS) {
		/* What was known may have been of a VMM that has ended. */
		if (call->later->wait.fresh)
			call->later->status = MHD_HTTP_CREATED;
		return (struct api_answer) { .status = 0 };
	}
	return ret ? failed(ret, &failure) : answer(status, bind_json(hostd, request->uuid));
}

static struct api_answer put_binding(struct hostd *hostd, const struct api_call *call,
				     const char *rest)
{
	struct bind_request request = { .pid = 0 };
	struct api_answer refusal;
	json_t *body;

	if (uuid_parse(rest, request.uuid))
		return bad_uuid(rest);
	body = body_json(call, &refusal);
	if (!body)
		return refusal;
	refusal = read_binding(body, &request);
	json_decref(body);
	return refusal.status ? refusal : add_binding(hostd, call, &request);
}

static struct api_answer delete_binding(struct hostd *hostd, const struct api_call *call,
					const char *rest)
{
	struct failure failure = { 0 };
	uuid_t uuid;

	(void)call;
	if (uuid_parse(rest, uuid) || bind_remove(hostd, uuid, &failure))
		return no_binding(rest);
	return (struct api_answer) { .status = MHD_HTTP_NO_CONTENT };
}

typedef struct api_answer (*method_fn)(struct hostd *hostd, const struct api_call *call,
				       const char *rest);

struct path {
	const char *path;	/* one that ends in '/' is followed by a name */
	const char *allow;
	method_fn get, put, delete;	/* put and delete change something */
};

static const struct path paths[] = {
	{ "/v1/status", "GET", get_status, NULL, NULL },
	{ "/v1/legacy", "PUT", NULL, put_legacy, NULL },
	{ "/v1/vms", "GET", list_vms, NULL, NULL },
	{ "/v1/vms/", "GET, PUT, DELETE", get_vm, put_vm, delete_vm },
	{ "/v1/bindings", "GET", list_bindings, NULL, NULL },
	{ "/v1/bindings/", "GET, PUT, DELETE", get_binding, put_binding, delete_binding },
};

static const struct path *find(const char *asked, const char **rest)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		size_t length = strlen(paths[i].path);
		bool open = paths[i].path[length - 1] == '/';

		*rest = asked + length;
		if (!strncmp(asked, paths[i].path, length) && open == (**rest != '\0'))
			return &paths[i];
	}
	return NULL;
}

static method_fn method_of(const struct path *path, const char *method)
{
	if (!strcmp(method, MHD_HTTP_METHOD_GET))
		return path->get;
	if (!strcmp(method, MHD_HTTP_METHOD_PUT))
		return path->put;
	if (!strcmp(method, MHD_HTTP_METHOD_DELETE))
		return path->delete;
	return NULL;
}

struct api_answer api_call_answer(struct hostd *hostd, const struct api_call *call)
{
	const char *rest;
	const struct path *path = find(call->path, &rest);
	method_fn method = path ? method_of(path, call->method) : NULL;
	struct api_answer refusal;

	if (!path)
		return api_call_refuse(MHD_HTTP_NOT_FOUND, "not-found",
				       "%.80s: no such path: see docs/api.md", call->path);
	if (!method) {
		refusal = api_call_refuse(MHD_HTTP_METHOD_NOT_ALLOWED, "method",
					  "%.80s: no %.16s here: %s", call->path, call->method,
					  path->allow);
		refusal.allow = path->allow;
		return refusal;
	}
	if (method != path->get && !call->admin)
		return api_call_refuse(MHD_HTTP_FORBIDDEN, "forbidden", "%s %.80s: only root and "
				       "members of group %s may: run it as one of them",
				       call->method, call->path, call->admin_group);
	if (method != path->put && call->length)
		return api_call_refuse(MHD_HTTP_BAD_REQUEST, "invalid", "%s %.80s: takes no body",
				       call->method, call->path);
	return method(hostd, call, rest);
}
