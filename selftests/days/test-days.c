// SPDX-License-Identifier: GPL-2.0
// Promises of a host over 90 days, with outages, reboots and a changed PCR, and of when it renews.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selftests/days/days.h>
#include <selftests/seal/swtpm.h>

/*
 * Days, from the first certificate on. It lives 30 days and is renewed when
 * less than 10 are left, so outages begin just before a renewal is due, and the
 * last one takes longer than any certificate has left. Keys are sealed by a TPM:
 *
 *   10              the host reboots, as before
 *   19.75 to 20.75  1 day   the renewal of day 20 comes a day late
 *   21    to 22     1 day   a firmware update changed PCR 7, until the
 *                           administrator has a new key made
 *   40.5  to 48.5   8 days  less than 7 are left: a warning
 *   50              the CA rolls over to a new issuing CA, under its root
 *   52    to 87    35 days  the certificate ends in between
 *   60              the host reboots, and the CA is not there
 */
#define STEP	(6 * HOUR)
#define LAST	(90 * DAY)

enum happening { CA_GOES, CA_COMES, CA_ROLLS_OVER, REBOOT, FIRMWARE_UPDATE, SYNC };

static const struct {
	int64_t at;
	enum happening what;
} plan[] = {
	{ 10 * DAY, REBOOT },
	{ 19 * DAY + 18 * HOUR, CA_GOES }, { 20 * DAY + 18 * HOUR, CA_COMES },
	{ 21 * DAY, FIRMWARE_UPDATE }, { 22 * DAY, SYNC },
	{ 40 * DAY + 12 * HOUR, CA_GOES }, { 48 * DAY + 12 * HOUR, CA_COMES },
	{ 50 * DAY, CA_ROLLS_OVER },
	{ 52 * DAY, CA_GOES }, { 60 * DAY, REBOOT }, { 87 * DAY, CA_COMES },
};

static struct rig rig;
static struct swtpm tpm;
static bool firmware_is_new;
static int waiting = -1;		/* a request of who asks while keys are sealed off */
static struct fakeclock *clock_page;

/* What was seen on the way. */
static struct {
	unsigned int issued, expired, sealed_off, warned, ended_states;
	int64_t came_back;		/* of the CA, after the longest outage; 0: not yet */
	int64_t active_again;
} seen;

static void open_sealed(const char *name)
{
	static char key[200];

	clock_page = days_open(&rig, name);
	swtpm_make(&tpm, rig_path(&rig, "tpm"));
	snprintf(key, sizeof(key), "tcti = %s\nlevel = tpm", tpm.tcti);
	rig.key = key;
	firmware_is_new = false;
	rig_start_ca(&rig, "");
	rig_configure(&rig, RIG_CMP "[journal]\n"
		      "documents = none\n", rig.port);
	rig_start_active(&rig);
	tap_need(rig_says(&rig, "key", "level", "tpm"));
}

/* The firmware measures itself at each boot, and azattestd sees that it is another one. */
static void reboot(void)
{
	rig_stop(&rig);
	swtpm_reboot(&tpm);
	if (firmware_is_new)
		tap_need_eq(swtpm_tool(&tpm, "pcrextend 7:sha256=$(printf %064d 1)"), 0);
	tap_need_eq(rig_shell(&rig, "sed -i 's/ boot .*/ boot another/' state/clock"), 0);
	rig_start(&rig);
}

/*
 * No keeper is left of the latest attempt to unseal. Whatever the clock made due
 * has begun when status was asked.
 */
static bool is_sealed_off(void)
{
	return rig_says(&rig, "host", "state", "Error") && rig_says(&rig, "host", "sub", "key") &&
	       rig_shell(&rig, "pgrep -P %d -x azattest-keeper >/dev/null", rig.daemon) == 1 &&
	       rig_says(&rig, "host", "reason", "PCR 7 has changed since the key was sealed");
}

static void update_firmware(void)
{
	firmware_is_new = true;
	reboot();
	tap_need_wait(is_sealed_off());
	waiting = fakemodule_ask(rig.module, 20201001, "abc", "");
	tap_need(waiting >= 0);
}

