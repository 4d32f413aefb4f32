// SPDX-License-Identifier: GPL-2.0
// Owns a strict reader of Prometheus' text format.

#include <selftests/certificate/promtext.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where it reads; a family is open from its HELP to the next one's. */
struct reader {
	struct promtext *out;
	const char *prefix;
	const char *p;
	unsigned int line;
	char family[128];	/* "": none */
	bool typed, counter;
	size_t samples;		/* of the family */
	char seen[PROMTEXT_SERIES][128];
	size_t families;
};

static bool wrong(struct reader *r, const char *what)
{
	snprintf(r->out->why, sizeof(r->out->why), "line %u: %s", r->line, what);
	return false;
}

static bool take(struct reader *r, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(r->p, word, length))
		return false;
	r->p += length;
	return true;
}

static bool take_name(struct reader *r, char *out, size_t size, bool colons)
{
	size_t length = 0;

	while (isalpha((unsigned char)r->p[length]) || r->p[length] == '_' ||
	       (colons && r->p[length] == ':') || (length && isdigit((unsigned char)r->p[length])))
		length++;
	if (!length || length >= size)
		return false;
	memcpy(out, r->p, length);
	out[length] = 0;
	r->p += length;
	return true;
}

static bool close_family(struct reader *r)
{
	if (*r->family && !r->samples)
		return wrong(r, "the family before has no sample");
	return true;
}

static bool read_help(struct reader *r)
{
	if (!close_family(r))
		return false;
	if (!take_name(r, r->family, sizeof(r->family), true) || !take(r, " "))
		return wrong(r, "HELP without a name and a text");
	if (strncmp(r->family, r->prefix, strlen(r->prefix)))
		return wrong(r, "a name of somebody else's");
	for (size_t i = 0; i < r->families; i++)
		if (!strcmp(r->seen[i], r->family))
			return wrong(r, "this family was there before");
	if (r->families == PROMTEXT_SERIES)
		return wrong(r, "too many families");
	strcpy(r->seen[r->families++], r->family);
	r->typed = false;
	r->samples = 0;
	for (; *r->p != '\n'; r->p++)
		if (*r->p == '\\' && *++r->p != '\\' && *r->p != 'n')
			return wrong(r, "an unknown escape in HELP");
	return true;
}

static bool ends_in_total(const char *name)
{
	static const char total[] = "_total";
	size_t length = strlen(name);

	return length > strlen(total) && !strcmp(name + length - strlen(total), total);
}

static bool read_type(struct reader *r)
{
	char name[128];

	if (!take_name(r, name, sizeof(name), true) || strcmp(name, r->family) || r->typed)
		return wrong(r, "TYPE that does not follow its HELP");
	r->counter = take(r, " counter");
	if (!r->counter && !take(r, " gauge"))
		return wrong(r, "neither counter nor gauge");
	if (r->counter != ends_in_total(r->family))
		return wrong(r, "counters end in _total, and nothing else does");
	r->typed = true;
	return true;
}

static bool read_label_value(struct reader *r)
{
	for (; *r->p != '"'; r->p++) {
		if (*r->p == '\n')
			return wrong(r, "a label's value does not end");
		if (*r->p != '\\')
			continue;
		r->p++;
		if (*r->p != '\\' && *r->p != '"' && *r->p != 'n')
			return wrong(r, "an unknown escape in a label");
	}
	r->p++;
	return true;
}

static bool read_labels(struct reader *r)
{
	char names[16][64];
	size_t count = 0;

	do {
		if (count == 16 || !take_name(r, names[count], sizeof(names[0]), false) ||
		    !take(r, "=\""))
			return wrong(r, "no label");
		for (size_t i = 0; i < count; i++)
			if (!strcmp(names[i], names[count]))
				return wrong(r, "a label twice");
		count++;
		if (!read_label_value(r))
			return false;
	} while (take(r, ","));
	return take(r, "}") || wrong(r, "labels do not end");
}

static bool read_value(struct reader *r, double *value)
{
	char *end;

	if (!take(r, " ") || *r->p == ' ')
		return wrong(r, "no single blank before the value");
	*value = strtod(r->p, &end);
	if (end == r->p || *end != '\n')
		return wrong(r, "no value, or something after it");
	r->p = end;
	if (r->counter && *value < 0)
		return wrong(r, "a counter below zero");
	return true;
}

static bool read_sample(struct reader *r)
{
	struct promtext *out = r->out;
	const char *begin = r->p;
	size_t at = out->count, length;
	char name[128];

	if (!take_name(r, name, sizeof(name), true) || strcmp(name, r->family) || !r->typed)
		return wrong(r, "a sample outside of its family");
	if (take(r, "{") && !read_labels(r))
		return false;
	length = (size_t)(r->p - begin);
	if (at == PROMTEXT_SERIES || length >= sizeof(out->series[0].name))
		return wrong(r, "too much");
	memcpy(out->series[at].name, begin, length);
	out->series[at].name[length] = 0;
	if (promtext_value(out, out->series[at].name) != -1)
		return wrong(r, "a series twice");
	out->count++;
	r->samples++;
	return read_value(r, &out->series[at].value);
}

static bool read_line(struct reader *r)
{
	bool ok;

	if (!strchr(r->p, '\n'))
		return wrong(r, "does not end");
	if (take(r, "# HELP "))
		ok = read_help(r);
	else if (take(r, "# TYPE "))
		ok = read_type(r);
	else
		ok = read_sample(r);
	return ok && (take(r, "\n") || wrong(r, "something after its end"));
}

bool promtext_read(struct promtext *out, const char *text, const char *prefix)
{
	struct reader *r = calloc(1, sizeof(*r));
	bool ok = r;

	memset(out, 0, sizeof(*out));
	if (!r)
		return false;
	r->out = out;
	r->prefix = prefix;
	r->p = text;
	while (ok && *r->p) {
		r->line++;
		ok = read_line(r);
	}
	ok = ok && close_family(r) && (out->count || wrong(r, "nothing"));
	free(r);
	return ok;
}

double promtext_value(const struct promtext *in, const char *name)
{
	for (size_t i = 0; i < in->count; i++)
		if (!strcmp(in->series[i].name, name))
			return in->series[i].value;
	return -1;
}
