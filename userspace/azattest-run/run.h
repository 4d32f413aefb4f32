/* SPDX-License-Identifier: GPL-2.0 */
/* Map of azattest-run: a VMM's identity, and the door for Unix-socket VMMs. */
#ifndef _AZ_RUN_H
#define _AZ_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <linux/azattest.h>

/* Exit codes, as env(1) and nohup(1) have them. */
#define EXIT_USAGE	2
#define EXIT_REFUSED	125	/* devices, binding, socket */
#define EXIT_CANNOT_RUN	126
#define EXIT_NOT_FOUND	127

/* The word part that becomes the number of the VMM's vhost descriptor. */
#define WORDS_VHOSTFD	"{vhostfd}"

struct run {
	struct azattest_bind bind;
	const char *uuid;	/* text, for messages */
	const char *uds;	/* NULL: a VM with a CID */
	uid_t socket_uid;	/* (uid_t)-1: as we are */
	gid_t socket_gid;
	mode_t socket_mode;
	char **command;		/* NULL: none */
};

/* say.c: one line on standard error; the second returns @code */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int say_failed(int code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* options.c */
int options_parse(struct run *run, int argc, char **argv);

/* words.c */
int words_replace(char **words, int fd);

/* device.c */
int device_open(bool inherited);
int device_open_vhost(void);
int device_pidfd(pid_t pid);
int device_bind(int device, struct run *run);
const char *device_bind_advice(int error);

/* launch.c: a VM with a CID; returns only on failure */
int launch_run(struct run *run);

/* serve.c: a VM with a Unix socket */
int serve_run(struct run *run);

/* child.c: a VMM held back until it has an identity */
struct child {
	pid_t pid;
	int pidfd;	/* -1: no child */
	int go;		/* write end that lets it go */
};

int child_start(struct child *child, char **command);
void child_release(struct child *child);
int child_status(struct child *child);
void child_stop(struct child *child, int signal);

/* socket.c: PATH_253 */
struct door {
	int fd;
	int dir;		/* its folder */
	char name[108];		/* in there */
	dev_t dev;
	ino_t ino;
};

int socket_open(struct door *door, const struct run *run);
void socket_close(struct door *door);

/* fence.c */
int fence_enter(void);

#endif /* _AZ_RUN_H */
