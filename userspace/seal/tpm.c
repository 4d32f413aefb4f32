// SPDX-License-Identifier: GPL-2.0
// Owns what the host's TPM is asked to do: seal a wrapping key to PCRs, unseal it, extend a PCR.

#include "seal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

/*
 * The parent is the owner hierarchy's standard storage key (P-256), made from
 * its seed each time: nothing is left in the TPM, and after a clear it is
 * another. Sessions are salted with it and encrypt what is secret on its way,
 * so that who taps the bus reads nothing.
 */
struct seal_tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR parent;
	uint8_t parent_name[SEAL_PCR_LEN];
};

static const TPM2B_PUBLIC parent_template = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
			TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
			TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
		.parameters.eccDetail = {
			.symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128,
				       .mode.aes = TPM2_ALG_CFB },
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
	},
};

static const TPMT_SYM_DEF session_cipher = {
	.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB,
};

__attribute__((format(printf, 3, 4)))
static void say(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
}

/* The number without the bits that say which parameter it is about. */
static TSS2_RC bare(TSS2_RC rc)
{
	return rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc & 0xffff;
}

static int failed(TSS2_RC rc, const char *what, char *why, size_t size)
{
	if (bare(rc) == TPM2_RC_LOCKOUT)
		say(why, size, "TPM: %s: it is in dictionary lockout: wait until that is over, or end it "
		    "with \"tpm2_dictionarylockout --clear-lockout\"", what);
	else if (bare(rc) == TPM2_RC_BAD_AUTH || bare(rc) == TPM2_RC_AUTH_FAIL)
		say(why, size, "TPM: %s: its owner hierarchy has a password, which azattest does not "
		    "have: empty it (tpm2_changeauth -c owner), or set level = host-key", what);
	else
		say(why, size, "TPM: %s: %s (0x%x)", what, Tss2_RC_Decode(rc), rc);
	return -EIO;
}

static int make_parent(struct seal_tpm *tpm, char *why, size_t size)
{
	const TPM2B_SENSITIVE_CREATE empty = { 0 };
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION none = { 0 };
	TPM2B_NAME *name = NULL;
	TSS2_RC rc;

	rc = Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				ESYS_TR_NONE, &empty, &parent_template, &outside, &none,
				&tpm->parent, NULL, NULL, NULL, NULL);
	if (!rc)
		rc = Esys_TR_GetName(tpm->esys, tpm->parent, &name);
	if (rc)
		return failed(rc, "its storage key cannot be made", why, size);
	SHA256(name->name, name->size, tpm->parent_name);
	Esys_Free(name);
	return 0;
}

/* A path that is not there has a plainer name than the library's for it. */
static int no_tpm(const char *tcti, TSS2_RC rc, char *why, size_t size)
{
	const char *path = strncmp(tcti, "device:", 7) ? NULL : tcti + 7;

	if (path && access(path, R_OK | W_OK))
		say(why, size, "no TPM: %s: %s", path, strerror(errno));
	else
		say(why, size, "no TPM: %s: does not answer (0x%x)", tcti, rc);
	return -ENODEV;
}

int seal_tpm_open(struct seal_tpm **out, const char *tcti, char *why, size_t size)
{
	struct seal_tpm *tpm = calloc(1, sizeof(*tpm));
	TSS2_RC rc;
	int ret;

	if (!tpm)
		return -ENOMEM;
	tpm->parent = ESYS_TR_NONE;
	rc = Tss2_TctiLdr_Initialize(tcti, &tpm->tcti);
	if (!rc)
		rc = Esys_Initialize(&tpm->esys, tpm->tcti, NULL);
	ret = rc ? no_tpm(tcti, rc, why, size) : make_parent(tpm, why, size);
	if (ret)
		seal_tpm_close(tpm);
	else
		*out = tpm;
	return ret;
}

void seal_tpm_close(struct seal_tpm *tpm)
{
	if (tpm->parent != ESYS_TR_NONE)
		Esys_FlushContext(tpm->esys, tpm->parent);
	Esys_Finalize(&tpm->esys);
	Tss2_TctiLdr_Finalize(&tpm->tcti);
	free(tpm);
}

