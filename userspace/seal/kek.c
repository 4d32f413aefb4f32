// SPDX-License-Identifier: GPL-2.0
// Owns the form in which a wrapping key lies on the disk.

#include "seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAGIC	"AZKEK-1\n"

const char *const seal_levels[] = {
	[SEAL_FILE] = "file",
	[SEAL_HOST_KEY] = "host-key",
	[SEAL_TPM] = "tpm",
	[SEAL_AUTO] = "auto",
};

/* A cursor over bytes, for both ways; what does not fit makes it bad for good. */
struct cursor {
	uint8_t *out;
	const uint8_t *in;
	size_t at, size;
	bool bad;
};

static void move_bytes(struct cursor *c, void *field, size_t length)
{
	if (c->bad || length > c->size - c->at || (!c->in && !c->out)) {
		c->bad = true;
		return;
	}
	if (c->out)
		memcpy(c->out + c->at, field, length);
	else
		memcpy(field, c->in + c->at, length);
	c->at += length;
}

static void move_number(struct cursor *c, uint32_t *number)
{
	uint8_t le[4];

	for (int i = 0; i < 4; i++)
		le[i] = (uint8_t)(*number >> 8 * i);
	move_bytes(c, le, sizeof(le));
	*number = (uint32_t)le[0] | (uint32_t)le[1] << 8 | (uint32_t)le[2] << 16 |
		  (uint32_t)le[3] << 24;
}

static void move_part(struct cursor *c, uint16_t *length, uint8_t *bytes, size_t max)
{
	uint32_t number = *length;

	move_number(c, &number);
	if (number > max)
		c->bad = true;
	*length = (uint16_t)number;
	if (!c->bad)
		move_bytes(c, bytes, *length);
}

static void move_tpm(struct cursor *c, struct seal_kek *kek)
{
	move_number(c, &kek->pcrs);
	if (kek->pcrs >> SEAL_PCR_COUNT)
		c->bad = true;
	for (unsigned int i = 0; i < SEAL_PCR_COUNT; i++)
		if (kek->pcrs >> i & 1)
			move_bytes(c, kek->pcr[i], SEAL_PCR_LEN);
	move_bytes(c, kek->parent, sizeof(kek->parent));
	move_part(c, &kek->public_len, kek->public, sizeof(kek->public));
	move_part(c, &kek->private_len, kek->private, sizeof(kek->private));
}

static void move_kek(struct cursor *c, struct seal_kek *kek)
{
	uint8_t magic[8];
	uint32_t level = kek->level, credential = kek->credential;

	memcpy(magic, MAGIC, sizeof(magic));
	move_bytes(c, magic, sizeof(magic));
	move_number(c, &level);
	move_bytes(c, kek->id, sizeof(kek->id));
	if (memcmp(magic, MAGIC, sizeof(magic)) || (level != SEAL_HOST_KEY && level != SEAL_TPM))
		c->bad = true;
	if (c->bad)
		return;
	kek->level = level;
	if (level == SEAL_TPM) {
		move_tpm(c, kek);
		return;
	}
	move_number(c, &credential);
	if (credential > 1)
		c->bad = true;
	kek->credential = credential;
	move_bytes(c, kek->key, sizeof(kek->key));
}

size_t seal_kek_write(const struct seal_kek *kek, uint8_t *out)
{
	struct cursor c = { .out = out, .size = SEAL_KEK_MAX };

	move_kek(&c, (struct seal_kek *)kek);
	return c.bad ? 0 : c.at;
}

int seal_kek_read(struct seal_kek *kek, const uint8_t *bytes, size_t length)
{
	struct cursor c = { .in = bytes, .size = length };

	memset(kek, 0, sizeof(*kek));
	move_kek(&c, kek);
	return c.bad || c.at != length ? -EBADMSG : 0;
}

void seal_folder(const uint8_t id[SEAL_ID_LEN], char name[SEAL_FOLDER_LEN])
{
	strcpy(name, "seal-");
	for (int i = 0; i < SEAL_ID_LEN; i++)
		sprintf(name + 5 + 2 * i, "%02x", id[i]);
}

bool seal_folder_id(const char *name, uint8_t id[SEAL_ID_LEN])
{
	char again[SEAL_FOLDER_LEN];

	if (strncmp(name, "seal-", 5) || strlen(name) != SEAL_FOLDER_LEN - 1)
		return false;
	for (int i = 0; i < SEAL_ID_LEN; i++)
		if (sscanf(name + 5 + 2 * i, "%2hhx", &id[i]) != 1)
			return false;
	seal_folder(id, again);
	return !strcmp(name, again);
}
