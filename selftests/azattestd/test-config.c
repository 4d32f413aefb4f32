// SPDX-License-Identifier: GPL-2.0
// Promises of the configuration: what is wrong is told with its line, and never guessed.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/azattestd/azattestd.h>

static char path[] = "/tmp/azattest-config-XXXXXX";
static struct config config;
static struct failure failure;

static void write_config(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	tap_need(file && fwrite(text, 1, length, file) == length && !fclose(file));
}

/* Tests must not depend on the users of the machine: nobody is everywhere. */
static int read_text(const char *text)
{
	char whole[70000];
	int length = snprintf(whole, sizeof(whole), "[signer]\nuser=nobody\n[host]\nname=n.test\n%s",
			      text);

	tap_need(length < (int)sizeof(whole));
	write_config(whole, (size_t)length);
	memset(&failure, 0, sizeof(failure));
	return config_read(&config, path, &failure);
}

#define FIRST_LINE	5	/* of what read_text() is given */

struct bad {
	const char *text;
	int line;		/* within the text; 0: of the whole file */
	const char *why;
};

static void need_refused(const struct bad *bad)
{
	char want[200];
	int ret = read_text(bad->text);

	tap_need_msg(ret < 0, "taken: %s", bad->text);
	tap_need_eq(failure.exit, EXIT_CONFIG);
	if (bad->line)
		snprintf(want, sizeof(want), "%s:%d: ", path, FIRST_LINE - 1 + bad->line);
	else
		snprintf(want, sizeof(want), "%s: ", path);
	tap_need_msg(!strncmp(failure.text, want, strlen(want)), "\"%s\" does not begin \"%s\"",
		     failure.text, want);
	tap_need_msg(strstr(failure.text, bad->why), "\"%s\" lacks \"%s\"", failure.text, bad->why);
	tap_need(!strchr(failure.text, '\n'));
}

static void each_bad_line_is_named(void)
{
	static const struct bad list[] = {
		{ "[bogus]\n", 1, "[bogus]: no such section" },
		{ "[bogus]\nname=x\n", 1, "no such section" },
		{ "\n\n[host\n", 3, "a section is one [NAME]" },
		{ "[host] x\n", 1, "a section is one [NAME]" },
		{ "[signer]\nbogus = 1\n", 2, "bogus: no such key in [signer]" },
		{ "[host]\nkey-type = rsa-2048\n", 2, "no such key in [host]" },
		{ "[document]\nsku\n", 2, "neither KEY = VALUE" },
		{ "; comment\n[signer]\nkey-type = rsa-1024\n", 3, "rsa-2048, rsa-3072, p-256" },
		{ "[signer]\nkey-type = \n", 2, "key-type" },
		{ "[signer]\nprocesses = 1\n", 2, "cannot be replaced" },
		{ "[signer]\nprocesses = 65\n", 2, "processes" },
		{ "[signer]\nprocesses = -2\n", 2, "processes" },
		{ "[signer]\nprocesses = 2x\n", 2, "processes" },
		{ "[signer]\nprocesses = 99999999999999999999\n", 2, "processes" },
		{ "[signer]\nenvelope = azure\n", 2, "neither standard nor azure-exact" },
		{ "[signer]\nembed-chain = true\n", 2, "neither yes nor no" },
		{ "[signer]\nembed-chain = yes\nembed-chain = no\n", 3, "given twice" },
		{ "[signer]\nuser = nobody\n", 2, "given twice" },
		{ "[host]\nsubscription-id = 1234\n", 2, "not a UUID" },
		{ "[certificate]\nsource = acme\n", 2, "not one of embedded, cmp, exec, file" },
		{ "[certificate]\nca-issuers-url = https://x/\n", 2, "http://" },
		{ "[certificate]\nca-issuers-url = http://\n", 2, "http://" },
		{ "[certificate]\nca-issuers-url = http://a b\n", 2, "characters" },
		{ "[certificate]\nca-issuers-url = http://a,URI:http://b\n", 2, "characters" },
		{ "[certificate]\nlifetime-days = 0\n", 2, "1 to 397" },
		{ "[certificate]\nlifetime-days = 398\n", 2, "1 to 397" },
		{ "[certificate]\nrenew-days = x\n", 2, "renew-days" },
		{ "[journal]\ndocuments = some\n", 2, "all, refusals, none" },
		{ "[document]\nsku = a\tb\n", 2, "control characters" },
		{ "[document]\nsku = a\x7f\n", 2, "control characters" },
		{ "[document]\nsku = \xc3(\n", 2, "not UTF-8" },
		{ "[document]\nsku = a\n b\n", 3, "begins with a blank" },
		{ "[profile default]\n", 1, "[document] describes" },
		{ "[profile ]\n", 1, "not a profile's name" },
		{ "[profile a b]\n", 1, "not a profile's name" },
		{ "[profile abcdefghijklmnopqrstuvwxyz012345]\n", 1, "not a profile's name" },
		{ "[profile a]\n[profile a]\n", 2, "given twice" },
		{ "[profile a]\nname = x\n", 2, "no such key" },
		{ "[profile a]\nsku = x\nsku = y\n", 3, "given twice" },
	};

	for (size_t i = 0; i < TAP_COUNT(list); i++)
		need_refused(&list[i]);
}