/* PCRs */

static TPML_PCR_SELECTION select_pcrs(uint32_t pcrs)
{
	TPML_PCR_SELECTION selection = {
		.count = 1,
		.pcrSelections[0] = {
			.hash = TPM2_ALG_SHA256, .sizeofSelect = 3,
			.pcrSelect = { pcrs & 0xff, pcrs >> 8 & 0xff, pcrs >> 16 & 0xff },
		},
	};

	return selection;
}

/* One at a time: the TPM may give fewer than it is asked for. */
static int read_pcr(struct seal_tpm *tpm, unsigned int number, uint8_t value[SEAL_PCR_LEN],
		    char *why, size_t size)
{
	TPML_PCR_SELECTION one = select_pcrs(1u << number);
	TPML_DIGEST *values = NULL;
	TSS2_RC rc;
	bool there;

	rc = Esys_PCR_Read(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &one, NULL, NULL,
			   &values);
	if (rc)
		return failed(rc, "its PCRs cannot be read", why, size);
	there = values->count == 1 && values->digests[0].size == SEAL_PCR_LEN;
	if (there)
		memcpy(value, values->digests[0].buffer, SEAL_PCR_LEN);
	else
		say(why, size, "TPM: it has no SHA-256 bank of PCRs: allocate it in the firmware, or "
		    "set level = host-key");
	Esys_Free(values);
	return there ? 0 : -EIO;
}

static int read_pcrs(struct seal_tpm *tpm, uint32_t pcrs, uint8_t pcr[][SEAL_PCR_LEN], char *why,
		     size_t size)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < SEAL_PCR_COUNT; i++)
		if (pcrs >> i & 1)
			ret = read_pcr(tpm, i, pcr[i], why, size);
	return ret;
}

static TPM2B_DIGEST digest_pcrs(uint32_t pcrs, const uint8_t pcr[][SEAL_PCR_LEN])
{
	uint8_t values[SEAL_PCR_COUNT * SEAL_PCR_LEN];
	TPM2B_DIGEST digest = { .size = SEAL_PCR_LEN };
	size_t length = 0;

	for (unsigned int i = 0; i < SEAL_PCR_COUNT; i++) {
		if (!(pcrs >> i & 1))
			continue;
		memcpy(values + length, pcr[i], SEAL_PCR_LEN);
		length += SEAL_PCR_LEN;
	}
	SHA256(values, length, digest.buffer);
	return digest;
}

/* sessions */

static int open_session(struct seal_tpm *tpm, TPM2_SE type, ESYS_TR *session, char *why,
			size_t size)
{
	TSS2_RC rc;

	rc = Esys_StartAuthSession(tpm->esys, tpm->parent, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, ESYS_TR_NONE, NULL, type, &session_cipher,
				   TPM2_ALG_SHA256, session);
	if (rc) {
		*session = ESYS_TR_NONE;
		return failed(rc, "no session", why, size);
	}
	Esys_TRSess_SetAttributes(tpm->esys, *session, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT |
				  TPMA_SESSION_CONTINUESESSION, 0xff);
	return 0;
}

static void flush(struct seal_tpm *tpm, ESYS_TR handle)
{
	if (handle != ESYS_TR_NONE)
		Esys_FlushContext(tpm->esys, handle);
}

/* Of a policy that PCRs have the values that we read: a trial does not look itself. */
static int make_policy(struct seal_tpm *tpm, const struct seal_kek *kek, TPM2B_DIGEST *policy,
		       char *why, size_t size)
{
	TPML_PCR_SELECTION selection = select_pcrs(kek->pcrs);
	TPM2B_DIGEST digest = digest_pcrs(kek->pcrs, kek->pcr), *made = NULL;
	ESYS_TR session;
	TSS2_RC rc;
	int ret = open_session(tpm, TPM2_SE_TRIAL, &session, why, size);

	if (ret)
		return ret;
	rc = Esys_PolicyPCR(tpm->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest,
			    &selection);
	if (!rc)
		rc = Esys_PolicyGetDigest(tpm->esys, session, ESYS_TR_NONE, ESYS_TR_NONE,
					  ESYS_TR_NONE, &made);
	if (rc)
		ret = failed(rc, "no policy", why, size);
	else
		*policy = *made;
	Esys_Free(made);
	flush(tpm, session);
	return ret;
}

