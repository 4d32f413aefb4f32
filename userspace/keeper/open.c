// SPDX-License-Identifier: GPL-2.0
// Owns how wrapping keys come into this process: from the TPM, a credential or a file, or new.

#include "keeper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <userspace/common/common.h>
#include <userspace/common/ownfile.h>

#define CREDENTIAL_MIN	16
#define CREDENTIAL_MAX	4096

/* The TPM is asked only if need be, and only once if it is not there. */
struct tpm_door {
	struct seal_tpm *tpm;
	int error;
	char why[KEEPER_WHY_MAX];
};

static struct seal_tpm *reach_tpm(struct tpm_door *door, const struct keeper_setup *setup)
{
	if (!door->tpm && !door->error)
		door->error = seal_tpm_open(&door->tpm, setup->tcti, door->why, sizeof(door->why));
	return door->tpm;
}

/* The credential is any text: the key is what it makes of this id. */
static int use_credential(const char *path, const uint8_t id[SEAL_ID_LEN],
			  uint8_t key[SEAL_KEY_LEN], char *why)
{
	char *text = OPENSSL_zalloc(CREDENTIAL_MAX);
	unsigned int made = SEAL_KEY_LEN;
	int length = -ENOMEM;

	if (text && *path)
		length = ownfile_read(path, OWNFILE_SECRET, 0, text, CREDENTIAL_MAX, why,
				      KEEPER_WHY_MAX);
	else
		snprintf(why, KEEPER_WHY_MAX, "the key was wrapped by the credential azattest-key, which "
			 "the service manager does not give: give it again (LoadCredentialEncrypted=), or "
			 "run \"azattestctl sync\" for a new key");
	if (length >= 0 && length < CREDENTIAL_MIN) {
		snprintf(why, KEEPER_WHY_MAX, "%s: shorter than %d bytes: too short to guard a key", path,
			 CREDENTIAL_MIN);
		length = -EINVAL;
	}
	if (length >= 0 && !HMAC(EVP_sha256(), text, length, id, SEAL_ID_LEN, key, &made))
		length = -EIO;
	OPENSSL_clear_free(text, CREDENTIAL_MAX);
	return length < 0 ? length : 0;
}

static int open_host_key(const struct seal_kek *kek, const struct keeper_setup *setup,
			 uint8_t key[SEAL_KEY_LEN], char *why)
{
	if (kek->credential)
		return use_credential(setup->credential, kek->id, key, why);
	memcpy(key, kek->key, SEAL_KEY_LEN);
	return 0;
}

static int open_tpm(const struct seal_kek *kek, const struct keeper_setup *setup,
		    struct tpm_door *door, uint8_t key[SEAL_KEY_LEN], char *why)
{
	struct seal_tpm *tpm = reach_tpm(door, setup);

	if (tpm)
		return seal_tpm_unseal(tpm, kek, key, why, KEEPER_WHY_MAX);
	snprintf(why, KEEPER_WHY_MAX, "the key is sealed by the TPM, and: %.300s", door->why);
	return door->error;
}

static int read_kek(int fd, struct seal_kek *kek)
{
	uint8_t *bytes = OPENSSL_malloc(SEAL_KEK_MAX + 1);
	ssize_t length = bytes ? read(fd, bytes, SEAL_KEK_MAX + 1) : -1;
	int ret = length < 0 ? -EIO : seal_kek_read(kek, bytes, (size_t)length);

	OPENSSL_clear_free(bytes, SEAL_KEK_MAX + 1);
	close(fd);
	return ret;
}

/* A file into the next place; @kek is what it says. */
static int open_one(struct keeper *keeper, const struct keeper_setup *setup, int fd,
		    struct tpm_door *door, struct seal_kek *kek, char *why)
{
	struct keeper_key *key = &keeper->key[keeper->keys];
	int ret = read_kek(fd, kek);

	if (ret) {
		snprintf(why, KEEPER_WHY_MAX, "the wrapping key is damaged: restore it, or run "
			 "\"azattestctl sync\" for a new key");
		return ret;
	}
	if (kek->level == SEAL_TPM)
		ret = open_tpm(kek, setup, door, key->key, why);
	else
		ret = open_host_key(kek, setup, key->key, why);
	memcpy(key->id, kek->id, sizeof(key->id));
	if (!ret)
		keeper->keys++;
	return ret;
}

/* Whether it is what would be made now. */
static bool fits(const struct seal_kek *kek, enum seal_level level,
		 const struct keeper_setup *setup)
{
	if (kek->level != level)
		return false;
	return level == SEAL_TPM ? kek->pcrs == setup->pcrs :
		kek->credential == !!*setup->credential;
}

/* The level of new blobs; @why says why it is not better. */
static enum seal_level choose_level(const struct keeper_setup *setup, struct tpm_door *door,
				    char *why)
{
	if (setup->level != SEAL_AUTO)
		return setup->level;
	if (reach_tpm(door, setup))
		return SEAL_TPM;
	snprintf(why, KEEPER_WHY_MAX, "%.300s", door->why);
	return SEAL_HOST_KEY;
}

static int make_host_key(struct seal_kek *kek, const struct keeper_setup *setup,
			 uint8_t key[SEAL_KEY_LEN], char *why)
{
	kek->level = SEAL_HOST_KEY;
	kek->credential = *setup->credential;
	if (kek->credential)
		return use_credential(setup->credential, kek->id, key, why);
	memcpy(kek->key, key, SEAL_KEY_LEN);
	return 0;
}