/* Who may have the host's keys: what is not understood must not become less. */
static void each_bad_line_about_keys_is_named(void)
{
	static const char levels[] = "level: not one of auto, tpm, host-key, file";
	static const char required[] = "require-level: not one of tpm, host-key, file";
	static const char pcrs[] = "pcrs: not PCRs by number, as in 0,7: 0 to 22 without 16";
	static const char tcti[] = "tcti: not device:PATH, swtpm:..., mssim:... or tabrmd:...";
	static const char extend[] = "extend-pcr-after-unseal: neither no nor a PCR from 0 to 15";
	static const struct bad list[] = {
		{ "[key]\nlevel = \n", 2, levels },
		{ "[key]\nlevel = TPM\n", 2, levels },
		{ "[key]\nlevel = tpm2\n", 2, levels },
		{ "[key]\nlevel = tpm, file\n", 2, levels },
		{ "[key]\nlevel = tpm\nlevel = file\n", 3, "level: given twice" },
		{ "[key]\nrequire-level = \n", 2, required },
		{ "[key]\nrequire-level = auto\n", 2, required },
		{ "[key]\nrequire-level = none\n", 2, required },
		{ "[key]\nrequire-level = tpm\nrequire-level = file\n", 3, "require-level: given twice" },
		{ "[key]\npcrs = \n", 2, pcrs },
		{ "[key]\npcrs = 16\n", 2, pcrs },
		{ "[key]\npcrs = 23\n", 2, pcrs },
		{ "[key]\npcrs = 24\n", 2, pcrs },
		{ "[key]\npcrs = 32\n", 2, pcrs },
		{ "[key]\npcrs = -1\n", 2, pcrs },
		{ "[key]\npcrs = +7\n", 2, pcrs },
		{ "[key]\npcrs = 0x7\n", 2, pcrs },
		{ "[key]\npcrs = 4294967296\n", 2, pcrs },
		{ "[key]\npcrs = 18446744073709551616\n", 2, pcrs },
		{ "[key]\npcrs = 0,0\n", 2, pcrs },
		{ "[key]\npcrs = 0,7,\n", 2, pcrs },
		{ "[key]\npcrs = ,7\n", 2, pcrs },
		{ "[key]\npcrs = 0,,7\n", 2, pcrs },
		{ "[key]\npcrs = 0, 7\n", 2, pcrs },
		{ "[key]\npcrs = 0+7\n", 2, pcrs },
		{ "[key]\npcrs = sha256:0,7\n", 2, pcrs },
		{ "[key]\npcrs = 0\npcrs = 7\n", 3, "pcrs: given twice" },
		{ "[key]\ntcti = \n", 2, tcti },
		{ "[key]\ntcti = /dev/tpmrm0\n", 2, tcti },
		{ "[key]\ntcti = device\n", 2, tcti },
		{ "[key]\ntcti = DEVICE:/dev/tpmrm0\n", 2, tcti },
		{ "[key]\ntcti = cmd:/bin/sh\n", 2, tcti },
		{ "[key]\ntcti = pcap:device:/dev/tpmrm0\n", 2, tcti },
		{ "[key]\ntcti = /lib/libtss2-tcti-evil.so\n", 2, tcti },
		{ "[key]\nextend-pcr-after-unseal = \n", 2, extend },
		{ "[key]\nextend-pcr-after-unseal = yes\n", 2, extend },
		{ "[key]\nextend-pcr-after-unseal = 16\n", 2, extend },
		{ "[key]\nextend-pcr-after-unseal = -1\n", 2, extend },
		{ "[key]\nextend-pcr-after-unseal = 0,7\n", 2, extend },
		{ "[key]\nextend-pcr-after-unseal = 7 \textra\n", 2, extend },
		{ "[key]\nextend-pcr-after-unseal = 4294967303\n", 2, extend },
		{ "[key]\npassword = x\n", 2, "password: no such key in [key]" },
		{ "[keys]\n", 1, "[keys]: no such section" },
	};

	for (size_t i = 0; i < TAP_COUNT(list); i++)
		need_refused(&list[i]);
}

