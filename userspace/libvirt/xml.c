// SPDX-License-Identifier: GPL-2.0
// Owns what a domain's live XML says: its CID, and the wishes in its metadata.

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

static const char *read_attest(xmlXPathContext *context, struct enrolment *enrolment)
{
	bool many;
	char *text = value_of(context, "/domain/metadata/az:vm/@attest", &many);
	bool no = text && !strcmp(text, "no"), bad = many || (text && !no && strcmp(text, "yes"));

	xmlFree(text);
	enrolment->attest = !no;
	return bad ? "metadata: attest is neither yes nor no" : NULL;
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
			wrong = read_attest(context, enrolment);
		if (!wrong)
			wrong = read_profile(context, enrolment);
	}
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	return wrong;
}
