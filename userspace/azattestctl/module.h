/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands that ask the module share; ctl.h tells which file owns what. */
#ifndef AZATTESTCTL_MODULE_H
#define AZATTESTCTL_MODULE_H

#include "ctl.h"

#include <linux/azattest.h>
#include <linux/azattest_netlink.h>
#include <netlink/netlink.h>
#include <uuid/uuid.h>

/* ---- netlink.c ---- */

/* One question under way: begun, given its attributes, finished. */
struct question {
	struct nl_sock *sock;
	struct nl_msg *msg;
	int family;
	bool full;		/* an attribute did not fit */
};

/* What to do about an errno of the module; a list ends with error 0. */
struct advice {
	int error;
	const char *what_to_do;
};

/* What the line about a refusal says: "COMMAND [OBJECT]: why: advice". */
struct about {
	const char *command;
	const char *object;	/* or NULL */
	const struct advice *advice;
	int unless;		/* an errno that is no failure yet: QUESTION_UNLESS, and no line */
};

#define QUESTION_UNLESS	(-1)

typedef void (*answer_fn)(struct nlmsghdr *answer, json_t *out);

/* @flags: 0 or NLM_F_DUMP. An exit code; unless it is 0 nothing is open. */
int question_begin(struct question *q, int command, int flags);

void question_put(struct question *q, int type, const void *data, size_t size);
void question_put_u32(struct question *q, int type, uint32_t value);
void question_put_text(struct question *q, int type, const char *text);

/*
 * Sends, calls @fn (or NULL) with each message of the answer, closes. An exit
 * code; a failure has been said.
 */
int question_finish(struct question *q, const struct about *about, answer_fn fn, json_t *out);

/* The whole of one that names a UUID and wants no answer, as question_finish(). */
int question_of_uuid(int command, int attribute, const uuid_t uuid, const struct about *about);

/* ---- fields.c ---- */

enum field_kind {
	FIELD_NUMBER,
	FIELD_TEXT,
	FIELD_UUID,
	FIELD_FLAG,
	FIELD_TRANSPORT,
};

struct field {
	int type;
	enum field_kind kind;
	const char *key;
};

#define FIELDS_TYPE_MAX	31	/* no set of attributes of the family has more */

/* Those of @fields that are there; a flag and a transport always are. */
json_t *fields_json(const struct field *fields, size_t count, struct nlattr **attrs);

/* All attributes of a message or of a nest, by type; zeroed where none is. */
void fields_of_message(struct nlmsghdr *message, struct nlattr *attrs[FIELDS_TYPE_MAX + 1]);
void fields_of_nest(struct nlattr *nest, struct nlattr *attrs[FIELDS_TYPE_MAX + 1]);

/* ---- module.c ---- */

/* Numbers, counters and limits, or NULL and *@exit after one line on standard error. */
json_t *module_status(const char *command, int *exit);

/* ---- bindings.c ---- */

/* All bindings, as bindings --json prints them, or NULL and *@exit after one line. */
json_t *bindings_list(const char *command, int *exit);

/* ---- listing.c ---- */

/*
 * The whole of a command that lists: dumps @command, prints a table or, with
 * --json, an array. Exit code.
 */
struct listing {
	int command;
	answer_fn fn;
	const struct column *columns;
	size_t count;
};

/* Its rows, or NULL and *@exit after one line on standard error. */
json_t *listing_rows(const struct listing *listing, const char *command, int *exit);

int output_listing(const struct listing *listing, int argc, char **argv);

#endif