static void each_bad_line_about_the_audit_journal_is_named(void)
{
	static const char bytes[] = "audit-max-bytes: not a number of bytes from 65536 to 268435456";
	static const char files[] = "audit-files: not a number of files from 2 to 10000";
	static const struct bad list[] = {
		{ "[journal]\naudit = \n", 2, "audit: neither yes nor no" },
		{ "[journal]\naudit = true\n", 2, "audit: neither yes nor no" },
		{ "[journal]\naudit = 1\n", 2, "audit: neither yes nor no" },
		{ "[journal]\naudit = yes\naudit = no\n", 3, "audit: given twice" },
		{ "[journal]\naudit-required = \n", 2, "audit-required: neither yes nor no" },
		{ "[journal]\naudit-required = Yes\n", 2, "audit-required: neither yes nor no" },
		{ "[journal]\naudit-max-bytes = \n", 2, bytes },
		{ "[journal]\naudit-max-bytes = 0\n", 2, bytes },
		{ "[journal]\naudit-max-bytes = 65535\n", 2, bytes },
		{ "[journal]\naudit-max-bytes = 268435457\n", 2, bytes },
		{ "[journal]\naudit-max-bytes = 4295032832\n", 2, bytes },
		{ "[journal]\naudit-max-bytes = -65536\n", 2, bytes },
		{ "[journal]\naudit-max-bytes = 16M\n", 2, bytes },
		{ "[journal]\naudit-max-bytes = 1e6\n", 2, bytes },
		{ "[journal]\naudit-files = \n", 2, files },
		{ "[journal]\naudit-files = 0\n", 2, files },
		{ "[journal]\naudit-files = 1\n", 2, files },
		{ "[journal]\naudit-files = 10001\n", 2, files },
		{ "[journal]\naudit-files = 4294967298\n", 2, files },
		{ "[journal]\naudit-files = -2\n", 2, files },
		{ "[journal]\naudit-files = two\n", 2, files },
		{ "[journal]\naudit-dir = /tmp\n", 2, "audit-dir: no such key in [journal]" },
	};

	for (size_t i = 0; i < TAP_COUNT(list); i++)
		need_refused(&list[i]);
}

static void keys_that_disagree_are_refused(void)
{
	static const struct bad list[] = {
		{ "[signer]\nkey-type = p-256\nenvelope = azure-exact\n", 0, "azure-exact is for RSA" },
		{ "[certificate]\nlifetime-days = 5\nrenew-days = 5\n", 0, "not below lifetime-days" },
		{ "[certificate]\nlifetime-days = 5\n", 0, "not below lifetime-days" },
		{ "[key]\nlevel = file\nrequire-level = host-key\n", 0,
		  "[key] level: file is less than require-level" },
		{ "[key]\nlevel = host-key\nrequire-level = tpm\n", 0,
		  "[key] level: host-key is less than require-level" },
		{ "[key]\nextend-pcr-after-unseal = 12\n", 0, "12 is not in pcrs" },
		{ "[key]\npcrs = 1,12\nextend-pcr-after-unseal = 0\n", 0, "0 is not in pcrs" },
		{ "[journal]\naudit = no\naudit-required = yes\n", 0,
		  "[journal] audit-required: yes, and audit is no" },
	};

	for (size_t i = 0; i < TAP_COUNT(list); i++)
		need_refused(&list[i]);
}

static void need_name_refused(const char *name)
{
	char text[300];
	int length = snprintf(text, sizeof(text), "[signer]\nuser=nobody\n[host]\nname=%s\n", name);

	write_config(text, (size_t)length);
	tap_need_msg(config_read(&config, path, &failure) < 0, "taken: %s", name);
	tap_need(strstr(failure.text, ":4: name: "));
}

