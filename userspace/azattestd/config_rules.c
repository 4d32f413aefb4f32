// SPDX-License-Identifier: GPL-2.0
// Owns what a value of the configuration may be: a rule for each kind.

#include "config_rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uuid/uuid.h>

const char *config_rule_field(const char *value, void *target)
{
	switch (content_check_field(value)) {
	case 0:
		strcpy(target, value);
		return NULL;
	case -EMSGSIZE:
		return "longer than 128 bytes";
	case -EILSEQ:
		return "not UTF-8";
	default:
		return "has control characters";
	}
}

static bool label_ok(const char *label, size_t length)
{
	if (!length || length > 63 || label[0] == '-' || label[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)label[i]) && label[i] != '-')
			return false;
	return true;
}

const char *config_rule_name(const char *value, void *target)
{
	const char *label = value;

	if (strlen(value) > 64)
		return "longer than 64 characters, which a certificate's name may have";
	for (;;) {
		size_t length = strcspn(label, ".");

		if (!label_ok(label, length))
			return "not a DNS name";
		if (!label[length])
			break;
		label += length + 1;
	}
	strcpy(target, value);
	return NULL;
}

const char *config_rule_uuid(const char *value, void *target)
{
	uuid_t uuid;

	if (*value && uuid_parse(value, uuid))
		return "not a UUID";
	if (*value)
		uuid_unparse_lower(uuid, target);
	else
		strcpy(target, "");
	return NULL;
}

const char *config_rule_key_type(const char *value, void *target)
{
	return keytype_parse(value, target) ? "not one of rsa-2048, rsa-3072, p-256" : NULL;
}

static const char *set_number(const char *value, void *target, unsigned long min,
			      unsigned long max, const char *error)
{
	char *end;
	unsigned long number;

	if (!isdigit((unsigned char)*value))
		return error;
	errno = 0;
	number = strtoul(value, &end, 10);
	if (*end || errno || number < min || number > max)
		return error;
	*(unsigned int *)target = (unsigned int)number;
	return NULL;
}

const char *config_rule_processes(const char *value, void *target)
{
	const char *error = "not 0 (one per core) or 2 to 64";

	if (!strcmp(value, "1"))
		return "one process cannot be replaced when it hangs: 0 (one per core) or 2 to 64";
	return set_number(value, target, 0, SUPERVISE_SIGNERS_MAX, error);
}

const char *config_rule_lifetime(const char *value, void *target)
{
	return set_number(value, target, 1, 397, "not a number of days from 1 to 397");
}

const char *config_rule_renew(const char *value, void *target)
{
	return set_number(value, target, 0, 396, "not a number of days from 0 to 396");
}

const char *config_rule_bool(const char *value, void *target)
{
	bool yes = !strcmp(value, "yes");

	if (!yes && strcmp(value, "no"))
		return "neither yes nor no";
	*(bool *)target = yes;
	return NULL;
}

const char *config_rule_envelope(const char *value, void *target)
{
	bool azure = !strcmp(value, "azure-exact");

	if (!azure && strcmp(value, "standard"))
		return "neither standard nor azure-exact";
	*(bool *)target = azure;
	return NULL;
}

const char *config_rule_user(const char *value, void *target)
{
	if (!*value || strlen(value) > 64)
		return "not a user's name";
	strcpy(target, value);
	return NULL;
}

static const char *set_choice(const char *value, unsigned int *target, const char *const *names,
			      unsigned int count, const char *error)
{
	for (unsigned int i = 0; i < count; i++) {
		if (!strcmp(value, names[i])) {
			*target = i;
			return NULL;
		}
	}
	return error;
}

const char *const config_sources[] = {
	[CONFIG_EMBEDDED] = "embedded",
	[CONFIG_CMP] = "cmp",
	[CONFIG_EXEC] = "exec",
	[CONFIG_FILE] = "file",
};

const char *config_rule_source(const char *value, void *target)
{
	return set_choice(value, target, config_sources, 4, "not one of embedded, cmp, exec, file");
}

