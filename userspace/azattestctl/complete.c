// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl complete": what the last word of an unfinished command line may be.

#include "commands.h"
#include "module.h"
#include "vm.h"

#include <ctype.h>
#include <net/if.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_S	2L	/* somebody waits at a keyboard */

/* The line up to the cursor: @word[@count - 1] is the unfinished word. */
struct line {
	const struct ctl *ctl;
	const char *command;	/* that it is inside of, or NULL */
	char **word;
	int count;
	const char *begun;
	json_t *offered;	/* a command's forms, and two VMs, may have a word both */
	const char *wanted;	/* an option whose argument comes now, or NULL */
	int place;		/* else: how many operands stand before it */
};

/* A word that is not UTF-8, or has a control character, is none that a shell could take. */
static void offer(const struct line *line, const char *word)
{
	if (!*word || strncmp(word, line->begun, strlen(line->begun)))
		return;
	for (const char *c = word; *c; c++)
		if (iscntrl((unsigned char)*c))
			return;
	if (json_object_get(line->offered, word) || json_object_set_new(line->offered, word, json_true()))
		return;
	puts(word);
}

/* ---- what operands stand for ---- */

/* One member of each object in the array of this name, or two. */
static void offer_all(const struct line *line, const char *array, const char *key, const char *other)
{
	struct ctl hasty = *line->ctl;
	struct hostd_answer answer;
	const json_t *one;
	char path[40];
	size_t i;

	hasty.patience = PATIENCE_S;
	snprintf(path, sizeof(path), "/v1/%s", array);
	hostd_call(&hasty, "GET", path, NULL, &answer);
	json_array_foreach(json_object_get(answer.json, array), i, one) {
		offer(line, json_string_value(json_object_get(one, key)) ?: "");
		if (other)
			offer(line, json_string_value(json_object_get(one, other)) ?: "");
	}
	json_decref(answer.json);
}

static void offer_domain(const json_t *row, void *arg)
{
	offer(arg, json_string_value(json_object_get(row, "name")) ?: "");
}

/* Nobody at a keyboard wants to read why libvirt does not answer. */
static void offer_domains(const struct line *line)
{
	if (freopen("/dev/null", "w", stderr))
		domains_run(line->ctl, "complete", "vsock", "show", 0, NULL, offer_domain, (void *)line,
			    NULL);
}

/* Those that are enrolled; and those that can be, or that lose a card. */
static void offer_vms(const struct line *line)
{
	bool adds = !strcmp(line->command, "vm add");

	offer_all(line, "vms", "uuid", "name");
	if (adds)
		offer_all(line, "bindings", "uuid", "name");
	if (adds || !strcmp(line->command, "vm remove"))
		offer_domains(line);
}

static void offer_uuids(const struct line *line)
{
	offer_all(line, "vms", "uuid", NULL);
	offer_all(line, "bindings", "uuid", NULL);
}

static void offer_interfaces(const struct line *line)
{
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *one = all; one && one->if_name; one++)
		offer(line, one->if_name);
	if_freenameindex(all);
}

static void offer_users(const struct line *line)
{
	const struct passwd *user;

	setpwent();
	while ((user = getpwent()))
		offer(line, user->pw_name);
	endpwent();
}

static void offer_limits(const struct line *line)
{
	const char *name;
	json_t *status, *limit;
	int exit;

	status = module_status("complete", &exit);
	json_object_foreach(json_object_get(status, "limits"), name, limit)
		offer(line, name);
	json_decref(status);
}

/* What is lower case stands for itself; of what is unknown nothing is offered. */
static void offer_meaning(const struct line *line, const char *meaning)
{
	if (islower((unsigned char)*meaning))
		offer(line, meaning);
	else if (!strcmp(meaning, "UUID"))
		offer_uuids(line);
	else if (!strcmp(meaning, "NAME"))
		offer_all(line, "vms", "name", NULL);
	else if (!strcmp(meaning, "VM"))
		offer_vms(line);
	else if (!strcmp(meaning, "DOMAIN"))
		offer_domains(line);
	else if (!strcmp(meaning, "IF"))
		offer_interfaces(line);
	else if (!strcmp(meaning, "USER"))
		offer_users(line);
	else if (!strcmp(meaning, "LIMIT"))
		offer_limits(line);
	else if (!strcmp(meaning, "FILE"))
		puts(":files");
}

/* ---- the commands' names ---- */

