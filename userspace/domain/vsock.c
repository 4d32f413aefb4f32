// SPDX-License-Identifier: GPL-2.0
// Owns "vsock show", "on" and "off": the device by which a guest asks without a network.

#include <userspace/domain/domain.h>

#include <stdlib.h>

#define PATH	"/domain/devices/vsock"

static const struct device vsock = {
	.path = PATH,
	.what = "a vsock device",
	.xml = "<vsock model='virtio'><cid auto='yes'/></vsock>",
};

static unsigned int cid_of(const char *text)
{
	char *value = xml_value(text, PATH "/cid/@address");
	unsigned int cid = value ? (unsigned int)strtoul(value, NULL, 10) : 0;

	free(value);
	return cid;
}

void vsock_show(struct domain *d, struct outcome *o)
{
	device_look(d, &vsock, o);
	o->restart = d->running && d->persistent && o->live != o->defined;
	o->cid = cid_of(d->live);
	outcome_say(o, "%s", o->live || o->defined ? "has a vsock device" : "has no vsock device");
}

/* libvirt chose the CID. */
static void look_again(const struct domain *d, struct outcome *o)
{
	char *text = d->running ? virDomainGetXMLDesc(d->handle, 0) : NULL;

	o->cid = cid_of(text);
	free(text);
}

void vsock_on(struct domain *d, struct outcome *o)
{
	device_add(d, &vsock, o);
	look_again(d, o);
}

void vsock_off(struct domain *d, struct outcome *o)
{
	device_remove(d, &vsock, o);
	look_again(d, o);
}