static void names_that_are_no_dns_names_are_refused(void)
{
	need_name_refused("");
	need_name_refused("a..b");
	need_name_refused(".a");
	need_name_refused("a.");
	need_name_refused("-a");
	need_name_refused("a-.b");
	need_name_refused("a b");
	need_name_refused("a,DNS:b");
	need_name_refused("a_b");
	need_name_refused("*.b");
	need_name_refused("\xc3\xa4.b");
	need_name_refused("a123456789.123456789.123456789.123456789.123456789.123456789.12345");
}

static void unknown_user_and_root_are_refused(void)
{
	static const char unknown[] = "[signer]\nuser=no-such-user\n[host]\nname=a\n";
	static const char root[] = "[signer]\nuser=root\n[host]\nname=a\n";

	if (geteuid())
		tap_skip("users are looked up for root only");
	write_config(unknown, sizeof(unknown) - 1);
	tap_need(config_read(&config, path, &failure) < 0);
	tap_need(strstr(failure.text, "there is no user \"no-such-user\""));
	write_config(root, sizeof(root) - 1);
	tap_need(config_read(&config, path, &failure) < 0);
	tap_need(strstr(failure.text, "is root"));
}

static void long_lines_and_nul_are_refused(void)
{
	char text[512];

	snprintf(text, sizeof(text), "[document]\nsku = %0250d\n", 1);
	tap_need(read_text(text) < 0);
	tap_need_msg(strstr(failure.text, ":6: longer than"), "%s", failure.text);
	snprintf(text, sizeof(text), "[document]\nsku = %0129d\n", 1);
	tap_need(read_text(text) < 0);
	tap_need_msg(strstr(failure.text, ":6: sku: longer than 128"), "%s", failure.text);
	snprintf(text, sizeof(text), "[document]\nsku = %0128d\n", 1);
	tap_need_eq(read_text(text), 0);
	write_config("[signer]\nuser=no\0body\n", 22);
	tap_need(config_read(&config, path, &failure) < 0);
	tap_need_msg(strstr(failure.text, ":2: a NUL byte"), "%s", failure.text);
}

static void missing_and_oversized_files_are_refused(void)
{
	char *big = malloc(70000);

	tap_need(config_read(&config, "/nonexistent/x.conf", &failure) < 0);
	tap_need(strstr(failure.text, "/nonexistent/x.conf: No such file"));
	tap_need(config_read(&config, "/tmp", &failure) < 0);
	memset(big, '\n', 70000);
	write_config(big, 70000);
	tap_need(config_read(&config, path, &failure) < 0);
	tap_need(strstr(failure.text, "longer than 65536"));
	free(big);
}

static void too_many_profiles_are_refused(void)
{
	char text[4096] = "";
	size_t length = 0;

	for (int i = 0; i < SETUP_PROFILES_MAX; i++)
		length += (size_t)sprintf(text + length, "[profile p%d]\n", i);
	tap_need_eq(read_text(text), 0);
	tap_need_eq(config.profiles, 1 + SETUP_PROFILES_MAX);
	strcat(text, "[profile more]\n");
	tap_need(read_text(text) < 0);
	tap_need(strstr(failure.text, "more than 32 profiles"));
}

static void defaults_are_the_manuals(void)
{
	tap_need_eq(read_text(""), 0);
	tap_need_eq(config.key_type, KEYTYPE_RSA_2048);
	tap_need(!config.azure_exact && !config.embed_chain);
	tap_need_eq(config.lifetime_days, 30);
	tap_need_eq(config.renew_days, 10);
	tap_need_eq(config.profiles, 1);
	tap_need(config_processes(&config) >= 2);
	tap_need_eq(config.key_level, SEAL_AUTO);
	tap_need_eq(config.key_require, SEAL_FILE);
	tap_need_eq(config.pcrs, 1 << 0 | 1 << 7);
	tap_need(!strcmp(config.tcti, "device:/dev/tpmrm0"));
	tap_need_eq(config.extend_pcr, KEEPER_NO_EXTEND);
	tap_need(config.audit && !config.audit_required);
	tap_need_eq(config.audit_max_bytes, 16777216);
	tap_need_eq(config.audit_files, 16);
	tap_need(!strcmp(config.ca_issuers_url,
			 "http://169.254.169.253/metadata/attested/issuer.cer"));
}

