// SPDX-License-Identifier: GPL-2.0
// Measures documents of a daemon at work against bare signatures, and what the audit journal adds.

#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rsa.h>

#include <selftests/document/pki.h>

/*
 * Processor time, in turns, and the least of each: what else runs here only
 * adds. A document's is that of all the daemon's processes: where no processor
 * is idle, that is what bounds how many there are in a second. Where processor
 * time is a count of instructions, AZ_SHORT=1 says as much in a tenth.
 */
#define ROUNDS		11
#define TRIES		5	/* of one round: see measure() */
#define RAW_US		200000.0
#define RAW_SIGNATURES	64	/* at least: RSA renews its blinding every 32 */
#define SIGNERS		16

struct cost {
	double signers_us;
	double daemon_us;
};

static char memory[16];	/* where the signers' keys are */

static double cpu_us(clockid_t clock)
{
	struct timespec ts;

	tap_need(!clock_gettime(clock, &ts));
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double process_us(pid_t pid)
{
	clockid_t clock;

	tap_need(!clock_getcpuclockid(pid, &clock));
	return cpu_us(clock);
}

static struct cost used(void)
{
	struct cost cost = { .daemon_us = process_us(host_pid) };
	pid_t pids[SIGNERS];
	size_t count = host_signers(pids, SIGNERS);

	tap_need(count && count <= SIGNERS);
	while (count--)
		cost.signers_us += process_us(pids[count]);
	return cost;
}

/* Of one document, in full batches; false: lines were lost, which is work that was not done. */
static bool try_measure(const char *journal, unsigned int batches, struct cost *cost)
{
	const double documents = (double)batches * FAKEMODULE_REQUESTS;
	struct cost before, after;
	bool lost;

	host_make(journal);
	host_start_ready();
	tap_need_eq(host_ask_many(), 0);
	before = used();
	for (unsigned int i = 0; i < batches; i++)
		tap_need_eq(host_ask_many(), 0);
	tap_need_wait(host_number("counters", "issued") + host_number("counters", "lines_lost") ==
		      (batches + 1) * FAKEMODULE_REQUESTS);
	after = used();
	lost = host_number("counters", "lines_lost");
	tap_need(!strcmp(host_text("key", "level"), "host-key"));
	snprintf(memory, sizeof(memory), "%s", host_text("key", "memory"));
	host_stop();
	cost->signers_us = (after.signers_us - before.signers_us) / documents;
	cost->daemon_us = (after.daemon_us - before.daemon_us) / documents;
	return !lost;
}

/* Where much else runs azattestd may come too late for a pipe: that is another measurement. */
static struct cost measure(const char *journal, unsigned int batches)
{
	struct cost cost;
	int tries = 0;

	while (!try_measure(journal, batches, &cost))
		tap_need_msg(++tries < TRIES, "lines are lost each time: too much else runs here");
	return cost;
}

/* A key of the same type: the signers' own cannot be had. */
static double raw_us(EVP_PKEY_CTX *context)
{
	double begin = cpu_us(CLOCK_PROCESS_CPUTIME_ID), end;
	uint8_t hash[32] = { 0 }, signature[512];
	unsigned int count = 0;

	do {
		size_t length = sizeof(signature);

		memcpy(hash, &count, sizeof(count));
		tap_need(EVP_PKEY_sign(context, signature, &length, hash, sizeof(hash)) == 1);
		count++;
		end = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
	} while (end - begin < RAW_US || count < RAW_SIGNATURES);
	return (end - begin) / count;
}

static EVP_PKEY_CTX *raw_open(const char *type)
{
	EVP_PKEY *key = pki_key(type);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

	tap_need(context && EVP_PKEY_sign_init(context) == 1);
	if (EVP_PKEY_is_a(key, "RSA"))
		tap_need(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1);
	tap_need(EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1);
	EVP_PKEY_free(key);
	return context;
}

static void keep_least(double *least, double now)
{
	if (!*least || now < *least)
		*least = now;
}

/* A line costs what it costs, whatever the key: of a quick one that is more. */
static void compare(const char *type, unsigned int batches, double goal, double journal_goal)
{
	EVP_PKEY_CTX *context = raw_open(type);
	double raw = 0, without = 0, with = 0, daemon = 0, signers = 0;

	host_key_type = type;
	host_daemon = "../bin/azattestd";
	for (unsigned int i = 0; i < tap_loops(ROUNDS, ROUNDS); i++) {
		struct cost plain = measure("audit = no\n[key]\nlevel = host-key\n", batches);
		struct cost audited = measure("audit = yes\n[key]\nlevel = host-key\n", batches);

		keep_least(&raw, raw_us(context));
		keep_least(&signers, plain.signers_us);
		keep_least(&without, plain.signers_us + plain.daemon_us);
		keep_least(&with, audited.signers_us + audited.daemon_us);
		keep_least(&daemon, audited.daemon_us);
	}
	EVP_PKEY_CTX_free(context);
	tap_diag("%-9s raw %.1f us  signer (%s memory) %.1f us  ratio %.3f  goal %.2f", type, raw,
		 memory, signers, raw / signers, goal);
	tap_diag("%-9s without journal %.1f us  with %.1f us (azattestd %.1f us)  ratio %.3f  goal %.2f",
		 type, without, with, daemon, without / with, journal_goal);
}

static void cost_of_a_document_rsa_2048(void)
{
	compare("rsa-2048", tap_loops(10, 10), 0.95, 0.95);
}

static void cost_of_a_document_p_256(void)
{
	compare("p-256", tap_loops(60, 60), 0.90, 0.85);
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(cost_of_a_document_rsa_2048, 600),
	TAP_TEST_SLOW(cost_of_a_document_p_256, 600),
};

int main(int argc, char **argv)
{
	return host_main(tests, TAP_COUNT(tests), argc, argv);
}