/* sealing */

static int keep_object(struct seal_kek *kek, const TPM2B_PRIVATE *private,
		       const TPM2B_PUBLIC *public)
{
	size_t public_len = 0, private_len = 0;

	if (Tss2_MU_TPM2B_PUBLIC_Marshal(public, kek->public, sizeof(kek->public), &public_len) ||
	    Tss2_MU_TPM2B_PRIVATE_Marshal(private, kek->private, sizeof(kek->private),
					  &private_len))
		return -EIO;
	kek->public_len = (uint16_t)public_len;
	kek->private_len = (uint16_t)private_len;
	return 0;
}

static int create(struct seal_tpm *tpm, struct seal_kek *kek, const uint8_t key[SEAL_KEY_LEN],
		  const TPM2B_DIGEST *policy, char *why, size_t size)
{
	TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_KEYEDHASH, .nameAlg = TPM2_ALG_SHA256,
			/* By the policy alone, and never a reason for lockout. */
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				TPMA_OBJECT_NODA,
			.authPolicy = *policy,
			.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL,
		},
	};
	TPM2B_SENSITIVE_CREATE secret = { .sensitive.data.size = SEAL_KEY_LEN };
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION none = { 0 };
	TPM2B_PRIVATE *private = NULL;
	TPM2B_PUBLIC *public = NULL;
	ESYS_TR session;
	TSS2_RC rc;
	int ret = open_session(tpm, TPM2_SE_HMAC, &session, why, size);

	if (ret)
		return ret;
	memcpy(secret.sensitive.data.buffer, key, SEAL_KEY_LEN);
	rc = Esys_Create(tpm->esys, tpm->parent, session, ESYS_TR_NONE, ESYS_TR_NONE, &secret,
			 &template, &outside, &none, &private, &public, NULL, NULL, NULL);
	OPENSSL_cleanse(&secret, sizeof(secret));
	if (rc || keep_object(kek, private, public))
		ret = failed(rc, "it does not seal", why, size);
	Esys_Free(private);
	Esys_Free(public);
	flush(tpm, session);
	return ret;
}

int seal_tpm_seal(struct seal_tpm *tpm, struct seal_kek *kek, const uint8_t key[SEAL_KEY_LEN],
		  char *why, size_t size)
{
	TPM2B_DIGEST policy;
	int ret = read_pcrs(tpm, kek->pcrs, kek->pcr, why, size);

	kek->level = SEAL_TPM;
	memcpy(kek->parent, tpm->parent_name, sizeof(kek->parent));
	if (!ret)
		ret = make_policy(tpm, kek, &policy, why, size);
	if (!ret)
		ret = create(tpm, kek, key, &policy, why, size);
	return ret;
}

/* unsealing */

/* What seal_tpm_extend() does to a PCR: that is told apart from other changes. */
static const uint8_t extension[SEAL_PCR_LEN] = "azattest: unsealed in this boot";

static bool is_extended(const uint8_t before[SEAL_PCR_LEN], const uint8_t now[SEAL_PCR_LEN])
{
	uint8_t both[2 * SEAL_PCR_LEN], digest[SEAL_PCR_LEN];

	memcpy(both, before, SEAL_PCR_LEN);
	memcpy(both + SEAL_PCR_LEN, extension, SEAL_PCR_LEN);
	SHA256(both, sizeof(both), digest);
	return !memcmp(digest, now, sizeof(digest));
}