/* Of "vm add" the first word, or the second one after @group. */
static void offer_names(const struct line *line, const char *group)
{
	char said[24] = "", word[24];

	for (const struct command *c = commands; c->name; c++) {
		size_t first = strcspn(c->name, " ");

		if (group && (strlen(group) != first || strncmp(c->name, group, first)))
			continue;
		snprintf(word, sizeof(word), "%s", group ? c->name + first : c->name);
		memmove(word, word + (*word == ' '), sizeof(word) - 1);
		if (!group)
			word[first] = 0;
		if (strcmp(word, said))
			offer(line, word);
		strcpy(said, word);
	}
}

/* ---- inside a command ---- */

struct search {
	const char *option;
	char argument[SYNOPSIS_WORD];
};

static bool find_option(const struct synopsis_word *word, void *arg)
{
	struct search *search = arg;

	if (!word->option || strcmp(word->text, search->option))
		return true;
	strcpy(search->argument, word->argument);
	return false;
}

/* What the option of the command takes: "" if nothing. */
static void argument_of(const char *name, const char *option, char argument[SYNOPSIS_WORD])
{
	struct search search = { .option = option };

	for (const struct command *c = commands; c->name && !*search.argument; c++)
		if (!strcmp(c->name, name))
			synopsis_walk(c->synopsis, find_option, &search);
	strcpy(argument, search.argument);
}

static bool offer_word(const struct synopsis_word *word, void *arg)
{
	const struct line *line = arg;

	if (word->option) {
		if (*line->begun == '-')
			offer(line, word->text);
	} else if (word->place == line->place || (word->repeats && word->place < line->place)) {
		if (*line->begun != '-')
			offer_meaning(line, word->text);
	}
	return true;
}

/* Which of the words before the unfinished one are operands, and whether an option waits. */
static void read_words(struct line *line, const char *name, int first)
{
	char argument[SYNOPSIS_WORD];

	for (int i = first; i < line->count - 1; i++) {
		if (strncmp(line->word[i], "--", 2)) {
			line->place++;
			continue;
		}
		argument_of(name, line->word[i], argument);
		if (!*argument)
			continue;
		if (++i == line->count - 1)
			line->wanted = line->word[i - 1];
	}
}

static void complete_inside(struct line *line, const char *name, int first)
{
	char argument[SYNOPSIS_WORD];

	line->command = name;
	read_words(line, name, first);
	if (line->wanted) {
		argument_of(name, line->wanted, argument);
		offer_meaning(line, argument);
		return;
	}
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			synopsis_walk(c->synopsis, offer_word, line);
	if (*line->begun == '-')
		offer(line, "--help");
}

static void complete_line(struct line *line)
{
	const struct command *command;
	int count;

	if (line->count > 1 && !strcmp(line->word[0], "help")) {
		line->word++;
		line->count--;
		if (line->count < 3)
			offer_names(line, line->count == 1 ? NULL : line->word[0]);
		return;
	}
	command = commands_find(line->count - 1, line->word, &count);
	if (command)
		complete_inside(line, command->name, count);
	else if (line->count == 1)
		offer_names(line, NULL);
	else if (line->count == 2)
		offer_names(line, line->word[0]);
}

/* bash takes "--uuid=c0" for three words. */
static int without_equals(char **word, int count)
{
	int kept = 0;

	for (int i = 0; i < count; i++)
		if (strcmp(word[i], "=") || i == count - 1)
			word[kept++] = strcmp(word[i], "=") ? word[i] : word[i] + 1;
	return kept;
}

/* --socket PATH and --api PATH come before the command. */
static bool skip_options(struct line *line)
{
	while (line->count > 1 && (!strcmp(line->word[0], "--socket") ||
				   !strcmp(line->word[0], "--api"))) {
		if (line->count == 2)
			return false;
		line->word += 2;
		line->count -= 2;
	}
	return true;
}

int complete_command(const struct ctl *ctl, int argc, char **argv)
{
	int skip = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;
	struct line line = { .ctl = ctl, .word = argv + skip,
			     .count = without_equals(argv + skip, argc - skip) };

	if (!line.count)
		return EXIT_SUCCESS;
	line.offered = json_object();
	line.begun = line.word[line.count - 1];
	if (!skip_options(&line)) {
		puts(":files");
	} else if (line.count == 1 && *line.begun == '-') {
		offer(&line, "--socket");
		offer(&line, "--api");
		offer(&line, "--help");
	} else {
		complete_line(&line);
	}
	json_decref(line.offered);
	return output_end(argv[0]);
}
