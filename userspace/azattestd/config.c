// SPDX-License-Identifier: GPL-2.0
// Owns the configuration file: its keys, their rules, and what is wrong in which line.

#include "azattestd.h"
#include "config_rules.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <ini.h>

#define FILE_MAX_BYTES	65536
/* inih reads lines of 200 bytes with their end, and splits longer ones. */
#define LINE_MAX_BYTES	198

struct key {
	const char *section;
	const char *name;
	config_rule set;
	size_t offset;		/* in struct config, or in struct setup_profile */
};

/* What one parse knows; the first error is the one that is told. */
struct parse {
	struct config *config;
	uint32_t given_keys;			/* bits by index in keys[] */
	uint32_t given_fields[1 + SETUP_PROFILES_MAX];	/* by index in fields[] */
	int line;
	char error[300];
};

static const struct key keys[] = {
	{ "host", "name", config_rule_name, offsetof(struct config, name) },
	{ "host", "subscription-id", config_rule_uuid, offsetof(struct config, subscription_id) },
	{ "signer", "key-type", config_rule_key_type, offsetof(struct config, key_type) },
	{ "signer", "processes", config_rule_processes, offsetof(struct config, processes) },
	{ "signer", "envelope", config_rule_envelope, offsetof(struct config, azure_exact) },
	{ "signer", "embed-chain", config_rule_bool, offsetof(struct config, embed_chain) },
	{ "signer", "user", config_rule_user, offsetof(struct config, user) },
	{ "certificate", "source", config_rule_source, offsetof(struct config, source) },
	{ "certificate", "ca-url", config_rule_ca_url, offsetof(struct config, ca_url) },
	{ "certificate", "ca-trust", config_rule_path, offsetof(struct config, ca_trust) },
	{ "certificate", "ca-reference", config_rule_reference,
	  offsetof(struct config, ca_reference) },
	{ "certificate", "ca-secret-file", config_rule_path,
	  offsetof(struct config, ca_secret_file) },
	{ "certificate", "ca-identity-file", config_rule_path,
	  offsetof(struct config, ca_identity_file) },
	{ "certificate", "exec", config_rule_path, offsetof(struct config, exec) },
	{ "certificate", "directory", config_rule_path, offsetof(struct config, directory) },
	{ "certificate", "sync-user", config_rule_user, offsetof(struct config, sync_user) },
	{ "certificate", "sync-timeout", config_rule_timeout,
	  offsetof(struct config, sync_timeout_s) },
	{ "certificate", "ca-issuers-url", config_rule_url, offsetof(struct config, ca_issuers_url) },
	{ "certificate", "lifetime-days", config_rule_lifetime, offsetof(struct config, lifetime_days) },
	{ "certificate", "renew-days", config_rule_renew, offsetof(struct config, renew_days) },
	{ "key", "level", config_rule_key_level, offsetof(struct config, key_level) },
	{ "key", "require-level", config_rule_require_level, offsetof(struct config, key_require) },
	{ "key", "pcrs", config_rule_pcrs, offsetof(struct config, pcrs) },
	{ "key", "tcti", config_rule_tcti, offsetof(struct config, tcti) },
	{ "key", "extend-pcr-after-unseal", config_rule_extend, offsetof(struct config, extend_pcr) },
	{ "journal", "documents", config_rule_journal, offsetof(struct config, journal) },
	{ "journal", "audit", config_rule_bool, offsetof(struct config, audit) },
	{ "journal", "audit-required", config_rule_bool, offsetof(struct config, audit_required) },
	{ "journal", "audit-max-bytes", config_rule_audit_bytes,
	  offsetof(struct config, audit_max_bytes) },
	{ "journal", "audit-files", config_rule_audit_files, offsetof(struct config, audit_files) },
};

/* Of [document], and of each [profile NAME]. */
static const struct key fields[] = {
	{ "document", "license-type", config_rule_field, offsetof(struct setup_profile, license_type) },
	{ "document", "plan-name", config_rule_field, offsetof(struct setup_profile, plan_name) },
	{ "document", "plan-product", config_rule_field, offsetof(struct setup_profile, plan_product) },
	{ "document", "plan-publisher", config_rule_field, offsetof(struct setup_profile, plan_publisher) },
	{ "document", "sku", config_rule_field, offsetof(struct setup_profile, sku) },
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

_Static_assert(COUNT(keys) <= 32 && COUNT(fields) <= 32, "a bit for each in struct parse");

void config_each_key(void (*each)(const char *section, const char *key, void *arg), void *arg)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		each(keys[i].section, keys[i].name, arg);
	for (size_t i = 0; i < COUNT(fields); i++)
		each(fields[i].section, fields[i].name, arg);
}

