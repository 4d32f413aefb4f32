/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keys at rest: a private key is a blob that only its wrapping key opens.
 *
 *   blob.c   the blob: AES-256-GCM under a key of its own
 *   kek.c    the host's wrapping key as it lies on the disk
 *   grant.c  a blob's own key, on its way from azattest-keeper
 *   tpm.c    a wrapping key inside the host's TPM; azattest-keeper alone links it
 *
 *   state directory                            azattest-keeper
 *   seal-ID/kek  {level, PCRs, sealed key} --> wrapping key, once, by the TPM
 *   leaf-N/key.sealed {wrapping key's ID,  --> HMAC(wrapping key, own id): a grant,
 *                      own id, ciphertext}     which opens this blob and no other
 */
#ifndef AZATTEST_SEAL_H
#define AZATTEST_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands between who has the disk and the key; a higher one is better. */
enum seal_level {
	SEAL_FILE,	/* mode 0600 */
	SEAL_HOST_KEY,	/* wrapped by a key in another file, or by a credential */
	SEAL_TPM,	/* wrapped by a key that this host's TPM gives out in one state only */
	SEAL_AUTO,	/* wanted: the best that works */
};

extern const char *const seal_levels[];	/* their names */

#define SEAL_ID_LEN	16
#define SEAL_KEY_LEN	32
#define SEAL_PCR_COUNT	24
#define SEAL_PCR_LEN	32	/* the SHA-256 bank */

/* kek.c */

#define SEAL_KEK_MAX	2048
#define SEAL_PUBLIC_MAX	512
#define SEAL_PRIVATE_MAX	512

/**
 * struct seal_kek - a wrapping key at rest
 * @level:      SEAL_HOST_KEY or SEAL_TPM
 * @pcrs:       TPM: a bit for each PCR that must have its @pcr
 * @id:         its name; random
 * @credential: host key: made of a credential of the service manager's
 * @key:        host key: itself, when it is not made of a credential
 * @parent:     TPM: name of the key that seals it, the same until the TPM is cleared
 * @public, @private: TPM: what TPM2_Create() gave
 */
struct seal_kek {
	enum seal_level level;
	uint32_t pcrs;
	uint8_t id[SEAL_ID_LEN];
	bool credential;
	uint8_t key[SEAL_KEY_LEN];
	uint8_t pcr[SEAL_PCR_COUNT][SEAL_PCR_LEN];
	uint8_t parent[SEAL_PCR_LEN];
	uint16_t public_len, private_len;
	uint8_t public[SEAL_PUBLIC_MAX];
	uint8_t private[SEAL_PRIVATE_MAX];
};

/* Bytes at @out of SEAL_KEK_MAX. */
size_t seal_kek_write(const struct seal_kek *kek, uint8_t *out);
/* -EBADMSG for all that seal_kek_write() does not make. */
int seal_kek_read(struct seal_kek *kek, const uint8_t *bytes, size_t length);
/* "seal-" and the id in hex. */
#define SEAL_FOLDER_LEN	(5 + 2 * SEAL_ID_LEN + 1)
void seal_folder(const uint8_t id[SEAL_ID_LEN], char name[SEAL_FOLDER_LEN]);
/* Whether that is the name of such a folder. */
bool seal_folder_id(const char *name, uint8_t id[SEAL_ID_LEN]);

/* grant.c */

/* What opens or makes one blob. */
struct seal_grant {
	uint8_t kek[SEAL_ID_LEN];	/* whose it is */
	uint8_t id[SEAL_ID_LEN];	/* of the blob */
	uint8_t key[SEAL_KEY_LEN];
};

/* The grant of blob @id under the wrapping key @key. 0 or -EIO. */
int seal_grant_make(struct seal_grant *grant, const uint8_t kek[SEAL_ID_LEN],
		    const uint8_t key[SEAL_KEY_LEN], const uint8_t id[SEAL_ID_LEN]);

/* To azattest-keeper, with the write end of a pipe that the grant goes into. */
struct seal_ask {
	uint8_t kek[SEAL_ID_LEN];	/* zeros: the one that new blobs are to have */
	uint8_t id[SEAL_ID_LEN];	/* zeros: a new one */
};

/* Asks over @keeper; the pipe's read end, for who may have the grant, or -errno. */
int seal_grant_ask(int keeper, const struct seal_ask *ask);
/* 0; -ENOKEY: there was none; -errno. */
int seal_grant_read(int fd, struct seal_grant *grant);

/* blob.c */

struct seal_head {
	uint8_t magic[8];
	uint8_t kek[SEAL_ID_LEN];
	uint8_t id[SEAL_ID_LEN];
	uint8_t nonce[12];
	uint8_t length[4];		/* of what was wrapped; little-endian */
};

#define SEAL_TAG_LEN	16
#define SEAL_EXTRA	(sizeof(struct seal_head) + SEAL_TAG_LEN)

/* Bytes at @out, which has room for @length + SEAL_EXTRA, or -EIO. */
int seal_wrap(const struct seal_grant *grant, const void *plain, size_t length, uint8_t *out);
/* -EBADMSG unless it is a head and as many bytes as that says. */
int seal_peek(const uint8_t *blob, size_t length, struct seal_head *head);
/*
 * Bytes at @plain, which has room for @length. -EBADMSG: damaged, cut, or
 * another's; then @plain has nothing of it.
 */
int seal_open(const struct seal_grant *grant, const uint8_t *blob, size_t length, uint8_t *plain);

/* tpm.c */

struct seal_tpm;

/* @why, of @size bytes, gets the line when something fails. */
int seal_tpm_open(struct seal_tpm **tpm, const char *tcti, char *why, size_t size);
void seal_tpm_close(struct seal_tpm *tpm);
/* Fills @kek, whose id and pcrs are set, with @key sealed to the PCRs as they are. */
int seal_tpm_seal(struct seal_tpm *tpm, struct seal_kek *kek, const uint8_t key[SEAL_KEY_LEN],
		  char *why, size_t size);
/*
 *   -EALREADY it was unsealed in this boot, and seal_tpm_extend() called
 *   -ESTALE   a PCR has changed, or the TPM is another or was cleared
 *   -EBADMSG  the TPM does not take it: damaged
 *   -EIO      the TPM does not do it
 */
int seal_tpm_unseal(struct seal_tpm *tpm, const struct seal_kek *kek, uint8_t key[SEAL_KEY_LEN],
		    char *why, size_t size);
/* After this nobody unseals what has @pcr among its PCRs, until the next boot. */
int seal_tpm_extend(struct seal_tpm *tpm, unsigned int pcr, char *why, size_t size);

#endif
