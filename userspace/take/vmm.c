// SPDX-License-Identifier: GPL-2.0
// Owns what a VMM's command line says of its VM: QEMU's -uuid and guest-cid.

#include <userspace/take/take.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <uuid/uuid.h>

#define DEVICE	"vhost-vsock"
#define CID	"guest-cid"

static void read_uuid(struct vmm *vmm, const char *text)
{
	if (vmm->has_uuid || uuid_parse(text, vmm->uuid))
		vmm->bad = true;
	vmm->has_uuid = true;
}

/* Both of QEMU's ways to write it: guest-cid=42 and "guest-cid":42. */
static void read_cid(struct vmm *vmm, const char *device)
{
	const char *value = strstr(device, CID);
	unsigned long long cid;
	char *end;

	if (!value)
		return;
	value += strlen(CID);
	value += strspn(value, "\": =");
	cid = isdigit((unsigned char)*value) ? strtoull(value, &end, 0) : 0;
	if (cid < AZATTEST_CID_MIN || cid > AZATTEST_CID_MAX || !strchr(",} ", *end) ||
	    vmm->cid || strstr(end, CID))
		vmm->bad = true;
	else
		vmm->cid = (uint32_t)cid;
}

void vmm_read(struct vmm *vmm, const char *words, size_t length)
{
	const char *end = words + length, *before = "";

	memset(vmm, 0, sizeof(*vmm));
	/* A last word that is cut off is none. */
	while (words < end && memchr(words, 0, (size_t)(end - words))) {
		if (!strcmp(before, "-uuid") || !strcmp(before, "--uuid"))
			read_uuid(vmm, words);
		if ((!strcmp(before, "-device") || !strcmp(before, "--device")) &&
		    strstr(words, DEVICE))
			read_cid(vmm, words);
		before = words;
		words += strlen(words) + 1;
	}
}