/* the parse */

__attribute__((format(printf, 2, 3)))
static int wrong(struct parse *parse, const char *format, ...)
{
	va_list args;

	if (!*parse->error) {
		va_start(args, format);
		vsnprintf(parse->error, sizeof(parse->error), format, args);
		va_end(args);
	}
	return 0;
}

static bool known_section(const char *section)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		if (!strcmp(keys[i].section, section))
			return true;
	return !strcmp(section, "document");
}

/* What module and configuration may call a profile. */
static bool profile_name_ok(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= AZATTEST_PROFILE_LEN)
		return false;
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
	       length;
}

static int find_profile(const struct config *config, const char *name)
{
	for (unsigned int i = 0; i < config->profiles; i++)
		if (!strcmp(config->profile[i].name, name))
			return (int)i;
	return -ENOENT;
}

static int set_key(struct parse *parse, const struct key *table, size_t count, uint32_t *given,
		   void *base, const char *section, const char *name, const char *value)
{
	for (size_t i = 0; i < count; i++) {
		const char *error;

		if (strcmp(table[i].section, section) || strcmp(table[i].name, name))
			continue;
		if (*given & (1u << i))
			return wrong(parse, "%s: given twice", name);
		*given |= 1u << i;
		error = table[i].set(value, (char *)base + table[i].offset);
		return error ? wrong(parse, "%s: %s", name, error) : 1;
	}
	return wrong(parse, "%s: no such key in [%s]", name, section);
}

/* inih: 1 is success, and 0 makes this line the one that ini_parse returns. */
static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	struct parse *parse = arg;
	struct config *config = parse->config;
	int profile = 0;

	if (!strncmp(section, "profile ", 8))
		profile = find_profile(config, section + 8);
	else if (strcmp(section, "document"))
		return set_key(parse, keys, COUNT(keys), &parse->given_keys, config,
			       section, name, value);
	if (profile < 0)
		return wrong(parse, "[%s]: no such section", section);
	return set_key(parse, fields, COUNT(fields), &parse->given_fields[profile],
		       &config->profile[profile], "document", name, value);
}

static int add_profile(struct parse *parse, const char *name)
{
	struct config *config = parse->config;

	if (!profile_name_ok(name) || !strcmp(name, SETUP_DEFAULT_PROFILE))
		return wrong(parse, "[profile %s]: not a profile's name: 1 to 31 of A-Z a-z 0-9 . _ -, "
			     "and not \"default\", which [document] describes", name);
	if (find_profile(config, name) >= 0)
		return wrong(parse, "[profile %s]: given twice", name);
	if (config->profiles > SETUP_PROFILES_MAX)
		return wrong(parse, "[profile %s]: more than %d profiles", name, SETUP_PROFILES_MAX);
	strcpy(config->profile[config->profiles++].name, name);
	return 1;
}

/* inih calls nobody for a section without keys, so names are checked here. */
static int check_section(struct parse *parse, char *line)
{
	char *end = strchr(line, ']');

	if (!end || strspn(end + 1, " \t\r") != strcspn(end + 1, ";#"))
		return wrong(parse, "a section is one [NAME] in its line");
	*end = 0;
	if (!strncmp(line + 1, "profile ", 8))
		return add_profile(parse, line + 9);
	if (!known_section(line + 1))
		return wrong(parse, "[%s]: no such section", line + 1);
	return 1;
}

/* What inih would take silently for something else. */
static int check_line(struct parse *parse, const char *line, size_t length)
{
	char copy[LINE_MAX_BYTES + 1];

	if (memchr(line, 0, length))
		return wrong(parse, "a NUL byte");
	if (length > LINE_MAX_BYTES)
		return wrong(parse, "longer than %d bytes", LINE_MAX_BYTES);
	memcpy(copy, line, length);
	copy[length] = 0;
	if (isblank((unsigned char)copy[0]) && copy[strspn(copy, " \t\r")])
		return wrong(parse, "begins with a blank: a value is in one line");
	return copy[0] == '[' ? check_section(parse, copy) : 1;
}

static int check_lines(struct parse *parse, const char *text, size_t length)
{
	const char *end = text + length;

	for (parse->line = 1; text < end; parse->line++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		if (!stop)
			stop = end;
		if (!check_line(parse, text, (size_t)(stop - text)))
			return -EINVAL;
		text = stop + 1;
	}
	return 0;
}

