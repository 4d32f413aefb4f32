// SPDX-License-Identifier: GPL-2.0
// Promises about clients written for Azure's service: what they send is answered as they expect.

#include "rig.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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

/* curl as a guest's: from its address, and what is link-local is here. */
static void wrap_curl(const char *folder)
{
	char path[100];
	FILE *out;

	snprintf(path, sizeof(path), "%s/curl", folder);
	out = fopen(path, "w");
	tap_need(out);
	fprintf(out, "#!/bin/sh\nexec /usr/bin/curl -f --noproxy '*' --interface 127.1.0.7 "
		"--connect-to 169.254.169.253:80:%s \"$@\"\n", rig.host);
	tap_need(!fclose(out) && !chmod(path, 0755));
}

/* The lines of docs/rest.md that begin with curl, as they stand. */
static void curl_lines_of_the_manual_work(void)
{
	char line[400], command[700];
	unsigned int lines = 0;
	FILE *in = fopen(MANUAL, "r");

	if (access("/usr/bin/curl", X_OK))
		tap_skip("no curl");
	tap_need_msg(in, "%s", MANUAL);
	rig_prepare(&rig);
	inet_pton(AF_INET, "169.254.169.253", &rig.config.address[1]);
	rig.config.port = 80;
	rig_start(&rig);
	rig_serve(rig_grant(&rig, 7, 1001), 7, 1);
	wrap_curl(rig.dir);
	while (fgets(line, sizeof(line), in)) {
		if (strncmp(line, "curl ", 5))
			continue;
		snprintf(command, sizeof(command), "exec >%s/said; cd %s && PATH=%s:$PATH && %s", rig.dir,
			 rig.dir, rig.dir, line);
		tap_need_msg(!system(command), "%s", line);
		lines++;
	}
	tap_need_eq(lines, 5);
}

static const struct tap_test tests[] = {
	TAP_TEST(curl_lines_of_the_manual_work),
	TAP_TEST(clients_of_azure_find_what_they_look_for),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
