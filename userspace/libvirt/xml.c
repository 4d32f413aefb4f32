// SPDX-License-Identifier: GPL-2.0
// Owns what a domain's live XML says: its CID, its card for REST, and the wishes in its metadata.

#include <userspace/libvirt/libvirt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

/* The value of the one attribute, or NULL; *@many: there are more. */
static char *value_of(xmlXPathContext *context, const char *path, bool *many)
{
	xmlXPathObject *found = xmlXPathEval((const xmlChar *)path, context);
	xmlChar *text = NULL;

	if (found && found->nodesetval && found->nodesetval->nodeNr == 1)
		text = xmlNodeGetContent(found->nodesetval->nodeTab[0]);
	*many = found && found->nodesetval && found->nodesetval->nodeNr > 1;
	xmlXPathFreeObject(found);
	return (char *)text;
}

static const char *read_cid(xmlXPathContext *context, struct enrolment *enrolment)
{
	bool many;
	char *text = value_of(context, "/domain/devices/vsock/cid/@address", &many), *end;
	unsigned long long cid = text ? strtoull(text, &end, 10) : 0;
	bool bad = many || (text && (*end || cid < AZATTEST_CID_MIN || cid > AZATTEST_CID_MAX));

	xmlFree(text);
	enrolment->cid = (uint32_t)cid;
	return bad ? "its vsock device has no CID that can be" : NULL;
}

/* True if it is neither yes nor no; *@value stays if there is none. */
static bool wrong_switch(xmlXPathContext *context, const char *path, bool *value)
{
	bool many;
	char *text = value_of(context, path, &many);
	bool no = text && !strcmp(text, "no"), yes = text && !strcmp(text, "yes");
	bool bad = many || (text && !no && !yes);

	xmlFree(text);
	if (no || yes)
		*value = yes;
	return bad;
}

static const char *read_switches(xmlXPathContext *context, struct enrolment *enrolment)
{
	enrolment->attest = true;
	if (wrong_switch(context, "/domain/metadata/az:vm/@attest", &enrolment->attest))
		return "metadata: attest is neither yes nor no";
	if (wrong_switch(context, "/domain/metadata/az:vm/@rest", &enrolment->rest))
		return "metadata: rest is neither yes nor no";
	return NULL;
}

#define CARD	"/domain/devices/interface[alias/@name='" XML_CARD "']"

/* Another kind of card leads to somebody's network, which the fence is not for. */
static const char *read_card(xmlXPathContext *context, struct enrolment *enrolment)
{
	bool many, bad;
	char *type = value_of(context, CARD "/@type", &many), *tap;
	const char *wrong = many ? "metadata: rest is yes, but several network cards are " XML_CARD :
			    !type ? "metadata: rest is yes, but no network card is " XML_CARD
				    ": azattestctl vm add makes one" :
			    strcmp(type, "ethernet") ? "the network card " XML_CARD
						       " is not of type ethernet" : NULL;

	xmlFree(type);
	if (wrong)
		return wrong;
	tap = value_of(context, CARD "/target/@dev", &many);
	bad = many || !tap || !*tap || strlen(tap) >= sizeof(enrolment->tap);
	if (!bad)
		strcpy(enrolment->tap, tap);
	xmlFree(tap);
	return bad ? "the network card " XML_CARD " has no tap that can be" : NULL;
}

static const char *read_profile(xmlXPathContext *context, struct enrolment *enrolment)
{
	bool many;
	char *text = value_of(context, "/domain/metadata/az:vm/@profile", &many);
	bool bad = many || (text && strlen(text) >= sizeof(enrolment->profile));

	if (text && !bad)
		strcpy(enrolment->profile, text);
	xmlFree(text);
	return bad ? "metadata: the profile is too long" : NULL;
}

const char *xml_read(const char *text, struct enrolment *enrolment)
{
	xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL,
				    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlXPathContext *context = doc ? xmlXPathNewContext(doc) : NULL;
	const char *wrong = "its XML cannot be read";

	memset(enrolment, 0, sizeof(*enrolment));
	if (context && !xmlXPathRegisterNs(context, (const xmlChar *)"az",
					   (const xmlChar *)XML_NAMESPACE)) {
		wrong = read_cid(context, enrolment);
		if (!wrong)
			wrong = read_switches(context, enrolment);
		if (!wrong)
			wrong = read_profile(context, enrolment);
		if (!wrong && enrolment->rest && enrolment->attest)
			wrong = read_card(context, enrolment);
	}
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	return wrong;
}