/* the file */

static int read_file(const char *path, char *text, size_t *length, struct failure *failure)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return failure_set(failure, EXIT_CONFIG, -errno, "%s: %s", path, strerror(errno));
	for (*length = 0; *length <= FILE_MAX_BYTES; *length += (size_t)n) {
		n = read(fd, text + *length, FILE_MAX_BYTES + 1 - *length);
		if (n <= 0)
			break;
	}
	close(fd);
	if (n < 0)
		return failure_set(failure, EXIT_CONFIG, -EIO, "%s: cannot be read", path);
	if (*length > FILE_MAX_BYTES)
		return failure_set(failure, EXIT_CONFIG, -EFBIG, "%s: longer than %d bytes", path,
				   FILE_MAX_BYTES);
	text[*length] = 0;
	return 0;
}

static void set_defaults(struct config *config)
{
	memset(config, 0, sizeof(*config));
	config->key_type = KEYTYPE_RSA_2048;
	strcpy(config->user, "azattest-signer");
	strcpy(config->ca_issuers_url, "http://169.254.169.253/metadata/attested/issuer.cer");
	strcpy(config->ca_trust, "/etc/azattest/ca-trust.pem");
	strcpy(config->ca_secret_file, "/etc/azattest/ca-secret");
	strcpy(config->ca_identity_file, "/etc/azattest/ca-identity.pem");
	strcpy(config->directory, "/var/lib/azattest-exchange");
	strcpy(config->sync_user, "azattest-sync");
	config->sync_timeout_s = 60;
	config->lifetime_days = 30;
	config->renew_days = 10;
	config->key_level = SEAL_AUTO;
	config->pcrs = 1u << 0 | 1u << 7;
	strcpy(config->tcti, "device:/dev/tpmrm0");
	config->extend_pcr = KEEPER_NO_EXTEND;
	config->audit = true;
	config->audit_max_bytes = 16 << 20;
	config->audit_files = 16;
	strcpy(config->profile[0].name, SETUP_DEFAULT_PROFILE);
	config->profiles = 1;
}

/* A field that a profile does not give is [document]'s. */
static void inherit(struct parse *parse)
{
	struct config *config = parse->config;

	for (unsigned int i = 1; i < config->profiles; i++) {
		for (size_t k = 0; k < COUNT(fields); k++) {
			if (parse->given_fields[i] & (1u << k))
				continue;
			memcpy((char *)&config->profile[i] + fields[k].offset,
			       (char *)&config->profile[0] + fields[k].offset,
			       CONTENT_FIELD_MAX + 1);
		}
	}
}

static bool is_given(const struct parse *parse, const char *name)
{
	for (size_t k = 0; k < COUNT(keys); k++)
		if (!strcmp(keys[k].name, name))
			return parse->given_keys & (1u << k);
	return false;
}

/* Who names a CA means it: its address is the one thing that must be given. */
static void default_source(struct parse *parse)
{
	if (!is_given(parse, "source") && *parse->config->ca_url)
		parse->config->source = CONFIG_CMP;
}

static int default_name(struct config *config, const char *path, struct failure *failure)
{
	char name[256] = "";

	if (*config->name)
		return 0;
	gethostname(name, sizeof(name) - 1);
	if (!config_rule_name(name, config->name))
		return 0;
	return failure_set(failure, EXIT_CONFIG, -EINVAL,
			   "%s: [host] name: not given, and this host's own name \"%s\" "
			   "is no DNS name of at most 64 characters: give one", path, name);
}

/* @key and @what say which user, and why not root. */
static int resolve_user(const char *name, const char *key, const char *what, uid_t *uid,
			gid_t *gid, const char *path, struct failure *failure)
{
	struct passwd *user;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (geteuid())
		return 0;
	user = getpwnam(name);
	if (!user)
		return failure_set(failure, EXIT_CONFIG, -ENOENT,
				   "%s: %s: there is no user \"%s\": make one "
				   "(systemd-sysusers does for an installed azattest) or name another",
				   path, key, name);
	if (!user->pw_uid)
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "%s: %s: \"%s\" is root: who %s must not be", path, key, name, what);
	*uid = user->pw_uid;
	*gid = user->pw_gid;
	return 0;
}

