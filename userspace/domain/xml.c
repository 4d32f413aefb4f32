// SPDX-License-Identifier: GPL-2.0
// Owns the reading of XML that libvirt printed: elements, values, one attribute changed.

#include <userspace/domain/domain.h>

#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xpath.h>

static xmlDoc *parse(const char *text)
{
	return xmlReadMemory(text, (int)strlen(text), NULL, NULL,
			     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

static char *print_node(xmlDoc *doc, xmlNode *node)
{
	xmlBuffer *buffer = xmlBufferCreate();
	char *text = NULL;

	if (buffer && xmlNodeDump(buffer, doc, node, 0, 0) > 0)
		text = strdup((const char *)xmlBufferContent(buffer));
	xmlBufferFree(buffer);
	return text;
}

static char *print_content(xmlDoc *doc, xmlNode *node)
{
	xmlChar *content = xmlNodeGetContent(node);
	char *text = content ? strdup((const char *)content) : NULL;

	(void)doc;
	xmlFree(content);
	return text;
}

/* What @print makes of the one node; *@count: how many there are. */
static char *find(const char *text, const char *path, int *count,
		  char *(*print)(xmlDoc *doc, xmlNode *node))
{
	xmlDoc *doc = text ? parse(text) : NULL;
	xmlXPathContext *context = doc ? xmlXPathNewContext(doc) : NULL;
	xmlXPathObject *found = context ? xmlXPathEval((const xmlChar *)path, context) : NULL;
	char *out = NULL;

	*count = found && found->nodesetval ? found->nodesetval->nodeNr : 0;
	if (*count == 1)
		out = print(doc, found->nodesetval->nodeTab[0]);
	xmlXPathFreeObject(found);
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	return out;
}

bool xml_has(const char *text, const char *path)
{
	int count;

	free(find(text, path, &count, print_content));
	return count;
}

char *xml_element(const char *text, const char *path)
{
	int count;

	return find(text, path, &count, print_node);
}

char *xml_value(const char *text, const char *path)
{
	int count;

	return find(text, path, &count, print_content);
}

char *xml_with(const char *element, const char *attribute, const char *value, bool *left)
{
	xmlDoc *doc = parse(element);
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	char *text = NULL;

	*left = false;
	if (root) {
		if (value)
			xmlSetProp(root, (const xmlChar *)attribute, (const xmlChar *)value);
		else
			xmlUnsetProp(root, (const xmlChar *)attribute);
		*left = root->properties || root->children;
		text = print_node(doc, root);
	}
	xmlFreeDoc(doc);
	return text;
}