static void good_values_arrive(void)
{
	tap_need_eq(read_text("[signer]\nkey-type = rsa-3072\nprocesses=5\nenvelope=azure-exact\n"
			      "embed-chain=yes\n[host]\n"
			      "subscription-id = 11111111-2222-3333-4444-AAAAAAAAAAAA\n"
			      "[document]\nsku = Stra\xc3\x9f" "e \"x\"\nplan-name=p\n"
			      "[profile a]\nplan-name = q ; comment\n[profile b]\n"
			      "[journal]\ndocuments = refusals\n"), 0);
	tap_need_eq(config.key_type, KEYTYPE_RSA_3072);
	tap_need_eq(config_processes(&config), 5);
	tap_need(config.azure_exact && config.embed_chain);
	tap_need(!strcmp(config.subscription_id, "11111111-2222-3333-4444-aaaaaaaaaaaa"));
	tap_need_eq(config.journal, CONFIG_JOURNAL_REFUSALS);
	tap_need_eq(config.profiles, 3);
	tap_need(!strcmp(config.profile[0].sku, "Stra\xc3\x9f" "e \"x\""));
}

static void what_keys_may_say_arrives(void)
{
	static const char *const tctis[] = {
		"device:/dev/tpm0", "swtpm:path=/run/x", "mssim:host=::1,port=2321", "tabrmd:bus_type=system",
	};
	static const struct {
		const char *name;
		enum seal_level level;
	} levels[] = {
		{ "auto", SEAL_AUTO }, { "tpm", SEAL_TPM }, { "host-key", SEAL_HOST_KEY },
		{ "file", SEAL_FILE },
	};
	char text[300];

	for (size_t i = 0; i < TAP_COUNT(levels); i++) {
		snprintf(text, sizeof(text), "[key]\nlevel = %s\ntcti = %s\n", levels[i].name, tctis[i]);
		tap_need_eq(read_text(text), 0);
		tap_need_eq(config.key_level, levels[i].level);
		tap_need(!strcmp(config.tcti, tctis[i]));
		snprintf(text, sizeof(text), "[key]\nrequire-level = %s\n", levels[i].name);
		tap_need_eq(read_text(text), levels[i].level == SEAL_AUTO ? -EINVAL : 0);
		if (levels[i].level != SEAL_AUTO)
			tap_need_eq(config.key_require, levels[i].level);
	}
	/* As much as is required is enough. */
	tap_need_eq(read_text("[key]\nlevel = tpm\nrequire-level = tpm\n"), 0);
	tap_need_eq(read_text("[key]\nlevel = tpm\nrequire-level = file\n"), 0);
	tap_need_eq(read_text("[key]\npcrs = 22,0,15\nextend-pcr-after-unseal = 15\n"), 0);
	tap_need_eq(config.pcrs, 1 << 22 | 1 << 15 | 1 << 0);
	tap_need_eq(config.extend_pcr, 15);
	tap_need_eq(read_text("[key]\nextend-pcr-after-unseal = 0\n"), 0);
	tap_need_eq(config.extend_pcr, 0);
	tap_need_eq(read_text("[key]\nextend-pcr-after-unseal = no\n"), 0);
	tap_need_eq(config.extend_pcr, KEEPER_NO_EXTEND);
}

/* Its address is all that must be given. */
static void who_names_a_ca_means_it(void)
{
	tap_need_eq(read_text("[certificate]\n"), 0);
	tap_need_eq(config.source, CONFIG_EMBEDDED);
	tap_need_eq(read_text("[certificate]\nsync-user = daemon\nca-url = http://ca.example.net/\n"), 0);
	tap_need_eq(config.source, CONFIG_CMP);
	tap_need_eq(read_text("[certificate]\nsource = embedded\nca-url = http://ca.example.net/\n"), 0);
	tap_need_eq(config.source, CONFIG_EMBEDDED);
	tap_need_eq(read_text("[certificate]\nca-url = http://ca.example.net/\nsource = file\n"), 0);
	tap_need_eq(config.source, CONFIG_FILE);
}

