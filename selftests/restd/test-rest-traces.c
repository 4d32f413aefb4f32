// SPDX-License-Identifier: GPL-2.0
// Promises about clients written for Azure's service: what they send is answered as they expect.

#include "rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * A trace is lines: "> " a line of a request, sent when ">" alone ends it; "< "
 * the status that the client needs; "~ " what it looks for in the body.
 */
struct replay {
	char request[3000];
	struct rig_answer answer;
	int sock;
	unsigned int checks;
};

static struct rig rig;

static void send_request(struct replay *replay)
{
	if (replay->sock < 0 || replay->answer.closed)
		replay->sock = rig_connect(&rig, 7);
	strcat(replay->request, "\r\n");
	rig_send(replay->sock, replay->request);
	rig_read(replay->sock, &replay->answer);
	replay->request[0] = 0;
}

static void take_line(struct replay *replay, char *line, const char *name)
{
	line[strcspn(line, "\n")] = 0;
	if (!strcmp(line, ">")) {
		send_request(replay);
	} else if (line[0] == '>') {
		tap_need(strlen(replay->request) + strlen(line) + 3 < sizeof(replay->request));
		strcat(strcat(replay->request, line + 2), "\r\n");
	} else if (line[0] == '<') {
		replay->checks++;
		tap_need_msg(atoi(line + 2) == replay->answer.status, "%s: %d, not %s: %s", name,
			     replay->answer.status, line + 2, replay->answer.body);
	} else if (line[0] == '~') {
		replay->checks++;
		tap_need_msg(strstr(replay->answer.body, line + 2), "%s: no %s in %s", name, line + 2,
			     replay->answer.body);
	} else {
		tap_need_msg(line[0] == '#', "%s: %s", name, line);
	}
}

static void replay_file(const char *path, const char *name)
{
	struct replay replay = { .sock = -1 };
	FILE *in = fopen(path, "r");
	char line[1000];

	tap_need_msg(in, "%s", path);
	while (fgets(line, sizeof(line), in))
		take_line(&replay, line, name);
	fclose(in);
	tap_need_msg(replay.checks >= 2 && !replay.request[0], "%s: is cut", name);
	if (replay.sock >= 0)
		close(replay.sock);
}

static void clients_of_azure_find_what_they_look_for(void)
{
	DIR *dir = opendir(TRACES);
	unsigned int files = 0;
	struct dirent *entry;

	tap_need_msg(dir, "%s", TRACES);
	rig_prepare(&rig);
	rig_start(&rig);
	rig_serve(rig_grant(&rig, 7, 1001), 7, 1);
	while ((entry = readdir(dir))) {
		char path[600];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", TRACES, entry->d_name);
		replay_file(path, entry->d_name);
		files++;
	}
	closedir(dir);
	tap_need_eq(files, 5);
}

static const struct tap_test tests[] = {
	TAP_TEST(clients_of_azure_find_what_they_look_for),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