static void need_sealed_off(void)
{
	tap_need_wait(is_sealed_off() && days_settled(&rig));
	tap_need_eq(rig_number(&rig, "signers", "ready"), 0);
	tap_need(!fakemodule_answered(rig.module, waiting));
	seen.sealed_off++;
}

static void sync_by_hand(void)
{
	const char *error;

	fakemodule_free(rig.module, waiting);
	waiting = -1;
	error = rig_sync(&rig);
	tap_need_msg(!*error, "%s", error);
	tap_need_wait(rig_all_ready(&rig));
}

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
	case REBOOT:
		reboot();
		tap_need_wait(rig_all_ready(&rig));
		break;
	case FIRMWARE_UPDATE:
		update_firmware();
		break;
	case SYNC:
		sync_by_hand();
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
	if (waiting >= 0)
		need_sealed_off();
	else
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
			      "test $(grep -c ' issued ' said) = 5 && test $(grep -c ' failing ' said) = 3 && "
			      "! grep -q dropped said"), 0);
	tap_need_eq(rig_shell(&rig, "test $(for f in ca/issued/*; do openssl x509 -in $f -noout -issuer; "
			      "done | sort -u | wc -l) = 2"), 0);
}

static void ninety_days_without_an_invalid_document(void)
{
	open_sealed("days");
	run_days();
	need_history();
	tap_diag("%u issued, %u refused, %u without a key, %u warned of", seen.issued, seen.expired,
		 seen.sealed_off, seen.warned);
	tap_need_eq(seen.issued + seen.expired + seen.sealed_off, LAST / STEP);
	tap_need_eq(seen.sealed_off, DAY / STEP);
	tap_need(seen.warned && seen.ended_states == seen.expired);
	/* Expired for at least the days by which the outage was longer than a certificate. */
	tap_need(seen.expired >= 5 * DAY / STEP);
	tap_need(seen.active_again - seen.came_back == STEP);
	tap_need_eq(rig_number(&rig, "signers", "generation"), 5);
	tap_need_eq(rig_number(&rig, "signers", "restarts"), 0);
	rig_stop(&rig);
}

/* Who booted the host otherwise would only have to wait for it. */
static void a_due_renewal_makes_no_key_for_a_changed_pcr(void)
{
	open_sealed("due");
	update_firmware();
	for (int month = 0; month < 3; month++) {
		days_pass(clock_page, 25 * DAY);
		need_sealed_off();
	}
	tap_need_eq(rig_shell(&rig, "test $(ls ca/issued | wc -l) = 1 && test -e state/leaf-000001 && "
			      "test $(ls -d state/leaf-* | wc -l) = 1"), 0);
	sync_by_hand();
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_OK);
	tap_need_eq(rig_number(&rig, "signers", "generation"), 2);
	rig_stop(&rig);
}

/* The clock is set ahead, and so the wait goes on: it is one of time that passes. */
static void what_is_due_again_at_once_waits_ten_minutes(void)
{
	open_sealed("pause");
	days_set(clock_page, clock_page->wall_s + 21 * DAY);
	for (int minute = 0; minute < 6; minute += 2) {
		days_pass(clock_page, 2 * 60);
		tap_need_wait(days_settled(&rig));
		tap_need_eq(rig_number(&rig, "signers", "generation"), 1);
	}
	days_pass(clock_page, 4 * 60);
	tap_need_wait(days_settled(&rig) && rig_number(&rig, "signers", "generation") == 2);
	/* Nobody has to wait who asks. */
	tap_need(!*rig_sync(&rig) && !*rig_sync(&rig));
	tap_need_eq(rig_number(&rig, "signers", "generation"), 4);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(ninety_days_without_an_invalid_document, 300),
	TAP_TEST(a_due_renewal_makes_no_key_for_a_changed_pcr),
	TAP_TEST(what_is_due_again_at_once_waits_ten_minutes),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
