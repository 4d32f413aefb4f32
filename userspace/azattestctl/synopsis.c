// SPDX-License-Identifier: GPL-2.0
// Owns the reading of a command's synopsis: its options, their arguments, its operands.

#include "commands.h"

#include <string.h>

/* One choice of one word, without brackets and dots. */
struct piece {
	char text[SYNOPSIS_WORD];
	bool ends;		/* a bracket closes after it: no argument follows */
	bool repeats;		/* "..." */
};

static const char *read_piece(const char *at, struct piece *piece)
{
	size_t length = strcspn(at, " |[]."), keep = length;

	if (keep >= sizeof(piece->text))
		keep = sizeof(piece->text) - 1;
	memcpy(piece->text, at, keep);
	piece->text[keep] = 0;
	at += length;
	piece->repeats = !strncmp(at, "...", 3);
	at += strspn(at, ".");
	piece->ends = *at == ']' || *at == '[';
	if (*at == '[')		/* "--watch[=S]": what is in there is no word of its own */
		at = strchr(at, ']') ?: at + strlen(at);
	return at + strspn(at, "]");
}

static bool is_option(const char *text)
{
	return !strncmp(text, "--", 2);
}

void synopsis_walk(const char *at, synopsis_fn fn, void *arg)
{
	struct synopsis_word word = { .place = -1 };
	struct piece piece, next;
	bool choice = false;

	while (*(at += strspn(at, " ["))) {
		at = read_piece(at, &piece);
		word.option = is_option(piece.text);
		word.repeats = piece.repeats;
		word.argument[0] = 0;
		strcpy(word.text, piece.text);
		if (word.option && !choice && !piece.ends && *at == ' ' && at[1] != '[' &&
		    !is_option(at + 1)) {
			at = read_piece(at + 1, &next);
			strcpy(word.argument, next.text);
		} else if (!word.option && !choice) {
			word.place++;
		}
		if (!fn(&word, arg))
			return;
		choice = *at == '|';
		at += choice;
	}
}
