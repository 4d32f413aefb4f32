/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of "azattestctl bugreport": sections of lines, each of which passes the
 * same gate on its way out.
 *
 *   bugreport.c        the command: the sections in their order
 *   bugreport_host.c   what the host says: versions, configuration, units, logs, names of files
 *   bugreport_gate.c   what does not get out
 */
#ifndef AZATTESTCTL_BUGREPORT_H
#define AZATTESTCTL_BUGREPORT_H

#include "doctor.h"

#define BUGREPORT_SECRETS	8
#define BUGREPORT_SECRET_MAX	512

/*
 * Everything is printed through bugreport_line(). What never gets out: what stands
 * between the lines of a PEM block, words of 32 characters and more that could be
 * a key, a nonce or a blob (not UUIDs, not paths), what stands behind words such as
 * "password=", the user of a URL, and the secrets that were told.
 */
struct bugreport {
	FILE *to;
	const char *root;	/* before each path of the host's: "" */
	bool in_pem;
	char secret[BUGREPORT_SECRETS][BUGREPORT_SECRET_MAX];
	size_t secrets;
};

/* bugreport_gate.c */
void bugreport_line(struct bugreport *report, const char *line);
void bugreport_title(struct bugreport *report, const char *title);
void bugreport_json(struct bugreport *report, const json_t *json);
/* What @path has, a line, must not be in any line; a file that is not there has none. */
void bugreport_learn_secret(struct bugreport *report, const char *path);

/* bugreport_host.c: secrets of which it knows where they lie, then sections */
void bugreport_secrets(struct bugreport *report);
void bugreport_versions(struct bugreport *report);
void bugreport_config(struct bugreport *report);
void bugreport_files(struct bugreport *report);
void bugreport_units(struct bugreport *report);
void bugreport_journal(struct bugreport *report);
void bugreport_kernel(struct bugreport *report);

#endif
