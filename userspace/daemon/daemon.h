/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every daemon here is made of: one thread, one poll loop, lines for people.
 *
 *   watch.c   descriptors and their handlers
 *   log.c     lines for people, and failures on their way up
 *   options.h the command line of programs that take options only
 *   format.c  which version wrote a state directory
 *   local.c   a socket of its own in the run directory
 */
#ifndef AZATTEST_DAEMON_H
#define AZATTEST_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <syslog.h>

/* log.c */

/* What lines begin with; main() says it first of all. */
extern const char *log_name;

/* A failure on its way to who logs it: one line: what, where, why, what to do. */
struct failure {
	int exit;		/* EXIT_* of the program: what to end with, if it comes to that */
	char text[600];
};

/* Fills it; returns @error, so that "return failure_set(...)" reads well. */
int failure_set(struct failure *failure, int exit, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Many whole lines at once; @text as log_line() would have written them. */
void log_raw(const char *text, size_t length);
/* "<6>" before a line where a journal reads it, else "". */
const char *log_prefix(int level);

/* format.c */

/*
 * 0: the state directory @dir is of format @ours; what has no number is older than
 * numbers, is of the same layout, and gets one. Else @path is of a newer format, or nobody
 * can tell: nothing was touched, and @exit is what to end with.
 */
int format_check(int dir, const char *path, unsigned int ours, int exit, struct failure *failure);

/* local.c */

#define LOCAL_PATH_SIZE	108	/* unix(7), sun_path */

struct local {
	int type;		/* SOCK_STREAM or SOCK_SEQPACKET */
	mode_t mode;		/* of its name; SO_PEERCRED says who it is that connects */
	uid_t owner;		/* of its name; 0: ours */
	int backlog;
	char *path;		/* LOCAL_PATH_SIZE bytes: gets RUN/NAME */
};

/* A listening socket, close-on-exec and non-blocking, or -errno and why; @run is made if missing. */
int local_listen(const struct local *local, const char *run, const char *name,
		 struct failure *failure);

/* watch.c */

struct watch {
	int fd;
	void (*ready)(struct watch *watch, uint32_t events);
	void *owner;
	/* watch.c, of one that pauses: until when, and the next that does */
	int64_t pause_ms;
	struct watch *next;
};

int watch_open(void);
int watch_add(struct watch *watch, uint32_t events);
int watch_change(struct watch *watch, uint32_t events);
/*
 * accept4() of a listener (EPOLLIN), close-on-exec and non-blocking. While there
 * is no room for one more descriptor the listener pauses instead of being called
 * again and again for the connection that nobody can take.
 */
int watch_accept(struct watch *watch, struct sockaddr *peer, socklen_t *size);
/* Hears nothing of @watch (EPOLLIN) for @ms but that the other end is gone; then again. */
void watch_pause(struct watch *watch, int ms);
/* Takes it out and closes its descriptor. */
void watch_close(struct watch *watch);
/* Runs at most one handler, so that a handler may close any watch. */
void watch_wait(int timeout_ms);
/* Runs all that are ready: whoever closes one does it by watch_close(). */
void watch_wait_many(int timeout_ms);
int64_t watch_now_ms(void);

#endif
