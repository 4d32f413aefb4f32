/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattest-domain, which changes libvirt's domains for azattestctl: with
 * the rights of who runs it and no others, so that azattestctl has no libvirt
 * in its memory and azattest-libvirt only has to look.
 *
 *   main.c     options, and which domains are meant
 *   vsock.c    the vsock device
 *   rest.c     the network card for REST, and the metadata that has it enrolled
 *   device.c   a device in the running domain and in its definition
 *   metadata.c one switch of our element of <metadata>
 *   xml.c      what a domain's XML has
 *
 * It prints a JSON object a line for each domain, for azattestctl: uuid, name,
 * running, live and defined (the device is in the running VM, in the
 * definition), cid (0: none now), restart (what is defined comes with the next
 * start only), changed, the number of the line and of how many, and a sentence:
 * text, or error. A word that no domain has is {"word":WORD,"unknown":true}; a
 * libvirt that cannot be asked {"error":..., "absent":BOOL} and the exit code 3.
 */
#ifndef AZATTEST_DOMAIN_H
#define AZATTEST_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#include <libvirt/libvirt.h>

#define EXIT_FAILED	4	/* a domain was not changed; its line says why */
#define EXIT_NO_LIBVIRT	3

/* One domain, looked at. */
struct domain {
	virDomainPtr handle;
	const char *name;
	char uuid[VIR_UUID_STRING_BUFLEN];
	bool running, persistent;
	char *live;		/* XML; NULL: not running */
	char *defined;		/* XML of its next start; NULL: it has no definition */
	bool dry_run;		/* say what would be done */
	bool one_of_all;	/* nobody has named it */
};

/* What was done, or is. */
struct outcome {
	bool live, defined, restart, changed, failed;
	unsigned int cid;
	char text[600];
};

/* False: gone, or may not be looked at, and the outcome says so. */
bool domain_look(struct domain *d, struct outcome *o);
void domain_forget(struct domain *d);
/* Fills the outcome's sentence; a failure has libvirt's reason behind it. */
void outcome_say(struct outcome *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void outcome_fail(struct outcome *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

typedef void (*work_fn)(struct domain *d, struct outcome *o);

/* vsock.c */
void vsock_show(struct domain *d, struct outcome *o);
void vsock_on(struct domain *d, struct outcome *o);
void vsock_off(struct domain *d, struct outcome *o);

/* rest.c */
void rest_on(struct domain *d, struct outcome *o);
void rest_off(struct domain *d, struct outcome *o);

/* device.c */

struct device {
	const char *path;	/* XPath of its element */
	const char *what;	/* "a vsock device" */
	const char *xml;	/* to be added */
};

/* Whether running domain and definition have it. */
void device_look(const struct domain *d, const struct device *device, struct outcome *o);
/*
 * Brings it into the definition, and into the running domain if that can be;
 * true unless that failed altogether. What is there already stays as it is.
 */
bool device_add(struct domain *d, const struct device *device, struct outcome *o);
bool device_remove(struct domain *d, const struct device *device, struct outcome *o);

/* metadata.c */

/*
 * Sets (value NULL: takes away) the attribute rest of our element, and leaves the
 * others; @flags as virDomainSetMetadata(). 1: changed, 0: it was so, -1.
 */
int metadata_set_rest(virDomainPtr domain, const char *value, unsigned int flags);

/* xml.c */

bool xml_has(const char *text, const char *path);
/* The element as text, or NULL: there is none, or several. */
char *xml_element(const char *text, const char *path);
/* The attribute's value, or NULL. */
char *xml_value(const char *text, const char *path);
/* The element with an attribute set, or without it (value NULL), or NULL; *@left: it has others. */
char *xml_with(const char *element, const char *attribute, const char *value, bool *left);

#endif
