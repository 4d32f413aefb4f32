// SPDX-License-Identifier: GPL-2.0
// Owns how attributes of an answer become JSON.

#include "module.h"

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

static json_t *number(struct nlattr *attr)
{
	switch (nla_len(attr)) {
	case sizeof(uint32_t):
		return json_integer(nla_get_u32(attr));
	case sizeof(uint64_t):
		return json_integer((json_int_t)nla_get_u64(attr));
	default:
		return json_null();
	}
}

/* jansson takes UTF-8 only: what is not becomes null. */
static json_t *text(struct nlattr *attr)
{
	const char *data = nla_data(attr);
	json_t *string = json_stringn(data, strnlen(data, (size_t)nla_len(attr)));

	return string ? string : json_null();
}

static json_t *uuid_text(struct nlattr *attr)
{
	char out[UUID_STR_LEN];

	if (nla_len(attr) != AZATTEST_UUID_LEN)
		return json_null();
	uuid_unparse_lower(nla_data(attr), out);
	return json_string(out);
}

static json_t *transport_text(struct nlattr *attr)
{
	static const char *const names[AZATTEST_TRANSPORT_MAX + 1] = {
		[AZATTEST_TRANSPORT_VSOCK] = "vsock", [AZATTEST_TRANSPORT_REST] = "rest",
		[AZATTEST_TRANSPORT_VMM] = "vmm",
	};
	uint32_t transport = attr && nla_len(attr) == sizeof(uint32_t) ? nla_get_u32(attr) : 0;

	return json_string(transport <= AZATTEST_TRANSPORT_MAX && names[transport] ?
			   names[transport] : "");
}

static json_t *value(enum field_kind kind, struct nlattr *attr)
{
	switch (kind) {
	case FIELD_FLAG:
		return json_boolean(attr);
	case FIELD_TRANSPORT:
		return transport_text(attr);
	case FIELD_NUMBER:
		return attr ? number(attr) : NULL;
	case FIELD_TEXT:
		return attr ? text(attr) : NULL;
	case FIELD_UUID:
		return attr ? uuid_text(attr) : NULL;
	}
	return NULL;
}

json_t *fields_json(const struct field *fields, size_t count, struct nlattr **attrs)
{
	json_t *object = json_object();

	if (!object)
		abort();
	for (size_t i = 0; i < count; i++) {
		json_t *v = value(fields[i].kind, attrs[fields[i].type]);

		if (v && json_object_set_new(object, fields[i].key, v))
			abort();
	}
	return object;
}

static void clear(struct nlattr **attrs)
{
	for (int i = 0; i <= FIELDS_TYPE_MAX; i++)
		attrs[i] = NULL;
}

void fields_of_message(struct nlmsghdr *message, struct nlattr *attrs[FIELDS_TYPE_MAX + 1])
{
	if (genlmsg_parse(message, 0, attrs, FIELDS_TYPE_MAX, NULL))
		clear(attrs);
}

void fields_of_nest(struct nlattr *nest, struct nlattr *attrs[FIELDS_TYPE_MAX + 1])
{
	if (nla_parse_nested(attrs, FIELDS_TYPE_MAX, nest, NULL))
		clear(attrs);
}
