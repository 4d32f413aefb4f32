// SPDX-License-Identifier: GPL-2.0
// Owns "rest on" and "off": a domain's network card that leads to its host alone, and that it is enrolled by.

#include <userspace/domain/domain.h>
#include <userspace/libvirt/libvirt.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

#define CARD_PATH	"/domain/devices/interface[alias/@name='" XML_CARD "']"
#define OTHER_MODEL	"(/domain/devices/interface/model/@type)[1]"
#define MODEL		"virtio"
#define ATTEST		"/domain/metadata/*[local-name()='vm' and namespace-uri()='" XML_NAMESPACE "']/@attest"

/* FNV-1a. Tap and MAC are the VM's own, and the same wherever and however often it starts. */
static uint64_t hash(const char *uuid)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *uuid; uuid++)
		h = (h ^ (unsigned char)*uuid) * 0x100000001b3;
	return h;
}

/* A guest that has a driver for its other card has one for this; only a name gets into the XML. */
static void choose_model(const struct domain *d, char model[32])
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	char *other = xml_value(d->defined ?: d->live, OTHER_MODEL);
	bool good = other && *other && strlen(other) < 32 && strspn(other, set) == strlen(other);

	strcpy(model, good ? other : MODEL);
	free(other);
}

static void print_card(const struct domain *d, char *text, size_t size)
{
	uint64_t h = hash(d->uuid);
	char model[32];

	choose_model(d, model);
	snprintf(text, size, "<interface type='ethernet'><mac address='52:54:00:%02x:%02x:%02x'/>"
		 "<target dev='azt%012llx'/><model type='%s'/><alias name='" XML_CARD "'/></interface>",
		 (unsigned int)(h >> 56) & 255, (unsigned int)(h >> 48) & 255, (unsigned int)(h >> 40) & 255,
		 (unsigned long long)(h & 0xffffffffffff), model);
}

static bool foreign(const char *text)
{
	char *type = xml_value(text, CARD_PATH "/@type");
	bool other = type && strcmp(type, "ethernet");

	free(type);
	return other;
}

/* False after a failure, which the outcome says. */
static bool set(struct domain *d, const char *value, unsigned int flags, struct outcome *o)
{
	int ret = metadata_set_rest(d->handle, value, flags);

	if (ret < 0)
		outcome_fail(o, "its metadata cannot be changed: %s", virGetLastErrorMessage());
	else if (ret)
		o->changed = true;
	return ret >= 0;
}

/* azattest-libvirt follows the running domain's metadata: that comes when the card is there. */
static void enrol(struct domain *d, struct outcome *o)
{
	if (d->persistent && !set(d, "yes", VIR_DOMAIN_AFFECT_CONFIG, o))
		return;
	if (d->running && o->live && !set(d, "yes", VIR_DOMAIN_AFFECT_LIVE, o))
		return;
	if (o->live)
		outcome_say(o, o->changed ? "has a network card for REST: azattest-libvirt enrols it" :
			    "has its network card for REST, and its metadata says so");
	else if (!o->restart)
		outcome_say(o, "has a network card for REST in its definition: it is enrolled when it starts");
}

static bool says_no(const char *text)
{
	char *attest = xml_value(text, ATTEST);
	bool no = attest && !strcmp(attest, "no");

	free(attest);
	return no;
}

/* azattest-libvirt gives it nothing, whatever card it has: who is meant with all the others is left alone. */
static bool opted_out(const struct domain *d, struct outcome *o)
{
	if (!says_no(d->live) && !says_no(d->defined))
		return false;
	if (d->one_of_all)
		outcome_say(o, "left alone: its metadata says attest='no'");
	else
		outcome_fail(o, "its metadata says attest='no': edit that first: virsh metadata %s "
			     XML_NAMESPACE " --key az --edit --%s", d->uuid,
			     says_no(d->defined) ? "config" : "live");
	return true;
}

void rest_on(struct domain *d, struct outcome *o)
{
	char card[300];
	struct device device = { CARD_PATH, "a network card for REST", card };

	if (opted_out(d, o))
		return;
	if (foreign(d->live) || foreign(d->defined)) {
		outcome_fail(o, "its network card " XML_CARD " is not of type ethernet: remove that card, "
			     "or give it another alias");
		return;
	}
	print_card(d, card, sizeof(card));
	if (device_add(d, &device, o) && !d->dry_run)
		enrol(d, o);
}

/* The metadata first: what is not enrolled may keep its card until the guest lets it go. */
void rest_off(struct domain *d, struct outcome *o)
{
	static const struct device device = { CARD_PATH, "a network card for REST", NULL };

	if (!d->dry_run && ((d->running && !set(d, NULL, VIR_DOMAIN_AFFECT_LIVE, o)) ||
			    (d->persistent && !set(d, NULL, VIR_DOMAIN_AFFECT_CONFIG, o))))
		return;
	device_remove(d, &device, o);
}
