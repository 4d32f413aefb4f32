/* SPDX-License-Identifier: GPL-2.0 */
/* config_rules.c: the rules of values. NULL, or what is wrong with @value. */
#ifndef AZATTESTD_CONFIG_RULES_H
#define AZATTESTD_CONFIG_RULES_H

#include "azattestd.h"

typedef const char *(*config_rule)(const char *value, void *target);

const char *config_rule_field(const char *value, void *target);
const char *config_rule_name(const char *value, void *target);
const char *config_rule_uuid(const char *value, void *target);
const char *config_rule_key_type(const char *value, void *target);
const char *config_rule_processes(const char *value, void *target);
const char *config_rule_lifetime(const char *value, void *target);
const char *config_rule_renew(const char *value, void *target);
const char *config_rule_bool(const char *value, void *target);
const char *config_rule_envelope(const char *value, void *target);
const char *config_rule_user(const char *value, void *target);
const char *config_rule_source(const char *value, void *target);
const char *config_rule_url(const char *value, void *target);
const char *config_rule_ca_url(const char *value, void *target);
const char *config_rule_path(const char *value, void *target);
const char *config_rule_reference(const char *value, void *target);
const char *config_rule_timeout(const char *value, void *target);
const char *config_rule_key_level(const char *value, void *target);
const char *config_rule_require_level(const char *value, void *target);
const char *config_rule_pcrs(const char *value, void *target);
const char *config_rule_tcti(const char *value, void *target);
const char *config_rule_extend(const char *value, void *target);
const char *config_rule_journal(const char *value, void *target);
const char *config_rule_audit_bytes(const char *value, void *target);
const char *config_rule_audit_files(const char *value, void *target);

#endif