static void a_tcti_that_is_too_long_is_refused(void)
{
	char text[300];

	snprintf(text, sizeof(text), "[key]\ntcti=device:/%0184d\n", 1);
	tap_need_eq(read_text(text), 0);
	tap_need_eq(strlen(config.tcti), CONFIG_TEXT_MAX);
	snprintf(text, sizeof(text), "[key]\ntcti=device:/%0185d\n", 1);
	tap_need(read_text(text) < 0);
	tap_need_msg(strstr(failure.text, ":6: tcti: longer than 192 characters"), "%s", failure.text);
}

static void what_the_audit_journal_may_say_arrives(void)
{
	tap_need_eq(read_text("[journal]\naudit = yes\naudit-required = yes\n"
			      "audit-max-bytes = 65536\naudit-files = 2\n"), 0);
	tap_need(config.audit && config.audit_required);
	tap_need_eq(config.audit_max_bytes, 65536);
	tap_need_eq(config.audit_files, 2);
	tap_need_eq(read_text("[journal]\naudit = no\naudit-required = no\n"
			      "audit-max-bytes = 268435456\naudit-files = 10000\n"), 0);
	tap_need(!config.audit && !config.audit_required);
	tap_need_eq(config.audit_max_bytes, 268435456);
	tap_need_eq(config.audit_files, 10000);
}

static void profiles_inherit_what_they_do_not_say(void)
{
	tap_need_eq(read_text("[profile a]\nplan-name = q\nlicense-type =\n"
			      "[document]\nsku = s\nplan-name = p\nlicense-type = l\n"), 0);
	tap_need(!strcmp(config.profile[1].name, "a"));
	tap_need(!strcmp(config.profile[1].sku, "s"));
	tap_need(!strcmp(config.profile[1].plan_name, "q"));
	tap_need(!strcmp(config.profile[1].license_type, ""));
	tap_need(!strcmp(config.profile[0].plan_name, "p"));
}

/* Any bytes end in a configuration or in a line that says why not. */
static void mutated_files_never_crash(void)
{
	static const char seed[] =
		"[signer]\nuser = nobody\nkey-type = p-256\nprocesses = 4\n[host]\nname = a.b\n"
		"[document]\nsku = x ; y\n[profile gold]\nplan-name = z\n[journal]\ndocuments = all\n";
	unsigned int loops = tap_loops(1500, 20000);
	char text[sizeof(seed) + 64];

	srand(1);
	while (loops--) {
		size_t length = sizeof(seed) - 1;
		int changes = 1 + rand() % 6;

		memcpy(text, seed, length);
		while (changes--) {
			size_t at = (size_t)rand() % length;

			if (rand() % 3 == 0 && length > 20) {
				memmove(text + at, text + at + 1, length - at - 1);
				length--;
			} else if (rand() % 2) {
				text[at] = "\n[]=; \0\xff\xc3" "aX#\t"[rand() % 13];
			} else {
				text[at] = (char)rand();
			}
		}
		write_config(text, length);
		memset(&failure, 0, sizeof(failure));
		if (config_read(&config, path, &failure) < 0)
			tap_need(*failure.text && failure.exit == EXIT_CONFIG);
		else
			tap_need(*config.name && config.profiles >= 1);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(each_bad_line_is_named),
	TAP_TEST(each_bad_line_about_keys_is_named),
	TAP_TEST(each_bad_line_about_the_audit_journal_is_named),
	TAP_TEST(keys_that_disagree_are_refused),
	TAP_TEST(names_that_are_no_dns_names_are_refused),
	TAP_TEST(unknown_user_and_root_are_refused),
	TAP_TEST(long_lines_and_nul_are_refused),
	TAP_TEST(missing_and_oversized_files_are_refused),
	TAP_TEST(too_many_profiles_are_refused),
	TAP_TEST(defaults_are_the_manuals),
	TAP_TEST(good_values_arrive),
	TAP_TEST(what_keys_may_say_arrives),
	TAP_TEST(who_names_a_ca_means_it),
	TAP_TEST(a_tcti_that_is_too_long_is_refused),
	TAP_TEST(what_the_audit_journal_may_say_arrives),
	TAP_TEST(profiles_inherit_what_they_do_not_say),
	TAP_TEST(mutated_files_never_crash),
};

int main(int argc, char **argv)
{
	int fd = mkstemp(path), status;

	if (fd < 0)
		return 1;
	close(fd);
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	unlink(path);
	return status;
}
