/* SPDX-License-Identifier: GPL-2.0 */
/* What azattestd is told: the INI file as typed values; and how it ends. */
#ifndef AZATTESTD_CONFIG_H
#define AZATTESTD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <userspace/common/certificate.h>
#include <userspace/common/common.h>
#include <userspace/daemon/daemon.h>
#include <userspace/seal/seal.h>

/* Exit codes, as in azattestd(8). */
#define EXIT_USAGE	2
#define EXIT_CONFIG	3
#define EXIT_STATE	4
#define EXIT_MODULE	5

/* config.c */

#define CONFIG_PATH	"/etc/azattest/azattestd.conf"

#define CONFIG_TEXT_MAX	192	/* of a path or a URL */

enum config_source { CONFIG_EMBEDDED, CONFIG_CMP, CONFIG_EXEC, CONFIG_FILE };

extern const char *const config_sources[];	/* their names */

enum config_journal { CONFIG_JOURNAL_ALL, CONFIG_JOURNAL_REFUSALS, CONFIG_JOURNAL_NONE };

struct config {
	/* [host] */
	char name[65];			/* CN of the leaf: 64 at most */
	char subscription_id[CONTENT_FIELD_MAX + 1];
	/* [signer] */
	enum keytype key_type;
	unsigned int processes;		/* 0: one per core, at least two */
	bool azure_exact;
	bool embed_chain;
	char user[65];
	uid_t uid;			/* of @user; (uid_t)-1: stay what we are */
	gid_t gid;
	/* [certificate] */
	enum config_source source;
	char ca_url[CONFIG_TEXT_MAX + 1];
	char ca_trust[CONFIG_TEXT_MAX + 1];
	char ca_reference[65];
	char ca_secret_file[CONFIG_TEXT_MAX + 1];
	char ca_identity_file[CONFIG_TEXT_MAX + 1];
	char exec[CONFIG_TEXT_MAX + 1];
	char directory[CONFIG_TEXT_MAX + 1];
	char sync_user[65];
	uid_t sync_uid;			/* of @sync_user; (uid_t)-1: stay what we are */
	gid_t sync_gid;
	unsigned int sync_timeout_s;
	char ca_issuers_url[CONFIG_TEXT_MAX + 1];
	unsigned int lifetime_days;
	unsigned int renew_days;
	/* [key] */
	enum seal_level key_level;
	enum seal_level key_require;
	uint32_t pcrs;			/* a bit for each */
	char tcti[CONFIG_TEXT_MAX + 1];
	uint32_t extend_pcr;		/* KEEPER_NO_EXTEND: none */
	/* [journal] */
	enum config_journal journal;
	bool audit;
	bool audit_required;
	unsigned int audit_max_bytes;	/* of one file */
	unsigned int audit_files;
	/* [document] is [0], then each [profile NAME] */
	struct setup_profile profile[1 + SETUP_PROFILES_MAX];
	unsigned int profiles;
};

/*
 * Reads @path; NULL: CONFIG_PATH, which may be missing. 0 and all of *@config,
 * or a failure that begins with "file:line: ".
 */
int config_read(struct config *config, const char *path, struct failure *failure);
/* Calls back for each key that exists: the manual must name each. */
void config_each_key(void (*each)(const char *section, const char *key, void *arg), void *arg);
/* How many signers @config asks for on this machine. */
unsigned int config_processes(const struct config *config);

#endif
