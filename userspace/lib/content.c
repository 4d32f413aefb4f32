// SPDX-License-Identifier: GPL-2.0
// Owns the signed JSON: its strict form, and its members as C strings.
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#include "lib.h"

static int bad_member(struct azattest_fault *fault, const char *name,
		      const char *why)
{
	return fault_set(fault, AZATTEST_E_MEMBERS,
			 "content member %s %s", name, why);
}

/*
 * The JSON library takes blanks between tokens; the contract has none. Between
 * strings every byte must be printable, so that one document has one text.
 */
static bool is_compact(const unsigned char *p, size_t len)
{
	bool inside = false;
	size_t i;

	for (i = 0; i < len; i++) {
		if (inside && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			inside = !inside;
		else if (!inside && (p[i] <= ' ' || p[i] > '~'))
			return false;
	}
	return !inside;
}

static json_t *load(const unsigned char *data, size_t len,
		    struct azattest_fault *fault)
{
	json_error_t error;
	json_t *root;

	if (len == 0 || data[0] != '{' || len > CONTENT_MAX ||
	    !is_compact(data, len)) {
		fault_set(fault, AZATTEST_E_JSON,
			  "the content is not one compact JSON object");
		return NULL;
	}
	root = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES,
			  &error);
	if (!root) {
		char text[128];

		fault_quote(text, sizeof(text), error.text, strlen(error.text));
		fault_set(fault, AZATTEST_E_JSON,
			  "the content is not strict JSON at byte %d: %s",
			  error.position, text);
	}
	return root;
}

struct member {
	const char *name;
	size_t offset;		/* in struct azattest_document */
	bool optional;
};

#define MEMBER(json, field, optional) \
	{ json, offsetof(struct azattest_document, field), optional }

static const struct member top_members[] = {
	MEMBER("licenseType", license_type, true),
	MEMBER("nonce", nonce, false),
	MEMBER("sku", sku, true),
	MEMBER("subscriptionId", subscription_id, true),
	MEMBER("vmId", vm_id, false),
};

static const struct member plan_members[] = {
	MEMBER("name", plan_name, false),
	MEMBER("product", plan_product, false),
	MEMBER("publisher", plan_publisher, false),
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* Stores the strings of @object; @taken counts those that were there. */
static int take_members(json_t *object, const struct member *members, size_t n,
			struct azattest_document *pub, size_t *taken,
			struct azattest_fault *fault)
{
	size_t i;

	for (i = 0; i < n; i++) {
		json_t *value = json_object_get(object, members[i].name);
		const char **to = (const char **)((char *)pub +
						  members[i].offset);

		*to = "";
		if (!value && members[i].optional)
			continue;
		if (!json_is_string(value))
			return bad_member(fault, members[i].name,
					  value ? "is not a string" :
						  "is missing");
		*to = json_string_value(value);
		(*taken)++;
	}
	return 0;
}

static int take_object(json_t *root, const char *name, json_t **object,
		       struct azattest_fault *fault)
{
	*object = json_object_get(root, name);
	if (json_is_object(*object))
		return 0;
	return bad_member(fault, name, *object ? "is not an object" :
						 "is missing");
}

static int two_digits(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* MM/dd/yy HH:mm:ss -0000, exactly. */
static bool parse_time(const char *text, int64_t *to)
{
	struct tm tm = { 0 }, again;
	static const char form[] = "00/00/00 00:00:00 -0000";
	time_t seconds;
	size_t i;

	if (strlen(text) != sizeof(form) - 1 || strcmp(text + 17, " -0000"))
		return false;
	for (i = 0; i < 17; i++)
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9' :
				     text[i] != form[i])
			return false;
	tm.tm_mon = two_digits(text) - 1;
	tm.tm_mday = two_digits(text + 3);
	tm.tm_year = two_digits(text + 6) + 100;
	tm.tm_hour = two_digits(text + 9);
	tm.tm_min = two_digits(text + 12);
	tm.tm_sec = two_digits(text + 15);
	again = tm;
	seconds = timegm(&again);
	*to = seconds;
	/* timegm() has moved what is no date, as 02/30 is none */
	return again.tm_mon == tm.tm_mon && again.tm_mday == tm.tm_mday &&
	       again.tm_hour == tm.tm_hour && again.tm_min == tm.tm_min &&
	       again.tm_sec == tm.tm_sec;
}

static int take_time(json_t *stamp, const char *name, int64_t *to,
		     struct azattest_fault *fault)
{
	const char *text = json_string_value(json_object_get(stamp, name));

	if (!text)
		return bad_member(fault, name, "is missing or not a string");
	if (!parse_time(text, to))
		return bad_member(fault, name,
				  "is not MM/dd/yy HH:mm:ss -0000");
	return 0;
}

static int take_times(json_t *root, struct azattest_document *pub,
		      struct azattest_fault *fault)
{
	json_t *stamp;
	int rc = take_object(root, "timeStamp", &stamp, fault);

	if (!rc)
		rc = take_time(stamp, "createdOn", &pub->created_on, fault);
	if (!rc)
		rc = take_time(stamp, "expiresOn", &pub->expires_on, fault);
	if (!rc && json_object_size(stamp) != 2)
		rc = bad_member(fault, "timeStamp", "has foreign members");
	return rc;
}

static int take_plan(json_t *root, struct azattest_document *pub,
		     struct azattest_fault *fault)
{
	size_t taken = 0;
	json_t *plan;
	int rc = take_object(root, "plan", &plan, fault);

	if (!rc)
		rc = take_members(plan, plan_members, COUNT(plan_members), pub,
				  &taken, fault);
	if (!rc && json_object_size(plan) != taken)
		rc = bad_member(fault, "plan", "has foreign members");
	return rc;
}

static int check_forms(const struct azattest_document *pub,
		       struct azattest_fault *fault)
{
	char lower[UUID_STR_LEN];
	uuid_t uuid;

	if (!azattest_nonce_valid(pub->nonce))
		return bad_member(fault, "nonce",
				  "is not 1 to 32 of A-Z a-z 0-9 - _");
	if (!uuid_parse(pub->vm_id, uuid)) {
		uuid_unparse_lower(uuid, lower);
		if (!strcmp(lower, pub->vm_id))
			return 0;
	}
	return bad_member(fault, "vmId", "is not a UUID in lower case");
}

static int take_all(struct document *d, struct azattest_fault *fault)
{
	size_t taken = 2;	/* plan, timeStamp */
	int rc;

	rc = take_members(d->root, top_members, COUNT(top_members), &d->pub,
			  &taken, fault);
	if (!rc)
		rc = take_plan(d->root, &d->pub, fault);
	if (!rc)
		rc = take_times(d->root, &d->pub, fault);
	if (!rc && json_object_size(d->root) != taken)
		rc = fault_set(fault, AZATTEST_E_MEMBERS,
			       "the content has foreign members");
	if (!rc)
		rc = check_forms(&d->pub, fault);
	return rc;
}

/* On failure the caller frees what @d holds. */
int content_parse(struct document *d, const unsigned char *data, size_t len,
		  struct azattest_fault *fault)
{
	d->root = load(data, len, fault);
	if (!d->root)
		return AZATTEST_E_JSON;
	d->content = strndup((const char *)data, len);
	if (!d->content)
		return fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	d->pub.content = d->content;
	d->pub.content_len = len;
	return take_all(d, fault);
}
