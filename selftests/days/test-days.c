// SPDX-License-Identifier: GPL-2.0
// Promises of a host over 90 days: outages of its CA, a new issuing CA, and no document that does not verify.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selftests/days/days.h>

/*
 * Days, from the first certificate on. It lives 30 days and is renewed when
 * less than 10 are left, so outages begin just before a renewal is due, and the
 * last one takes longer than any certificate has left:
 *
 *   19.75 to 20.75  1 day   the renewal of day 20 comes a day late
 *   40.5  to 48.5   8 days  less than 7 are left: a warning
 *   50              the CA rolls over to a new issuing CA, under its root
 *   52    to 87    35 days  the certificate ends in between
 */
#define STEP	(6 * HOUR)
#define LAST	(90 * DAY)

enum happening { CA_GOES, CA_COMES, CA_ROLLS_OVER };

static const struct {
	int64_t at;
	enum happening what;
} plan[] = {
	{ 19 * DAY + 18 * HOUR, CA_GOES }, { 20 * DAY + 18 * HOUR, CA_COMES },
	{ 40 * DAY + 12 * HOUR, CA_GOES }, { 48 * DAY + 12 * HOUR, CA_COMES },
	{ 50 * DAY, CA_ROLLS_OVER },
	{ 52 * DAY, CA_GOES }, { 87 * DAY, CA_COMES },
};

static struct rig rig;
static struct fakeclock *clock_page;

/* What was seen on the way. */
static struct {
	unsigned int issued, expired, warned, ended_states;
	int64_t came_back;		/* of the CA, after the longest outage; 0: not yet */
	int64_t active_again;
} seen;

static void happen(enum happening what)
{
	switch (what) {
	case CA_GOES:
		rig_stop_ca(&rig);
		break;
	case CA_COMES:
		rig_start_ca(&rig, "");
		break;
	case CA_ROLLS_OVER:
		rig_stop_ca(&rig);
		tap_need_eq(rig_shell(&rig, "$CA roll-over >/dev/null"), 0);
		rig_start_ca(&rig, "");
		break;
	}
}

static void need_true_to_state(int64_t day)
{
	int64_t end = rig_number(&rig, "certificate", "not_after"), expires;
	bool active = rig_says(&rig, "host", "state", "Active");
	uint32_t status = days_ask(&rig, clock_page, &expires);

	/* Here and in days_ask(): none that is invalid, none in another state. */
	tap_need_msg(active == (clock_page->wall_s < end), "day %lld: %s with its end at %lld",
		     (long long)day, active ? "Active" : "not Active", (long long)end);
	tap_need_eq(status, active ? AZATTEST_STATUS_OK : AZATTEST_STATUS_EXPIRED);
	tap_need(active || rig_says(&rig, "host", "state", "Expired"));
	tap_need(expires <= end);
	seen.issued += active;
	seen.expired += !active;
	seen.warned += active && rig_says(&rig, "host", "sub", "ending");
	if (!active && rig_says(&rig, "host", "reason", "CA unreachable for "))
		seen.ended_states++;
}

/* A renewal that is due may still wait for its time: at most an hour. */
static void one_step(int64_t at)
{
	days_pass(clock_page, STEP);
	tap_need_wait(days_settled(&rig));
	need_true_to_state(at / DAY);
}

static void look_at_the_return(int64_t at)
{
	if (at == 87 * DAY)
		seen.came_back = clock_page->wall_s;
	if (seen.came_back && !seen.active_again && rig_says(&rig, "host", "state", "Active"))
		seen.active_again = clock_page->wall_s;
}

static void run_days(void)
{
	size_t next = 0;

	for (int64_t at = STEP; at <= LAST; at += STEP) {
		one_step(at);
		look_at_the_return(at);
		for (; next < TAP_COUNT(plan) && plan[next].at <= at; next++)
			happen(plan[next].what);
	}
	tap_need_eq(next, TAP_COUNT(plan));
}

/* Leaves under both issuing CAs, and as many as came and no more. */
static void need_history(void)
{
	tap_need_eq(rig_shell(&rig, "bin/azattestctl --socket run/azattestd.sock certificate show >said;"
			      "test $(grep -c ' issued ' said) = 4 && test $(grep -c ' failing ' said) = 3 && "
			      "! grep -q dropped said"), 0);
	tap_need_eq(rig_shell(&rig, "test $(for f in ca/issued/*; do openssl x509 -in $f -noout -issuer; "
			      "done | sort -u | wc -l) = 2"), 0);
}

static void ninety_days_without_an_invalid_document(void)
{
	clock_page = days_open(&rig, "days");
	rig_start_ca(&rig, "");
	rig_configure(&rig, "source = cmp\nca-url = http://127.0.0.1:%u/\n[journal]\n"
		      "documents = none\n", rig.port);
	rig_start_active(&rig);
	run_days();
	need_history();
	tap_diag("%u issued, %u refused, %u warned of", seen.issued, seen.expired, seen.warned);
	tap_need_eq(seen.issued + seen.expired, LAST / STEP);
	tap_need(seen.warned && seen.ended_states == seen.expired);
	/* Expired for at least the days by which the outage was longer than a certificate. */
	tap_need(seen.expired >= 5 * DAY / STEP);
	tap_need(seen.active_again - seen.came_back == STEP);
	tap_need_eq(rig_number(&rig, "signers", "generation"), 4);
	tap_need_eq(rig_number(&rig, "signers", "restarts"), 0);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(ninety_days_without_an_invalid_document, 300),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
