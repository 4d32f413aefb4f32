// SPDX-License-Identifier: GPL-2.0
// Promises of hostd to who wants a VM bound for as long as it runs: what fails waits, with its reason.

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <selftests/hostd/asking.h>

static int wish_for(uint32_t cid, struct asking_call *call)
{
	struct bind_request request = asking_request(1);

	request.keep = true;
	request.cid = cid;
	return asking_wish(&request, call);
}

static const char *reason(void)
{
	return asking_told(1, "reason");
}

static unsigned int count_records(void)
{
	glob_t found = { 0 };
	char pattern[80];
	unsigned int count;

	snprintf(pattern, sizeof(pattern), "%s/state/bind-*", asking.dir);
	count = glob(pattern, 0, NULL, &found) ? 0 : (unsigned int)found.gl_pathc;
	globfree(&found);
	return count;
}

static void refuse_a_wish(uint32_t cid, struct asking_call *call)
{
	tap_need_eq(wish_for(cid, call), -EINPROGRESS);
	asking_reply(asking_hear(), -EINVAL, "has no open device");
	asking_need(call->ends);
	tap_need_eq(call->error, -EINVAL);
	tap_need(!strcmp(asking_state(1), "waiting") && strstr(reason(), "no open device"));
}

static void a_wish_that_is_kept_waits_and_is_bound_in_the_end(void)
{
	struct asking_call call;

	asking_begin();
	refuse_a_wish(0, &call);
	asking_turn();
	tap_need_eq(asking_hear(), -1);	/* not at once */
	tap_need_eq(count_records(), 0);
	around.later_ms += 30001;
	asking_turn();
	asking_reply(asking_hear(), 0, "");
	asking_need(!strcmp(asking_state(1), "bound"));
	tap_need(!*reason());
	tap_need_eq(count_records(), 1);
	tap_need_eq(wish_for(0, &call), 0);
	bind_close_all(&asking.hostd);
}

static void a_wish_that_cannot_even_be_asked_is_kept(void)
{
	struct asking_call call;

	asking_begin();
	tap_need(!unlink(asking.path));
	tap_need_eq(wish_for(0, &call), -ECONNREFUSED);
	tap_need(!strcmp(asking_state(1), "waiting") && strstr(reason(), "azattest-take"));
	asking_listen();
	tap_need_eq(wish_for(0, &call), -EINPROGRESS);
	asking_reply(asking_hear(), 0, "");
	asking_need(call.ends);
	tap_need_eq(call.error, 0);
	tap_need(!strcmp(asking_state(1), "bound"));
	bind_close_all(&asking.hostd);
}

static void another_wish_takes_the_place_of_what_waits(void)
{
	struct asking_call call, other;

	asking_begin();
	refuse_a_wish(AROUND_CID + 1, &call);
	tap_need_eq(wish_for(AROUND_CID, &call), -EINPROGRESS);
	tap_need_eq(wish_for(AROUND_CID + 1, &other), -EBUSY);	/* not of what is asked just now */
	asking_reply(asking_hear(), 0, "");
	asking_need(call.ends);
	tap_need(!strcmp(asking_state(1), "bound"));
	tap_need_eq(wish_for(AROUND_CID + 1, &other), -EBUSY);	/* nor of what is bound */
	bind_close_all(&asking.hostd);
}

/* As a hostd that is started again finds it: bound before, not bound now. */
static void begin_anew(const char *manager)
{
	struct bind_request request;
	struct asking_call call;
	char name[BIND_NAME_SIZE];

	asking_begin();
	request = asking_request(1);
	strcpy(request.manager, manager);
	tap_need_eq(asking_wish(&request, &call), -EINPROGRESS);
	asking_reply(asking_hear(), 0, "");
	asking_need(!strcmp(asking_state(1), "bound"));
	bind_name(asking.hostd.bound, name);
	bind_close_all(&asking.hostd);
	tap_need(bind_load_record(&asking.hostd, name, &asking.failure) && !*asking.failure.text);
	tap_need(!strcmp(asking_told(1, "manager"), manager));
	asking_turn();
	asking_reply(asking_hear(), -EINVAL, "no such CID");
	asking_need(strstr(reason(), "no such CID"));
}

