// SPDX-License-Identifier: GPL-2.0
// Owns asking a host: where it is, and asking again while that may help.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define DELAY_FIRST_MS	200
#define DELAY_MAX_MS	5000

int ask_parse_wait(const char *command, const char *text, double *wait)
{
	char *end;

	*wait = strtod(text, &end);
	if (*text == '\0' || *end != '\0' || !(*wait >= 0 && *wait <= 86400))
		return report_usage(command, "--wait %s: not a number of "
				    "seconds from 0 to 86400", text);
	return 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int connect_unix(const char *path, int *fd, struct azattest_fault *fault)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (s >= 0 && !connect(s, (struct sockaddr *)&address, sizeof(address))) {
		*fd = s;
		return 0;
	}
	fault->code = errno == ECONNREFUSED || errno == ENOENT ?
		      AZATTEST_E_RESET : AZATTEST_E_SYSTEM;
	snprintf(fault->text, sizeof(fault->text),
		 "cannot connect to unix:%.108s: %s", path, strerror(errno));
	if (s >= 0)
		close(s);
	return fault->code;
}

static int connect_to(const struct ask *ask, int *fd,
		      struct azattest_fault *fault)
{
	unsigned int cid = AZATTEST_CONNECT_CID, port = AZATTEST_CONNECT_PORT;
	int end = 0;

	if (ask->connect && !strncmp(ask->connect, "unix:", 5))
		return connect_unix(ask->connect + 5, fd, fault);
	if (ask->connect &&
	    (sscanf(ask->connect, "vsock:%u:%u%n", &cid, &port, &end) != 2 ||
	     ask->connect[end])) {
		fault->code = AZATTEST_E_ARGUMENT;
		snprintf(fault->text, sizeof(fault->text), "--connect %.100s: "
			 "neither vsock:CID:PORT nor unix:PATH", ask->connect);
		return fault->code;
	}
	return azattest_connect(cid, port, ask->timeout_ms, fd, fault);
}

static int ask_once(const struct ask *ask, ask_question *question, void *arg,
		    struct azattest_fault *fault)
{
	int fd = -1, rc = connect_to(ask, &fd, fault);

	if (rc)
		return rc;
	rc = question(fd, ask->timeout_ms, arg, fault);
	close(fd);
	return rc;
}

/* Half to all of the step, so that guests of one boot do not ask in chorus. */
static double jittered(double step_ms)
{
	unsigned int random = 0;

	if (getrandom(&random, sizeof(random), 0) < 0)
		random = 1u << 31;
	return step_ms * (0.5 + 0.5 * random / 4294967296.0) / 1000;
}

static void pause_for(double seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds };

	t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* The last try is made when the time is up. */
int ask_run(const struct ask *ask, ask_question *question, void *arg,
	    struct azattest_fault *fault)
{
	double end = now() + ask->wait, step = DELAY_FIRST_MS;
	int rc, said = 0;

	for (;;) {
		double delay = jittered(step), left = end - now();

		rc = ask_once(ask, question, arg, fault);
		if (!rc || !azattest_code_retryable(rc) || left <= 0)
			return rc;
		if (rc != said)
			report_note(ask->command, "%s (%s): trying again for "
				    "%.0f s", fault->text,
				    azattest_code_name(rc), left);
		said = rc;
		pause_for(delay < left ? delay : left);
		step = step * 2 < DELAY_MAX_MS ? step * 2 : DELAY_MAX_MS;
	}
}
