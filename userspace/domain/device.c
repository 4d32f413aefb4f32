// SPDX-License-Identifier: GPL-2.0
// Owns one device of a domain: in the running VM where that can be, and in its definition.

#include <userspace/domain/domain.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

void device_look(const struct domain *d, const struct device *device, struct outcome *o)
{
	o->live = xml_has(d->live, device->path);
	o->defined = xml_has(d->defined, device->path);
}

static bool would(const struct domain *d, const struct device *device, struct outcome *o, bool on)
{
	bool live = d->running && o->live != on, defined = d->persistent && o->defined != on;

	o->changed = live || defined;
	if (!o->changed)
		return false;
	outcome_say(o, "%s would be %s the %s%s%s", device->what, on ? "added to" : "taken from",
		    live ? "running VM" : "", live && defined ? " and the " : "",
		    defined ? "definition" : "");
	return true;
}

static void say_as_before(const struct device *device, struct outcome *o, bool on)
{
	if (on)
		outcome_say(o, "has %s", device->what);
	else
		outcome_say(o, "has no %s", strchr(device->what, ' ') + 1);
}

/* What the running VM did not take comes with its next start: 0, or libvirt's reason. */
static bool restart_says(struct domain *d, const struct device *device, struct outcome *o, bool on,
			 const char *reason)
{
	if (!d->persistent) {
		outcome_fail(o, "%s cannot be %s the running VM, and it has no definition: %s", device->what,
			     on ? "added to" : "taken from", reason);
		return false;
	}
	o->restart = true;
	outcome_say(o, "%s is %s its definition only: power the VM off, then start it: %s", device->what,
		    on ? "in" : "out of", reason);
	return true;
}

static bool define(struct domain *d, const struct device *device, struct outcome *o)
{
	if (!d->persistent || o->defined)
		return true;
	if (virDomainAttachDeviceFlags(d->handle, device->xml, VIR_DOMAIN_AFFECT_CONFIG)) {
		outcome_fail(o, "%s cannot be added: %s", device->what, virGetLastErrorMessage());
		return false;
	}
	o->defined = o->changed = true;
	return true;
}

/*
 * The definition first: who has no right to change the domain fails there, so
 * that a running VM's refusal is about its hardware.
 */
bool device_add(struct domain *d, const struct device *device, struct outcome *o)
{
	device_look(d, device, o);
	if (d->dry_run) {
		if (!would(d, device, o, true))
			say_as_before(device, o, true);
		return true;
	}
	if (!define(d, device, o))
		return false;
	if (d->running && !o->live) {
		if (virDomainAttachDeviceFlags(d->handle, device->xml, VIR_DOMAIN_AFFECT_LIVE))
			return restart_says(d, device, o, true, virGetLastErrorMessage());
		o->live = o->changed = true;
	}
	if (!o->changed)
		say_as_before(device, o, true);
	else if (d->running)
		outcome_say(o, "%s was added", device->what);
	else
		outcome_say(o, "%s was added: it is there from the next start on", device->what);
	return true;
}

/* libvirt looks for the very element; gone already is as good. */
static int detach(struct domain *d, const char *text, const char *path, unsigned int flags)
{
	char *element = xml_element(text, path);
	int ret = element ? virDomainDetachDeviceFlags(d->handle, element, flags) : 0;

	free(element);
	return ret;
}

/* A guest lets a device go when it wants to, or never. */
static bool still_there(struct domain *d, const struct device *device)
{
	char *text = virDomainGetXMLDesc(d->handle, 0);
	bool there = text && xml_has(text, device->path);

	free(text);
	return there;
}

static bool unplug(struct domain *d, const struct device *device, struct outcome *o)
{
	if (!d->running || !o->live)
		return true;
	if (detach(d, d->live, device->path, VIR_DOMAIN_AFFECT_LIVE))
		return restart_says(d, device, o, false, virGetLastErrorMessage());
	o->changed = true;
	if (still_there(d, device))
		return restart_says(d, device, o, false, "the guest has not let it go yet");
	o->live = false;
	return true;
}

bool device_remove(struct domain *d, const struct device *device, struct outcome *o)
{
	device_look(d, device, o);
	if (d->dry_run) {
		if (!would(d, device, o, false))
			say_as_before(device, o, false);
		return true;
	}
	if (d->persistent && o->defined) {
		if (detach(d, d->defined, device->path, VIR_DOMAIN_AFFECT_CONFIG)) {
			outcome_fail(o, "%s cannot be taken away: %s", device->what,
				     virGetLastErrorMessage());
			return false;
		}
		o->defined = false;
		o->changed = true;
	}
	if (!unplug(d, device, o))
		return false;
	if (!o->changed)
		say_as_before(device, o, false);
	else if (!o->restart)
		outcome_say(o, "%s was taken away", device->what);
	return true;
}
