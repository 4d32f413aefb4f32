// SPDX-License-Identifier: GPL-2.0
// Owns what this host can know about its own clock: the latest time it was sure of, and jumps.

#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <userspace/common/accept.h>

/*
 *   STATE/clock   "seen SECONDS since-boot SECONDS boot ID"
 *
 * A certificate that has ended and a clock that is wrong look alike: the one
 * needs a CA, the other somebody who sets the clock. Two witnesses tell them
 * apart where that is possible. A host's time does not go back: what it has
 * seen is kept on disk. And the time since boot does not jump: when the clock
 * moves against it, somebody has set the clock. Documents do not depend on any
 * of it; it is only said.
 */
#define NOTE		"clock"
#define NOTE_MAX	160
#define KEEP_MS		(60 * 60 * 1000LL)
/* Less is how time services correct a clock. */
#define JUMP_S		120
/* So long a jump is told, unless it is why a certificate is not valid. */
#define TELL_S		86400
/* Clocks of two boots may differ by this, and nobody is misled. */
#define BEHIND_S	3600
/* A CA that dates a certificate further back says nothing about now. */
#define FRESH_S		86400

int64_t clock_boot_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int64_t since_boot(void)
{
	return clock_boot_ms() / 1000;
}

static void read_boot(char id[CLOCK_BOOT])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, CLOCK_BOOT - 1);

	if (fd >= 0)
		close(fd);
	id[n > 0 ? n : 0] = 0;
	id[strcspn(id, "\n")] = 0;
}

static void keep(struct azattestd *d)
{
	struct clock *clock = &d->clock;
	struct failure failure;
	char line[NOTE_MAX];

	clock->kept_ms = watch_now_ms();
	snprintf(line, sizeof(line), "seen %" PRIi64 " since-boot %" PRIi64 " boot %s\n",
		 clock->seen, since_boot(), clock->boot);
	if (clock->seen && state_replace(&d->state, NOTE, line, strlen(line), &failure))
		log_line(LOG_WARNING, "clock: %s", failure.text);
}

/* What another life of this daemon kept; damaged, it is as if there were none. */
static void recall(struct azattestd *d)
{
	struct clock *clock = &d->clock;
	char line[NOTE_MAX] = "", boot[CLOCK_BOOT] = "";
	int64_t seen = 0, at = 0;
	struct failure failure;
	int length = state_read(&d->state, ".", NOTE, line, sizeof(line) - 1, &failure);

	if (length == -ENOENT)
		return;
	line[length > 0 ? length : 0] = 0;
	if (length < 0 || sscanf(line, "seen %" SCNi64 " since-boot %" SCNi64 " boot %39s", &seen,
				 &at, boot) != 3 || seen < CLOCK_FIRST) {
		log_line(LOG_WARNING, "%s: tells nothing about the clock: made anew",
			 length < 0 ? failure.text : NOTE);
		return;
	}
	clock->seen = seen;
	if (strcmp(boot, clock->boot))
		return;
	clock->offset = seen - at;
	clock->looked = true;
}

static void jumped(struct azattestd *d, int64_t now, int64_t by)
{
	struct clock *clock = &d->clock;
	char span[ACCEPT_SPAN];

	clock->jump = by;
	clock->jumped_at = now;
	clock->seen = now;
	log_line(LOG_WARNING, "the clock was set %s by %s", by < 0 ? "back" : "ahead",
		 accept_span(by < 0 ? -by : by, span));
	keep(d);
}

void clock_tick(struct azattestd *d)
{
	struct clock *clock = &d->clock;
	int64_t now = time(NULL), offset = now - since_boot(), by = offset - clock->offset;
	bool first = !clock->looked, was_set = !clock_never_set(clock->last);

	clock->offset = offset;
	clock->looked = true;
	clock->last = now;
	if (clock_never_set(now))
		return;
	/* From 1970 to now is no jump: the clock begins, and who waited for it need not any more. */
	if (!first && !was_set)
		d->renew.next_ms = 0;
	if (!first && was_set && (by > JUMP_S || by < -JUMP_S))
		jumped(d, now, by);
	if (now > clock->seen)
		clock->seen = now;
	if (!clock->kept_ms || watch_now_ms() - clock->kept_ms > KEEP_MS)
		keep(d);
}

void clock_open(struct azattestd *d)
{
	struct clock *clock = &d->clock;

	read_boot(clock->boot);
	clock->last = time(NULL);
	recall(d);
	clock_tick(d);
}

void clock_close(struct azattestd *d)
{
	keep(d);
}

/* Whoever made it has a clock too: a certificate that has just begun says that both agree. */
void clock_confirm(struct azattestd *d)
{
	int64_t now = time(NULL);

	if (now < d->leaf.not_before || now - d->leaf.not_before > FRESH_S)
		return;
	d->clock.seen = now;
	d->clock.jump = 0;
	keep(d);
}

enum clock_doubt clock_doubt(const struct clock *clock, int64_t now)
{
	if (clock_never_set(now))
		return CLOCK_NEVER_SET;
	if (clock->seen - now > BEHIND_S)
		return CLOCK_BEHIND;
	return clock->jump && now - clock->jumped_at < TELL_S ? CLOCK_JUMPED : CLOCK_FINE;
}

bool clock_explains_end(const struct clock *clock, int64_t now, int64_t not_after)
{
	return clock->jump > 0 && now - clock->jump < not_after;
}

static const char *date(int64_t seconds, char text[32])
{
	time_t time = seconds;
	struct tm tm;

	*text = 0;
	if (gmtime_r(&time, &tm))
		strftime(text, 32, "%Y-%m-%d %H:%M UTC", &tm);
	return text;
}

void clock_describe(const struct clock *clock, int64_t now, char *out, size_t size)
{
	char span[ACCEPT_SPAN], when[32];
	int64_t by = clock->jump;

	*out = 0;
	switch (clock_doubt(clock, now)) {
	case CLOCK_NEVER_SET:
		snprintf(out, size, "the clock says %s: it was never set", date(now, when));
		break;
	case CLOCK_BEHIND:
		snprintf(out, size, "the clock is %s behind what this host has seen (%s)",
			 accept_span(clock->seen - now, span), date(clock->seen, when));
		break;
	case CLOCK_JUMPED:
		snprintf(out, size, "the clock was set %s by %s at %s", by < 0 ? "back" : "ahead",
			 accept_span(by < 0 ? -by : by, span), date(clock->jumped_at, when));
		break;
	case CLOCK_FINE:
		break;
	}
}