/* Of what stands behind "SCHEME://". */
static const char *set_url(const char *value, void *target)
{
	if (strlen(value) > CONFIG_TEXT_MAX)
		return "longer than 192 characters";
	for (const char *p = value; *p; p++)
		if (!isgraph((unsigned char)*p) || strchr("\"<>\\^`{|},", *p))
			return "has characters that a URL may not have";
	strcpy(target, value);
	return NULL;
}

const char *config_rule_url(const char *value, void *target)
{
	if (strncmp(value, "http://", 7) || !value[7])
		return "not an http:// URL, which chain builders fetch issuers by";
	return set_url(value, target);
}

const char *config_rule_ca_url(const char *value, void *target)
{
	if ((strncmp(value, "https://", 8) || !value[8]) &&
	    (strncmp(value, "http://", 7) || !value[7]))
		return "not an https:// or http:// URL";
	return set_url(value, target);
}

const char *config_rule_path(const char *value, void *target)
{
	if (*value != '/')
		return "not a path from the root on";
	if (strlen(value) > CONFIG_TEXT_MAX)
		return "longer than 192 characters";
	strcpy(target, value);
	return NULL;
}

/* What a CA calls this host: a PBM reference value. */
const char *config_rule_reference(const char *value, void *target)
{
	if (!*value || strlen(value) > 64)
		return "not 1 to 64 characters";
	strcpy(target, value);
	return NULL;
}

const char *config_rule_timeout(const char *value, void *target)
{
	return set_number(value, target, 1, 3600, "not a number of seconds from 1 to 3600");
}

const char *config_rule_journal(const char *value, void *target)
{
	static const char *const names[] = { "all", "refusals", "none" };

	return set_choice(value, target, names, 3, "not one of all, refusals, none");
}

const char *config_rule_key_level(const char *value, void *target)
{
	return set_choice(value, target, seal_levels, 4, "not one of auto, tpm, host-key, file");
}

const char *config_rule_require_level(const char *value, void *target)
{
	return set_choice(value, target, seal_levels, 3, "not one of tpm, host-key, file");
}

/* PCR 16 and those from 23 on can be reset by anybody. */
const char *config_rule_pcrs(const char *value, void *target)
{
	static const char error[] = "not PCRs by number, as in 0,7: 0 to 22 without 16";
	uint32_t pcrs = 0;
	char *end;

	for (;; value = end + 1) {
		unsigned long pcr = isdigit((unsigned char)*value) ? strtoul(value, &end, 10) : 99;

		if (pcr > 22 || pcr == 16 || pcrs >> pcr & 1 || (*end && *end != ','))
			return error;
		pcrs |= 1u << pcr;
		if (!*end)
			break;
	}
	*(uint32_t *)target = pcrs;
	return NULL;
}

/* What the TPM library would load or run for other names is no TPM. */
const char *config_rule_tcti(const char *value, void *target)
{
	static const char *const kinds[] = { "device:", "swtpm:", "mssim:", "tabrmd:" };

	if (strlen(value) > CONFIG_TEXT_MAX)
		return "longer than 192 characters";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strncmp(value, kinds[i], strlen(kinds[i])))
			continue;
		strcpy(target, value);
		return NULL;
	}
	return "not device:PATH, swtpm:..., mssim:... or tabrmd:...";
}

const char *config_rule_extend(const char *value, void *target)
{
	if (strcmp(value, "no"))
		return set_number(value, target, 0, 15, "neither no nor a PCR from 0 to 15");
	*(uint32_t *)target = KEEPER_NO_EXTEND;
	return NULL;
}

const char *config_rule_audit_bytes(const char *value, void *target)
{
	return set_number(value, target, 65536, 256 << 20,
			  "not a number of bytes from 65536 to 268435456");
}

const char *config_rule_audit_files(const char *value, void *target)
{
	return set_number(value, target, 2, 10000, "not a number of files from 2 to 10000");
}
