// SPDX-License-Identifier: GPL-2.0
// Owns the contract: which request is answered with what, and in which order faults are told.

#include "restd.h"

#include <string.h>

#include <userspace/document/document.h>

#define INSTANCE	"/metadata/instance"
#define INSTANCE_SINCE	20170402u

static void refuse(struct route *route, enum count count, unsigned int status, const char *why)
{
	route->kind = ROUTE_REFUSE;
	route->count = count;
	route->status = status;
	route->why = why;
}

static void bad(struct route *route, enum count count, const char *why)
{
	refuse(route, count, 400, why);
}

void route_malformed(const char *why, struct route *route)
{
	memset(route, 0, sizeof(*route));
	bad(route, COUNT_malformed, why);
	route->close = true;
}

/* Takes @value in decimal digits, as they are written, from the front of @text. */
static bool take_number(struct text *text, unsigned int value)
{
	char digits[5];
	size_t length = 0;

	do {
		digits[sizeof(digits) - ++length] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	if (text->length < length || memcmp(text->at, digits + sizeof(digits) - length, length))
		return false;
	text->at += length;
	text->length -= length;
	return true;
}

static bool take_char(struct text *text, char c)
{
	if (!text->length || *text->at != c)
		return false;
	text->at++;
	text->length--;
	return true;
}

/* "address" or "address:port". */
static bool host_is(struct text host, uint32_t address, uint16_t port)
{
	const uint8_t *byte = (const uint8_t *)&address;

	if (!address)
		return false;
	for (unsigned int i = 0; i < sizeof(address); i++)
		if ((i && !take_char(&host, '.')) || !take_number(&host, byte[i]))
			return false;
	if (!host.length)
		return true;
	return take_char(&host, ':') && take_number(&host, port) && !host.length;
}

static bool host_ok(const struct head *head, const struct restlink_config *config)
{
	if (!head->hosts)
		return head->http10;
	if (head->hosts > 1)
		return false;
	for (size_t i = 0; i < RESTLINK_ADDRESSES; i++)
		if (host_is(head->host, config->address[i], config->port))
			return true;
	return false;
}

/* What no path may be asked with. True: refused. */
static bool refuse_sender(const struct head *head, const struct restlink_config *config,
			  struct route *route)
{
	bool get = text_is(head->method, "GET");

	route->close = head->body || head->close;
	if (head->body && get)
		bad(route, COUNT_body, "A request must not have a body");
	else if (head->relayed)
		bad(route, COUNT_relayed, "A forwarded request is not answered");
	else if (head->browser)
		bad(route, COUNT_browser, "A browser's request is not answered");
	else if (!host_ok(head, config))
		bad(route, COUNT_host, "Host does not name this service");
	else if (!get)
		refuse(route, COUNT_method, 405, NULL);
	else
		return false;
	return true;
}

static enum route_kind find_kind(struct text path, struct text *below)
{
	size_t length = strlen(INSTANCE);

	if (text_is(path, "/metadata/versions"))
		return ROUTE_VERSIONS;
	if (text_is(path, "/metadata/attested/document"))
		return ROUTE_DOCUMENT;
	if (path.length < length || memcmp(path.at, INSTANCE, length) ||
	    (path.length > length && path.at[length] != '/'))
		return ROUTE_REFUSE;
	*below = (struct text){ path.at + length, path.length - length };
	return ROUTE_INSTANCE;
}

static void check_nonce(const struct query *query, struct route *route)
{
	if (!query->has_nonce)
		return;
	if (!content_nonce_ok((const uint8_t *)query->nonce.at, query->nonce.length)) {
		bad(route, COUNT_nonce,
		    "nonce is not 1 to 32 characters of A-Z a-z 0-9 - _");
		return;
	}
	memcpy(route->nonce, query->nonce.at, query->nonce.length);
}

static void check_format(const struct query *query, struct route *route)
{
	if (!query->has_format || text_is(query->format, "json"))
		return;
	if (route->kind == ROUTE_INSTANCE && text_is(query->format, "text"))
		route->text = true;
	else
		bad(route, COUNT_query, "format is not supported");
}

static void check_query(struct text raw, struct route *route)
{
	struct query query;
	const char *why = query_parse(raw, &query);
	uint32_t first = route->kind == ROUTE_INSTANCE ? INSTANCE_SINCE : VERSIONS_FIRST_DOCUMENT;

	if (why) {
		bad(route, COUNT_query, why);
		return;
	}
	route->version = query_version(query.version);
	if (route->kind != ROUTE_VERSIONS && !route->version)
		bad(route, COUNT_version, NULL);
	else if (route->kind != ROUTE_VERSIONS && route->version < first)
		refuse(route, COUNT_path, 404, NULL);
	else
		check_format(&query, route);
	if (route->kind == ROUTE_DOCUMENT)
		check_nonce(&query, route);
}

void route_find(const struct head *head, const struct restlink_config *config,
		struct route *route)
{
	memset(route, 0, sizeof(*route));
	route->method = head->method;
	route->path = head->path;
	if (refuse_sender(head, config, route))
		return;
	/* Public, and asked for by programs that only follow a certificate. */
	if (text_is(head->path, "/metadata/attested/issuer.cer")) {
		route->kind = ROUTE_ISSUER;
		return;
	}
	if (head->metadatas != 1 || !text_is_nocase(head->metadata, "true")) {
		bad(route, COUNT_metadata, "Required metadata header not specified");
		return;
	}
	route->kind = find_kind(route->path, &route->below);
	if (route->kind == ROUTE_REFUSE)
		refuse(route, COUNT_path, 404, NULL);
	else
		check_query(head->query, route);
}
