// SPDX-License-Identifier: GPL-2.0
// Owns our element of a domain's <metadata>, as far as it is changed: the attribute rest.

#include <userspace/domain/domain.h>
#include <userspace/libvirt/libvirt.h>

#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

#define KEY	"az"	/* the prefix that libvirt writes */
#define EMPTY	"<vm/>"

static bool is_so(const char *element, const char *value)
{
	char *now = xml_value(element, "/*/@rest");
	bool so = value ? now && !strcmp(now, value) : !now;

	free(now);
	return so;
}

/* What the element becomes; NULL in *@text: nothing is left of it. */
static int edit(const char *element, const char *value, char **text)
{
	bool left;

	*text = xml_with(element, "rest", value, &left);
	if (!*text)
		return -1;
	if (!left) {
		free(*text);
		*text = NULL;
	}
	return 0;
}

int metadata_set_rest(virDomainPtr domain, const char *value, unsigned int flags)
{
	char *element = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, XML_NAMESPACE, flags);
	const virError *error = element ? NULL : virGetLastError();
	char *text = NULL;
	int ret = 0;

	if (error && error->code != VIR_ERR_NO_DOMAIN_METADATA)
		return -1;
	if (!is_so(element ?: EMPTY, value)) {
		ret = edit(element ?: EMPTY, value, &text);
		if (!ret)
			ret = virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, text, KEY,
						   XML_NAMESPACE, flags);
		ret = ret ? -1 : 1;
	}
	free(text);
	free(element);
	return ret;
}