static int make_tpm(struct seal_kek *kek, const struct keeper_setup *setup, struct tpm_door *door,
		    const uint8_t key[SEAL_KEY_LEN], char *why)
{
	struct seal_tpm *tpm = reach_tpm(door, setup);

	kek->pcrs = setup->pcrs;
	if (tpm)
		return seal_tpm_seal(tpm, kek, key, why, KEEPER_WHY_MAX);
	snprintf(why, KEEPER_WHY_MAX, "%.300s", door->why);
	return door->error;
}

static int write_kek(const struct seal_kek *kek, char *why)
{
	uint8_t *bytes = OPENSSL_malloc(SEAL_KEK_MAX);
	size_t length = bytes ? seal_kek_write(kek, bytes) : 0;
	int ret = length ? setup_write_bytes(KEEPER_FD_NEW, bytes, length) : -EIO;

	if (!ret && fsync(KEEPER_FD_NEW))
		ret = -errno;
	OPENSSL_clear_free(bytes, SEAL_KEK_MAX);
	if (ret)
		snprintf(why, KEEPER_WHY_MAX, "the wrapping key cannot be written: %s", strerror(-ret));
	return ret;
}

static int refuse_new(const struct keeper_setup *setup, char *why)
{
	snprintf(why, KEEPER_WHY_MAX, "a new wrapping key is needed, and the state directory cannot be "
		 "written: %s: mend that disk", strerror((int)setup->no_file));
	return -(int)setup->no_file;
}

static int make_one(struct keeper *keeper, const struct keeper_setup *setup,
		    struct tpm_door *door, enum seal_level level, char *why)
{
	struct keeper_key *key = &keeper->key[keeper->keys];
	struct seal_kek *kek = OPENSSL_zalloc(sizeof(*kek));
	int ret = -EIO;

	if (kek && RAND_priv_bytes(key->key, sizeof(key->key)) == 1) {
		memcpy(key->id, setup->id, sizeof(key->id));
		memcpy(kek->id, setup->id, sizeof(kek->id));
		ret = level == SEAL_TPM ? make_tpm(kek, setup, door, key->key, why) :
			make_host_key(kek, setup, key->key, why);
	}
	if (!ret)
		ret = write_kek(kek, why);
	if (!ret)
		keeper->current = (int)keeper->keys++;
	OPENSSL_clear_free(kek, sizeof(*kek));
	return ret;
}

/* What must open does, or nothing is used; what else opens, all the better. */
static int open_all(struct keeper *keeper, const struct keeper_setup *setup,
		    struct tpm_door *door, enum seal_level level, struct keeper_report *report)
{
	struct seal_kek *kek = OPENSSL_zalloc(sizeof(*kek));
	char why[KEEPER_WHY_MAX];
	int ret = kek ? 0 : -ENOMEM;

	for (uint32_t i = 0; !ret && i < setup->count; i++) {
		int one = open_one(keeper, setup, KEEPER_FD_KEKS + (int)i, door, kek, why);

		/* What would be sealed now could not be unsealed after the next boot. */
		if (one && (i < setup->required || one == -EALREADY)) {
			memcpy(report->why, why, sizeof(why));
			ret = one;
		}
		if (one)
			continue;
		report->opened |= 1u << i;
		if (keeper->current < 0 && fits(kek, level, setup))
			keeper->current = (int)keeper->keys - 1;
	}
	OPENSSL_clear_free(kek, sizeof(*kek));
	return ret;
}

static int refuse_level(const struct keeper_setup *setup, enum seal_level level, char *why)
{
	char reason[KEEPER_WHY_MAX];

	snprintf(reason, sizeof(reason), "%s", why);
	snprintf(why, KEEPER_WHY_MAX, "require-level is %s and only %s works here (%.200s): mend that, or "
		 "lower [key] require-level", seal_levels[setup->require], seal_levels[level], reason);
	return -EPERM;
}

static int extend(const struct keeper_setup *setup, struct tpm_door *door, char *why)
{
	if (setup->extend == KEEPER_NO_EXTEND || !door->tpm)
		return 0;
	return seal_tpm_extend(door->tpm, setup->extend, why, KEEPER_WHY_MAX);
}

int open_keys(struct keeper *keeper, const struct keeper_setup *setup,
	      struct keeper_report *report)
{
	struct tpm_door door = { 0 };
	enum seal_level level = choose_level(setup, &door, report->why);
	int ret;

	keeper->current = -1;
	ret = level < setup->require ? refuse_level(setup, level, report->why) :
		open_all(keeper, setup, &door, level, report);
	if (!ret && level != SEAL_FILE && keeper->current < 0) {
		ret = setup->no_file ? refuse_new(setup, report->why) :
			make_one(keeper, setup, &door, level, report->why);
		report->made = !ret;
	}
	close(KEEPER_FD_NEW);
	if (!ret && level == SEAL_TPM)
		ret = extend(setup, &door, report->why);
	if (door.tpm)
		seal_tpm_close(door.tpm);
	report->level = level;
	if (keeper->current >= 0)
		memcpy(report->id, keeper->key[keeper->current].id, SEAL_ID_LEN);
	return ret;
}
