// SPDX-License-Identifier: GPL-2.0
/* What tests of the vsock door share: wide limits, and ends that must come. */
#include <selftests/vsock/door.h>

#include <unistd.h>

void door_need(void)
{
	azbind_need_module();
	if (access("/dev/vhost-vsock", F_OK))
		tap_skip_all("no /dev/vhost-vsock: modprobe vhost_vsock");
	tap_raise_nofile();
}

void door_open_wide(void)
{
	azbind_limit("request_rate", 0);
	azbind_limit("accept_rate", 100000);
	azbind_limit("accept_burst", 100000);
	/* A busy test host may be slow: only tests of deadlines have short ones. */
	azbind_limit("deadline_ms", 30000);
	azbind_limit("attempt_ms", 30000);
	azbind_limit("frame_ms", 60000);
}

struct fakesigner *door_signer(void)
{
	door_open_wide();
	return fakesigner_start(NULL);
}

void door_refuses(struct testvm *vm, const void *frame, size_t len, uint16_t status,
		  const char *what)
{
	struct fakeguest_conn *c = testvm_connect(vm);
	struct ask_reply r;
	int err = ask(c, frame, len, &r);

	tap_need_msg(!err, "%s: no reply: errno %d", what, -err);
	tap_need_msg(r.status == status, "%s: %s, not %s", what, frames_status_name(r.status),
		     frames_status_name(status));
	err = ask_end(c);
	tap_need_msg(!err, "%s: not closed: errno %d", what, -err);
	fakeguest_forget(c);
}

void door_hung_up(struct fakeguest_conn *c, const char *what)
{
	int err = ask_end(c);

	tap_need_msg(!err, "%s: %s", what, err == -EBADMSG ? "heard something" : "still open");
}