static int wish_of(const char *manager, uint32_t cid, struct asking_call *call)
{
	struct bind_request request = asking_request(1);

	strcpy(request.manager, manager);
	request.cid = cid;
	request.keep = *manager;
	return asking_wish(&request, call);
}

/* Its device was plugged out and in again meanwhile. */
static void who_keeps_a_binding_that_waits_may_want_it_otherwise(void)
{
	struct asking_call call;

	begin_anew("libvirt");
	tap_need_eq(wish_of("", AROUND_CID + 1, &call), -EBUSY);
	tap_need_eq(wish_of("other", AROUND_CID + 1, &call), -EBUSY);
	tap_need_eq(wish_of("libvirt", AROUND_CID + 1, &call), -EINPROGRESS);
	tap_need_eq(count_records(), 0);
	asking_reply(asking_hear(), 0, "");
	asking_need(call.ends);
	tap_need_eq(call.error, 0);
	tap_need_eq(count_records(), 1);
	bind_close_all(&asking.hostd);
}

/* It would be gone if that failed. */
static void a_wish_that_is_not_kept_takes_no_place_of_what_was_bound(void)
{
	struct asking_call call;

	begin_anew("");
	tap_need_eq(wish_of("", AROUND_CID + 1, &call), -EBUSY);
	tap_need_eq(count_records(), 1);
	tap_need_eq(wish_of("libvirt", AROUND_CID + 1, &call), -EINPROGRESS);
	tap_need_eq(count_records(), 0);
	bind_close_all(&asking.hostd);
}

static void a_binding_without_manager_is_kept_by_the_first_that_wants_the_same(void)
{
	struct asking_call call;

	begin_anew("");
	tap_need_eq(wish_of("libvirt", AROUND_CID, &call), -EINPROGRESS);
	asking_reply(asking_hear(), 0, "");
	asking_need(call.ends);
	tap_need(!strcmp(asking_told(1, "manager"), "libvirt"));
	tap_need_eq(wish_of("other", AROUND_CID, &call), 0);
	tap_need(!strcmp(asking_told(1, "manager"), "libvirt"));
	bind_close_all(&asking.hostd);
}

/* So slow are the answers that who failed first is due again before the last was asked about. */
static void who_fails_again_and_again_keeps_nobody_from_his_first_time(void)
{
	struct bind_request request;
	struct bound *b;

	asking_begin();
	for (unsigned int i = 0; i < ASKING_MANY; i++) {
		request = asking_request(i);
		b = bind_new(&asking.hostd, &request);
		tap_need(b && !process_start(asking.vmm, &b->pid_start));
	}
	for (unsigned int i = 0; i < ASKING_MANY; i++) {
		asking_turn();
		asking_reply(asking_hear(), -EINVAL, "has no open device");
		around.later_ms += 1000;
	}
	asking_turn();
	for (unsigned int i = 0; i < ASKING_MANY; i++)
		tap_need_msg(strstr(asking_told(i, "reason"), "no open device"), "%u: %s", i, asking_told(i, "reason"));
	bind_close_all(&asking.hostd);
}

static void a_kept_wish_ends_when_asked_and_with_its_process(void)
{
	struct bind_request request;
	struct asking_call call;

	asking_begin();
	request = asking_request(1);
	refuse_a_wish(0, &call);
	tap_need_eq(bind_remove(&asking.hostd, request.uuid, &asking.failure), 0);
	tap_need(!asking.hostd.bound);
	refuse_a_wish(0, &call);
	tap_kill(asking.vmm);
	asking_turn();
	tap_need(!asking.hostd.bound);
	tap_need_eq(count_records(), 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_wish_that_is_kept_waits_and_is_bound_in_the_end),
	TAP_TEST(a_wish_that_cannot_even_be_asked_is_kept),
	TAP_TEST(another_wish_takes_the_place_of_what_waits),
	TAP_TEST(who_keeps_a_binding_that_waits_may_want_it_otherwise),
	TAP_TEST(a_wish_that_is_not_kept_takes_no_place_of_what_was_bound),
	TAP_TEST(a_binding_without_manager_is_kept_by_the_first_that_wants_the_same),
	TAP_TEST(who_fails_again_and_again_keeps_nobody_from_his_first_time),
	TAP_TEST(a_kept_wish_ends_when_asked_and_with_its_process),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