/* The TPM would refuse too, but only we can tell which one it is. */
static int compare_pcrs(struct seal_tpm *tpm, const struct seal_kek *kek, char *why, size_t size)
{
	uint8_t now[SEAL_PCR_COUNT][SEAL_PCR_LEN];
	int ret = read_pcrs(tpm, kek->pcrs, now, why, size);

	for (unsigned int i = 0; !ret && i < SEAL_PCR_COUNT; i++) {
		if (!(kek->pcrs >> i & 1) || !memcmp(now[i], kek->pcr[i], SEAL_PCR_LEN))
			continue;
		ret = is_extended(kek->pcr[i], now[i]) ? -EALREADY : -ESTALE;
		if (ret == -EALREADY)
			say(why, size, "the key was unsealed once in this boot, then PCR %u was extended "
			    "(extend-pcr-after-unseal): reboot", i);
		else
			say(why, size, "PCR %u has changed since the key was sealed: boot as before, or, if "
			    "the change is yours, run \"azattestctl sync\" for a new key", i);
	}
	return ret;
}

static int load(struct seal_tpm *tpm, const struct seal_kek *kek, ESYS_TR *object, char *why,
		size_t size)
{
	TPM2B_PUBLIC public = { 0 };
	TPM2B_PRIVATE private = { 0 };
	size_t public_at = 0, private_at = 0;
	TSS2_RC rc;

	rc = Tss2_MU_TPM2B_PUBLIC_Unmarshal(kek->public, kek->public_len, &public_at, &public);
	if (!rc)
		rc = Tss2_MU_TPM2B_PRIVATE_Unmarshal(kek->private, kek->private_len, &private_at,
						     &private);
	if (!rc)
		rc = Esys_Load(tpm->esys, tpm->parent, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
			       &private, &public, object);
	if (!rc)
		return 0;
	*object = ESYS_TR_NONE;
	say(why, size, "the TPM does not take the sealed key, it is damaged (0x%x): restore it, or run "
	    "\"azattestctl sync\" for a new one", rc);
	return -EBADMSG;
}

static int unseal(struct seal_tpm *tpm, const struct seal_kek *kek, ESYS_TR object,
		  uint8_t key[SEAL_KEY_LEN], char *why, size_t size)
{
	TPML_PCR_SELECTION selection = select_pcrs(kek->pcrs);
	const TPM2B_DIGEST whatever = { 0 };
	TPM2B_SENSITIVE_DATA *data = NULL;
	ESYS_TR session;
	TSS2_RC rc;
	int ret = open_session(tpm, TPM2_SE_POLICY, &session, why, size);

	if (ret)
		return ret;
	rc = Esys_PolicyPCR(tpm->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &whatever,
			    &selection);
	if (!rc)
		rc = Esys_Unseal(tpm->esys, object, session, ESYS_TR_NONE, ESYS_TR_NONE, &data);
	if (rc || data->size != SEAL_KEY_LEN)
		ret = failed(rc, "it does not unseal", why, size);
	else
		memcpy(key, data->buffer, SEAL_KEY_LEN);
	if (data)
		OPENSSL_cleanse(data, sizeof(*data));
	Esys_Free(data);
	flush(tpm, session);
	return ret;
}

int seal_tpm_unseal(struct seal_tpm *tpm, const struct seal_kek *kek, uint8_t key[SEAL_KEY_LEN],
		    char *why, size_t size)
{
	ESYS_TR object = ESYS_TR_NONE;
	int ret;

	if (memcmp(kek->parent, tpm->parent_name, sizeof(kek->parent))) {
		say(why, size, "the key was sealed by another TPM, or this one was cleared: run "
		    "\"azattestctl sync\" for a new key");
		return -ESTALE;
	}
	ret = compare_pcrs(tpm, kek, why, size);
	if (!ret)
		ret = load(tpm, kek, &object, why, size);
	if (!ret)
		ret = unseal(tpm, kek, object, key, why, size);
	flush(tpm, object);
	return ret;
}

int seal_tpm_extend(struct seal_tpm *tpm, unsigned int pcr, char *why, size_t size)
{
	TPML_DIGEST_VALUES values = {
		.count = 1, .digests[0].hashAlg = TPM2_ALG_SHA256,
	};
	TSS2_RC rc;

	memcpy(values.digests[0].digest.sha256, extension, sizeof(extension));
	rc = Esys_PCR_Extend(tpm->esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			     ESYS_TR_NONE, &values);
	return rc ? failed(rc, "it does not extend the PCR", why, size) : 0;
}