/* Who talks to a CA is nobody else, least of all who holds the key. */
static int resolve_sync_user(struct config *config, const char *path, struct failure *failure)
{
	int ret;

	config->sync_uid = (uid_t)-1;
	config->sync_gid = (gid_t)-1;
	if (config->source != CONFIG_CMP && config->source != CONFIG_EXEC)
		return 0;
	ret = resolve_user(config->sync_user, "[certificate] sync-user", "talks to a CA",
			   &config->sync_uid, &config->sync_gid, path, failure);
	if (ret || config->sync_uid == (uid_t)-1 || config->sync_uid != config->uid)
		return ret;
	return failure_set(failure, EXIT_CONFIG, -EINVAL,
			   "%s: [certificate] sync-user: \"%s\" is [signer] user too: who talks to a "
			   "CA must not be who holds the key", path, config->sync_user);
}

static int resolve_users(struct config *config, const char *path, struct failure *failure)
{
	int ret = resolve_user(config->user, "[signer] user", "holds the key", &config->uid,
			       &config->gid, path, failure);

	return ret ? ret : resolve_sync_user(config, path, failure);
}

/* What a source cannot do without. */
static int check_source(const struct config *config, const char *path, struct failure *failure)
{
	const char *missing = NULL;

	if (config->source == CONFIG_CMP && !*config->ca_url)
		missing = "ca-url";
	if (config->source == CONFIG_EXEC && !*config->exec)
		missing = "exec";
	if (!missing)
		return 0;
	return failure_set(failure, EXIT_CONFIG, -EINVAL,
			   "%s: [certificate] %s: not given, and source = %s needs it", path, missing,
			   config_sources[config->source]);
}

static int check_key(const struct config *config, const char *path, struct failure *failure)
{
	if (config->key_level < config->key_require)
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "%s: [key] level: %s is less than require-level: change one of them", path,
				   seal_levels[config->key_level]);
	if (config->extend_pcr != KEEPER_NO_EXTEND && !(config->pcrs >> config->extend_pcr & 1))
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "%s: [key] extend-pcr-after-unseal: %u is not in pcrs: extending it would "
				   "lock nothing", path, config->extend_pcr);
	return 0;
}

/* Rules that need more than one key. */
static int check_whole(struct config *config, const char *path, struct failure *failure)
{
	if (config->azure_exact && config->key_type == KEYTYPE_P_256)
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "%s: [signer] envelope: azure-exact is for RSA keys: "
				   "change envelope or key-type", path);
	if (config->renew_days >= config->lifetime_days)
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "%s: [certificate] renew-days: %u is not below lifetime-days (%u)",
				   path, config->renew_days, config->lifetime_days);
	if (check_key(config, path, failure))
		return -EINVAL;
	if (config->audit_required && !config->audit)
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "%s: [journal] audit-required: yes, and audit is no: there would "
				   "be no documents", path);
	return check_source(config, path, failure);
}

static int parse_text(struct parse *parse, const char *path, const char *text, size_t length,
		      struct failure *failure)
{
	int line;

	if (check_lines(parse, text, length))
		return failure_set(failure, EXIT_CONFIG, -EINVAL, "%s:%d: %s", path, parse->line,
				   parse->error);
	line = ini_parse_string(text, on_key, parse);
	if (!line)
		return 0;
	return failure_set(failure, EXIT_CONFIG, -EINVAL, "%s:%d: %s", path, line,
			   *parse->error ? parse->error : "neither KEY = VALUE nor [SECTION]");
}

int config_read(struct config *config, const char *path, struct failure *failure)
{
	struct parse parse = { .config = config };
	char *text;
	size_t length = 0;
	int ret = 0;

	set_defaults(config);
	text = calloc(1, FILE_MAX_BYTES + 2);
	if (!text)
		return failure_set(failure, EXIT_FAILURE, -ENOMEM, "no memory");
	if (path || !access(CONFIG_PATH, F_OK))
		ret = read_file(path ? path : CONFIG_PATH, text, &length, failure);
	if (!path)
		path = CONFIG_PATH;
	if (!ret)
		ret = parse_text(&parse, path, text, length, failure);
	free(text);
	if (ret)
		return ret;
	inherit(&parse);
	default_source(&parse);
	ret = default_name(config, path, failure);
	if (!*config->ca_reference)
		strcpy(config->ca_reference, config->name);
	if (!ret)
		ret = check_whole(config, path, failure);
	if (!ret)
		ret = resolve_users(config, path, failure);
	return ret;
}

unsigned int config_processes(const struct config *config)
{
	int cores = get_nprocs();

	if (config->processes)
		return config->processes;
	if (cores > SUPERVISE_SIGNERS_MAX)
		cores = SUPERVISE_SIGNERS_MAX;
	return cores < 2 ? 2 : (unsigned int)cores;
}
