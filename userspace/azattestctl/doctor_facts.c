// SPDX-License-Identifier: GPL-2.0
// Owns what a doctor asks of daemons, kernel and host before it judges; none of it changes anything.

#include "doctor.h"

#include <errno.h>
#include <grp.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PATIENCE_S	5	/* of azattest-hostd's status, which it has ready */

/* The id of the next link: a kernel without links does not know the question. */
static int probe_bpf_links(void)
{
	union bpf_attr attr = { 0 };

	if (!syscall(SYS_bpf, BPF_LINK_GET_NEXT_ID, &attr, sizeof(attr)) || errno == ENOENT)
		return 0;
	return errno;
}

static int probe_secret_memory(void)
{
	int fd = (int)syscall(SYS_memfd_secret, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static bool probe_clock_loose(void)
{
	struct timex timex = { .modes = 0 };

	return adjtimex(&timex) == TIME_ERROR || (timex.status & STA_UNSYNC);
}

/* Who looks for what is wrong must not hang with it. */
static void ask_hostd(struct doctor *doctor, const struct ctl *ctl)
{
	struct hostd_answer answer;
	struct ctl hasty = *ctl;

	hasty.patience = PATIENCE_S;
	hostd_call(&hasty, "GET", "/v1/status", NULL, &answer);
	if (answer.status == 200) {
		doctor->hostd = answer.json;
		doctor->bindings = hostd_bindings(&hasty);
		return;
	}
	snprintf(doctor->hostd_why, sizeof(doctor->hostd_why), "%s",
		 answer.status ? "it refuses to tell its status" : answer.why);
	json_decref(answer.json);
}

void doctor_gather(struct doctor *doctor, const struct ctl *ctl)
{
	static struct utsname system;
	struct group *group = getgrnam("azattest");

	uname(&system);
	*doctor = (struct doctor) {
		.root = "",
		.release = system.release,
		.is_root = !geteuid(),
		.bpf_links = probe_bpf_links(),
		.secret_memory = probe_secret_memory(),
		.clock_loose = probe_clock_loose(),
		.group = group ? group->gr_gid : (gid_t)-1,
	};
	doctor->daemon = ask_daemon_quietly(ctl, "status", doctor->daemon_why,
					    sizeof(doctor->daemon_why));
	ask_hostd(doctor, ctl);
}

void doctor_release(struct doctor *doctor)
{
	json_decref(doctor->daemon);
	json_decref(doctor->hostd);
	json_decref(doctor->bindings);
}
