/* SPDX-License-Identifier: GPL-2.0 */
/* How a test program says what it promises (TAP), waits, and starts children. */
#ifndef SELFTESTS_LIB_TAP_H
#define SELFTESTS_LIB_TAP_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/*
 * A program is a table of promises. Each runs in a process group of its own,
 * so that what it leaves open is gone before the next one begins, and a crash,
 * a hang or a silent exit of it is one "not ok" and not the end of the program.
 *
 *	static void reply_carries_id(void) { tap_need_eq(reply.id, 7); }
 *
 *	static const struct tap_test tests[] = {
 *		TAP_TEST(reply_carries_id),
 *	};
 *
 *	int main(int argc, char **argv)
 *	{
 *		return tap_main(tests, TAP_COUNT(tests), argc, argv);
 *	}
 *
 * Arguments name the promises to run, none means all. Exit status: 0 all held
 * or were skipped, 1 otherwise.
 */
struct tap_test {
	const char *promise;
	void (*run)(void);
	unsigned int timeout_s;	/* hang after this; 0: TAP_TIMEOUT_S */
};

#define TAP_TEST(fn)		{ #fn, fn, 0 }
#define TAP_TEST_SLOW(fn, s)	{ #fn, fn, s }
#define TAP_COUNT(a)		(sizeof(a) / sizeof((a)[0]))

#define TAP_TIMEOUT_S		120

int tap_main(const struct tap_test *tests, size_t count, int argc, char **argv);

/* For main(), before tap_main(): the whole program has nothing to run on. */
void tap_skip_all(const char *why, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Inside a promise: "# ..." line; ends it as skipped; ends it as broken. */
void tap_diag(const char *text, ...) __attribute__((format(printf, 1, 2)));
void tap_skip(const char *why, ...) __attribute__((noreturn, format(printf, 1, 2)));
void tap_fail(const char *file, int line, const char *text, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* tap_need: the promise is broken unless the condition holds. */
#define tap_need(cond)								\
	do {									\
		if (!(cond))							\
			tap_fail(__FILE__, __LINE__, "%s (errno %d)", #cond, errno); \
	} while (0)

#define tap_need_msg(cond, ...)							\
	do {									\
		if (!(cond))							\
			tap_fail(__FILE__, __LINE__, __VA_ARGS__);		\
	} while (0)

/* Both numbers are said when they differ. */
#define tap_need_eq(got, want)							\
	do {									\
		long long tap_got_ = (long long)(got);				\
		long long tap_want_ = (long long)(want);			\
										\
		if (tap_got_ != tap_want_)					\
			tap_fail(__FILE__, __LINE__, "%s is %lld, not %s (%lld)", \
				 #got, tap_got_, #want, tap_want_);		\
	} while (0)

/* True as soon as the condition is; false after tap_patience_ms(). */
#define tap_wait(cond)								\
	({									\
		int64_t tap_end_ = tap_now_ms() + tap_patience_ms();		\
		bool tap_ok_;							\
										\
		while (!(tap_ok_ = !!(cond)) && tap_now_ms() < tap_end_)	\
			tap_pause();						\
		tap_ok_;							\
	})

#define tap_need_wait(cond)							\
	do {									\
		if (!tap_wait(cond))						\
			tap_fail(__FILE__, __LINE__, "never: %s", #cond);	\
	} while (0)

int64_t tap_now_ms(void);
int tap_patience_ms(void);	/* longest wait for what must come: 60 s, scaled */
void tap_pause(void);	/* a few milliseconds, between two looks */

/* In the environment, AZ_LONG=1: loops as long as their numbers allow; AZ_SHORT=1: a tenth. */
bool tap_long(void);
unsigned int tap_loops(unsigned int normal, unsigned int when_long);

/*
 * A child that runs fn(arg) and exits with its value. It dies with its parent.
 * `keep`: the only descriptor above 2 it inherits, or -1, or TAP_KEEP_ALL; a
 * copy of an owner's file in a forgotten child would keep a binding alive.
 */
#define TAP_KEEP_ALL	(-2)

pid_t tap_spawn(int (*fn)(void *arg), void *arg, int keep);
int tap_join(pid_t pid);	/* exit status, or 128 + signal */
void tap_kill(pid_t pid);	/* SIGKILL, and reaped */

/* One descriptor over a Unix socket, with one byte. -errno on failure. */
int tap_send_fd(int sock, int fd);
int tap_recv_fd(int sock);

/*
 * Remembers what the (small) file says now; the runner writes it back when the
 * promise has ended, however it ended. For parameters and sysctls.
 */
void tap_restore(const char *path);

/* As many descriptors as root may have. */
void tap_raise_nofile(void);

/* A page-aligned mapping that children share; never NULL. */
void *tap_shared(size_t size);

#endif /* SELFTESTS_LIB_TAP_H */
