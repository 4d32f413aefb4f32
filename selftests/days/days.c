// SPDX-License-Identifier: GPL-2.0
// Owns a host whose time is the test's.

#include <selftests/days/days.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <azattest.h>

#define BEGIN	1893456000LL	/* 2030-01-01 */

static struct fakeclock *make_clock(const char *path)
{
	struct fakeclock first = { .wall_s = BEGIN };
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	void *map = MAP_FAILED;

	if (fd >= 0 && write(fd, &first, sizeof(first)) == (ssize_t)sizeof(first))
		map = mmap(NULL, sizeof(first), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	tap_need(map != MAP_FAILED);
	close(fd);
	return map;
}

/* Under the names that azattestd and the rig look for. */
static void copy_programs(const char *from, const char *to)
{
	static const char *const names[][2] = {
		{ "azattestd-days", "azattestd-asan" },
		{ "azattest-signer-days", "azattest-signer-fake" },
		{ "azattest-keeper", "azattest-keeper" },
		{ "azattest-sync-days", "azattest-sync" },
		{ "azattest-ca-days", "azattest-ca" },
	};
	char command[1200];

	snprintf(command, sizeof(command), "cp %s/../bin/azattestctl %s/", from, to);
	tap_need_eq(system(command), 0);
	for (size_t i = 0; i < TAP_COUNT(names); i++) {
		snprintf(command, sizeof(command), "cp %s/%s %s/%s", from, names[i][0], to,
			 names[i][1]);
		tap_need_eq(system(command), 0);
	}
}

struct fakeclock *days_open(struct rig *rig, const char *name)
{
	struct fakeclock *clock;

	rig_open_bare(rig, name);
	tap_need(!mkdir(rig_path(rig, "bin"), 0755));
	clock = make_clock(rig_path(rig, "bin/clock"));
	copy_programs(rig->tests, rig_path(rig, "bin"));
	snprintf(rig->bin, sizeof(rig->bin), "%s", rig_path(rig, "bin"));
	snprintf(rig->tests, sizeof(rig->tests), "%s", rig_path(rig, "bin"));
	rig_make_ca(rig);
	return clock;
}

void days_pass(struct fakeclock *clock, int64_t seconds)
{
	__atomic_add_fetch(&clock->wall_s, seconds, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&clock->ahead_s, seconds, __ATOMIC_SEQ_CST);
}

void days_sleep(struct fakeclock *clock, int64_t seconds)
{
	__atomic_add_fetch(&clock->slept_s, seconds, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&clock->wall_s, seconds, __ATOMIC_SEQ_CST);
}

void days_set(struct fakeclock *clock, int64_t wall)
{
	__atomic_store_n(&clock->wall_s, wall, __ATOMIC_SEQ_CST);
}

/* An answer comes after a look at the clock: whatever was due has begun by then. */
bool days_settled(struct rig *rig)
{
	json_t *status = rig_ask(rig, "status"), *signers = json_object_get(status, "signers");

	return json_is_false(json_object_get(json_object_get(status, "sync"), "running")) &&
	       json_integer_value(json_object_get(signers, "ready")) ==
	       json_integer_value(json_object_get(signers, "wanted"));
}

/* documents */

static void add_root(struct rig *rig, struct azattest_trust *trust, bool own)
{
	static char pem[8192];
	FILE *in = fopen(rig_path(rig, own ? "state/ca/root.pem" : "trust.pem"), "r");
	size_t length = in ? fread(pem, 1, sizeof(pem), in) : 0;

	tap_need(length && !azattest_trust_add(trust, AZATTEST_TRUST_ANCHORS, pem, length, NULL));
	fclose(in);
}

static void add_issuer(struct rig *rig, struct azattest_trust *trust)
{
	const struct azattest_signer_request request = {
		.generation = 7, .cid = 42, .type = AZATTEST_FRAME_ISSUER,
		.transport = AZATTEST_TRANSPORT_VSOCK, .attempt = 1, .deadline_ms = 5000,
	};
	int place = fakemodule_queue(rig->module, &request);
	const struct fakemodule_request *r = &rig->module->request[place];

	tap_need(place >= 0);
	tap_need_wait(fakemodule_answered(rig->module, place));
	tap_need_eq(r->answer.status, AZATTEST_STATUS_OK);
	tap_need(!azattest_trust_add(trust, AZATTEST_TRUST_ISSUERS, r->document, r->answer.length,
				     NULL));
	fakemodule_free(rig->module, place);
}

static int64_t need_valid(struct rig *rig, const struct fakeclock *clock,
			  const struct fakemodule_request *r)
{
	struct azattest_verify_options options = AZATTEST_VERIFY_OPTIONS_INIT;
	struct azattest_trust *trust = azattest_trust_new();
	struct azattest_document *document;
	struct azattest_fault fault;
	bool own = rig_says(rig, "certificate", "source", "embedded");
	int64_t expires;
	int ret;

	options.flags = own ? 0 : AZATTEST_VERIFY_REQUIRE_ISSUED;
	options.skew = 0;
	options.at = clock->wall_s;
	options.nonce = "abc";
	options.name = RIG_NAME;
	add_root(rig, trust, own);
	add_issuer(rig, trust);
	ret = azattest_verify(trust, r->document, r->answer.length, &options, &document, &fault);
	tap_need_msg(!ret, "at %lld: %s", (long long)clock->wall_s, fault.text);
	tap_need_eq(document->created_on, clock->wall_s);
	tap_need(document->expires_on <= document->signer_not_after);
	expires = document->expires_on;
	azattest_document_free(document);
	azattest_trust_free(trust);
	return expires;
}

uint32_t days_ask(struct rig *rig, const struct fakeclock *clock, int64_t *expires)
{
	int place = fakemodule_ask(rig->module, 20201001, "abc", "");
	const struct fakemodule_request *r = &rig->module->request[place];
	uint32_t status;
	int64_t end = 0;

	tap_need(place >= 0);
	tap_need_wait(fakemodule_answered(rig->module, place));
	status = r->answer.status;
	if (status == AZATTEST_STATUS_OK)
		end = need_valid(rig, clock, r);
	if (expires)
		*expires = end;
	fakemodule_free(rig->module, place);
	return status;
}
