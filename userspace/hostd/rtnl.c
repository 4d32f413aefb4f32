// SPDX-License-Identifier: GPL-2.0
// Owns one question to the kernel over netlink: message, answers, refusal in words.

#include <userspace/hostd/netparts.h>

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RECEIVE_BYTES	(1 << 20)

int rtnl_open(struct nl_sock **sock, int protocol)
{
	int on = 1, fd;

	*sock = nl_socket_alloc();
	if (!*sock)
		return -ENOMEM;
	if (nl_connect(*sock, protocol)) {
		nl_socket_free(*sock);
		*sock = NULL;
		return -EPROTONOSUPPORT;
	}
	fd = nl_socket_get_fd(*sock);
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	nl_socket_set_buffer_size(*sock, RECEIVE_BYTES, 0);
	return 0;
}

struct nl_msg *rtnl_new(int type, int flags, const void *header, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (!msg || nlmsg_append(msg, (void *)header, size, NLMSG_ALIGNTO))
		abort();
	return msg;
}

struct nl_msg *rtnl_new_link(int type, int flags, unsigned int ifindex)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };

	return rtnl_new(type, flags, &header, sizeof(header));
}

void rtnl_put(struct nl_msg *msg, int type, const void *data, size_t size)
{
	if (nla_put(msg, type, (int)size, data))
		abort();
}

void rtnl_put_u8(struct nl_msg *msg, int type, uint8_t value)
{
	rtnl_put(msg, type, &value, sizeof(value));
}

void rtnl_put_u16(struct nl_msg *msg, int type, uint16_t value)
{
	rtnl_put(msg, type, &value, sizeof(value));
}

void rtnl_put_u32(struct nl_msg *msg, int type, uint32_t value)
{
	rtnl_put(msg, type, &value, sizeof(value));
}

void rtnl_put_text(struct nl_msg *msg, int type, const char *text)
{
	rtnl_put(msg, type, text, strlen(text) + 1);
}

struct nlattr *rtnl_nest(struct nl_msg *msg, int type)
{
	struct nlattr *nest = nla_nest_start(msg, type);

	if (!nest)
		abort();
	return nest;
}

struct question {
	struct net *net;
	uint32_t seq;
	rtnl_fn fn;
	void *arg;
	int error;
	bool interrupted, done;
};

static void read_sentence(struct question *q, struct nlmsghdr *outer, struct nlmsgerr *err)
{
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
		nla_strlcpy(q->net->sentence, attrs[NLMSGERR_ATTR_MSG],
			    sizeof(q->net->sentence));
}

static void take_error(struct question *q, struct nlmsghdr *answer)
{
	struct nlmsgerr *err = nlmsg_data(answer);

	q->done = true;
	if (nlmsg_datalen(answer) < (int)sizeof(*err)) {
		q->error = -EPROTO;
		return;
	}
	q->error = err->error;
	if (err->error)
		read_sentence(q, answer, err);
}

/* The end of a list bears an errno if the kernel could not finish it. */
static void take_done(struct question *q, struct nlmsghdr *answer)
{
	int *error = nlmsg_data(answer);

	q->done = true;
	if (nlmsg_datalen(answer) >= (int)sizeof(*error) && *error < 0)
		q->error = *error;
}

static void take(struct question *q, struct nlmsghdr *answer)
{
	if (answer->nlmsg_seq != q->seq)
		return;
	q->interrupted |= !!(answer->nlmsg_flags & NLM_F_DUMP_INTR);
	if (answer->nlmsg_type == NLMSG_ERROR)
		take_error(q, answer);
	else if (answer->nlmsg_type == NLMSG_DONE)
		take_done(q, answer);
	else if (q->fn)
		q->fn(answer, q->arg);
}

static int receive(struct nl_sock *sock, struct question *q)
{
	struct sockaddr_nl from;
	unsigned char *bytes = NULL;
	struct nlmsghdr *answer;
	int left = nl_recv(sock, &from, &bytes, NULL);

	if (left <= 0) {
		free(bytes);
		return left == -NLE_INTR ? 0 : -EIO;
	}
	if (!from.nl_pid)
		for (answer = (struct nlmsghdr *)bytes; nlmsg_ok(answer, left);
		     answer = nlmsg_next(answer, &left))
			take(q, answer);
	free(bytes);
	return 0;
}

int rtnl_ask_on(struct net *net, struct nl_sock *sock, struct nl_msg *msg, rtnl_fn fn, void *arg)
{
	struct question q = { .net = net, .fn = fn, .arg = arg };
	int err = 0, sent;

	net->sentence[0] = '\0';
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	sent = nl_send_auto(sock, msg);
	q.seq = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
	if (sent < 0)
		return -EIO;
	while (!q.done && !err)
		err = receive(sock, &q);
	if (err)
		return err;
	return q.error ? q.error : q.interrupted ? -EAGAIN : 0;
}

int rtnl_ask(struct net *net, struct nl_msg *msg, rtnl_fn fn, void *arg)
{
	return rtnl_ask_on(net, net->sock, msg, fn, arg);
}

int rtnl_failure(struct net *net, struct failure *failure, int error, const char *what,
		 const char *name)
{
	const char *hint = error == -EPERM ? ": CAP_NET_ADMIN is missing" : "";
	const char *why = net->sentence[0] ? net->sentence : strerror(-error);

	if (error == -EAGAIN)
		why = "the host's network changes faster than it can be read";
	return failure_set(failure, EXIT_NETWORK, error, "cannot %s %s: %s%s", what, name, why,
			   hint);
}

int rtnl_mend(struct mending *m, const char *what, struct nl_msg *msg)
{
	int err = rtnl_ask(m->net, msg, NULL, NULL);

	if (err)
		return rtnl_failure(m->net, m->failure, err, what, m->name);
	++*m->repaired;
	return 0;
}
