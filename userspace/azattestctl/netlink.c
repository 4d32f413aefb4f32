// SPDX-License-Identifier: GPL-2.0
// Owns one question to the module over generic netlink, and its refusals in words.

#include "module.h"

#include <errno.h>
#include <getopt.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <uuid/uuid.h>

#define RECEIVE_BYTES	(1 << 20)

/*
 * libnl folds errnos into its own numbers, several into one; the callbacks see
 * the kernel's.
 */
struct call {
	answer_fn fn;
	json_t *out;
	int family;
	int error;		/* 0 or -errno */
	bool done;
	char sentence[256];	/* the kernel's extended ack, or "" */
};

static void read_sentence(struct call *call, struct nlmsgerr *err)
{
	struct nlmsghdr *outer = (struct nlmsghdr *)err - 1;
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	size_t skip = sizeof(*err);

	if (!(outer->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(outer->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - sizeof(struct nlmsghdr);
	skip = NLMSG_ALIGN(skip);
	if (outer->nlmsg_len < sizeof(*outer) + skip)
		return;
	if (nla_parse(attrs, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)err + skip),
		      (int)(outer->nlmsg_len - sizeof(*outer) - skip), NULL))
		return;
	if (attrs[NLMSGERR_ATTR_MSG])
		nla_strlcpy(call->sentence, attrs[NLMSGERR_ATTR_MSG], sizeof(call->sentence));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct call *call = arg;

	(void)from;
	read_sentence(call, err);
	call->error = err->error;
	call->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct call *call = arg;

	(void)msg;
	call->done = true;
	return NL_STOP;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct call *call = arg;
	int *error = nlmsg_data(nlmsg_hdr(msg));

	if (nlmsg_datalen(nlmsg_hdr(msg)) >= (int)sizeof(*error) && *error < 0)
		call->error = *error;
	call->done = true;
	return NL_STOP;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct call *call = arg;

	if (nlmsg_hdr(msg)->nlmsg_type == call->family && call->fn)
		call->fn(nlmsg_hdr(msg), call->out);
	return NL_OK;
}

static int open_family(struct question *q)
{
	int on = 1, err = genl_connect(q->sock);

	if (err) {
		say("no netlink socket: %s: is the kernel without generic netlink?",
		    nl_geterror(err));
		return EXIT_NO_DAEMON;
	}
	setsockopt(nl_socket_get_fd(q->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	nl_socket_set_buffer_size(q->sock, RECEIVE_BYTES, 0);
	q->family = genl_ctrl_resolve(q->sock, AZATTEST_GENL_NAME);
	if (q->family >= 0)
		return 0;
	say("module azattest is not loaded: modprobe azattest (only the host's netns has it)");
	return EXIT_NO_DAEMON;
}

int question_begin(struct question *q, int command, int flags)
{
	int exit;

	memset(q, 0, sizeof(*q));
	q->sock = nl_socket_alloc();
	q->msg = nlmsg_alloc();
	if (!q->sock || !q->msg)
		abort();
	exit = open_family(q);
	if (exit) {
		nlmsg_free(q->msg);
		nl_socket_free(q->sock);
	} else if (!genlmsg_put(q->msg, NL_AUTO_PORT, NL_AUTO_SEQ, q->family, 0,
				NLM_F_REQUEST | flags, (uint8_t)command,
				AZATTEST_GENL_VERSION)) {
		abort();
	}
	return exit;
}

void question_put(struct question *q, int type, const void *data, size_t size)
{
	q->full |= size > UINT16_MAX || nla_put(q->msg, type, (int)size, data);
}

void question_put_u32(struct question *q, int type, uint32_t value)
{
	question_put(q, type, &value, sizeof(value));
}

void question_put_text(struct question *q, int type, const char *text)
{
	question_put(q, type, text, strlen(text) + 1);
}

static void exchange(struct question *q, struct call *call)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int n;

	if (!cb)
		abort();
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, call);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, call);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, call);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, call);
	n = nl_send_auto(q->sock, q->msg);	/* asks for an ack */
	while (n >= 0 && !call->done)
		n = nl_recvmsgs(q->sock, cb);
	if (!call->done) {
		snprintf(call->sentence, sizeof(call->sentence), "%s", nl_geterror(n));
		call->error = -EIO;
	}
	nl_cb_put(cb);
}

static const char *what_to_do(const struct advice *advice, int error)
{
	if (error == EPERM)
		return "run it as root (CAP_NET_ADMIN on the host)";
	for (; advice && advice->error; advice++)
		if (advice->error == error)
			return advice->what_to_do;
	return "see azattestctl(1)";
}

static int refused(const struct about *about, const char *why, int error)
{
	say("%s%s%s: %s: %s", about->command, about->object ? " " : "",
	    about->object ? about->object : "", why, what_to_do(about->advice, error));
	return EXIT_REFUSED;
}

int question_finish(struct question *q, const struct about *about, answer_fn fn, json_t *out)
{
	struct call call = { .fn = fn, .out = out, .family = q->family };

	if (q->full) {
		call.error = -EMSGSIZE;
		strcpy(call.sentence, "a value is too long");
	} else {
		exchange(q, &call);
	}
	nlmsg_free(q->msg);
	nl_socket_free(q->sock);
	if (!call.error)
		return 0;
	if (about->unless && call.error == -about->unless)
		return QUESTION_UNLESS;
	return refused(about, *call.sentence ? call.sentence : strerror(-call.error),
		       -call.error);
}

int question_of_uuid(int command, int attribute, const uuid_t uuid, const struct about *about)
{
	struct question q;
	int exit = question_begin(&q, command, 0);

	if (exit)
		return exit;
	question_put(&q, attribute, uuid, sizeof(uuid_t));
	return question_finish(&q, about, NULL, NULL);
}
