// SPDX-License-Identifier: GPL-2.0
/* Connections of a fake guest: what a guest's own vsock layer would do. */
#include <selftests/lib/fakeguest.h>

#include <endian.h>
#include <stdlib.h>

#include <selftests/lib/tap.h>

static void conn_send_op(struct fakeguest_conn *c, uint16_t op, uint32_t flags,
			 const void *data, size_t len)
{
	struct virtio_vsock_hdr hdr;

	fakeguest_header(c->guest, &hdr, c->src_port, c->dst_port, op);
	hdr.flags = htole32(flags);
	hdr.len = htole32(len);
	hdr.buf_alloc = htole32(c->buf_alloc);
	hdr.fwd_cnt = htole32(c->fwd_cnt);
	c->fwd_told = c->fwd_cnt;
	fakeguest_inject(c->guest, &hdr, data, len);
}

static struct fakeguest_conn *find(struct fakeguest *g, uint32_t src_port, uint32_t dst_port)
{
	struct fakeguest_conn *c = g->conns;

	while (c && (c->src_port != src_port || c->dst_port != dst_port))
		c = c->next;
	return c;
}

static void keep_data(struct fakeguest_conn *c, const uint8_t *data, size_t len)
{
	if (c->data_len + len > c->data_size) {
		c->data_size = 2 * (c->data_len + len);
		c->data = realloc(c->data, c->data_size);
		if (!c->data)
			abort();
	}
	memcpy(c->data + c->data_len, data, len);
	c->data_len += len;
	c->rx_cnt += len;
}

static void deliver_to(struct fakeguest_conn *c, const struct virtio_vsock_hdr *hdr,
		       const uint8_t *data, size_t len)
{
	const uint32_t both = VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND;

	c->peer_buf_alloc = le32toh(hdr->buf_alloc);
	c->peer_fwd_cnt = le32toh(hdr->fwd_cnt);
	switch (le16toh(hdr->op)) {
	case VIRTIO_VSOCK_OP_RESPONSE:
		if (c->state == FAKEGUEST_CONNECTING) {
			c->state = FAKEGUEST_OPEN;
			c->opened = true;
		}
		break;
	case VIRTIO_VSOCK_OP_RW:
		if (c->state == FAKEGUEST_OPEN)
			keep_data(c, data, len);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		if (!c->guest->mute_credit)
			conn_send_op(c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		if ((le32toh(hdr->flags) & both) != both)
			break;
		if (c->state == FAKEGUEST_OPEN)
			c->state = FAKEGUEST_EOF;
		if (!c->guest->mute_shutdown)
			conn_send_op(c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
		break;
	case VIRTIO_VSOCK_OP_RST:
		if (c->state != FAKEGUEST_EOF)
			c->state = FAKEGUEST_RESET;
		break;
	}
}

void fakeguest_deliver(struct fakeguest *g, const struct virtio_vsock_hdr *hdr,
		       const uint8_t *data, size_t len)
{
	struct fakeguest_conn *c = find(g, le32toh(hdr->dst_port), le32toh(hdr->src_port));
	uint16_t op = le16toh(hdr->op);

	if (op < TAP_COUNT(g->packets))
		g->packets[op]++;
	if (c) {
		deliver_to(c, hdr, data, len);
		return;
	}
	g->strays++;
	if (!g->mute_strays && op != VIRTIO_VSOCK_OP_RST)
		fakeguest_inject_op(g, le32toh(hdr->dst_port), le32toh(hdr->src_port),
				    VIRTIO_VSOCK_OP_RST);
}

static struct fakeguest_conn *conn_new(struct fakeguest *g, uint32_t src_port,
				       uint32_t dst_port)
{
	struct fakeguest_conn *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->guest = g;
	c->src_port = src_port ? src_port : g->next_port++;
	c->dst_port = dst_port;
	c->buf_alloc = FAKEGUEST_CREDIT;
	c->next = g->conns;
	g->conns = c;
	return c;
}

struct fakeguest_conn *fakeguest_connect_begin(struct fakeguest *g, uint32_t src_port,
					       uint32_t dst_port)
{
	struct fakeguest_conn *c = conn_new(g, src_port, dst_port);

	conn_send_op(c, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	return c;
}

struct fakeguest_conn *fakeguest_adopt(struct fakeguest *g, uint32_t src_port,
				       uint32_t dst_port)
{
	struct fakeguest_conn *c = conn_new(g, src_port, dst_port);

	c->state = FAKEGUEST_OPEN;
	c->opened = true;
	/* Nothing was heard of the host's credit: any frame fits into it. */
	c->peer_buf_alloc = FAKEGUEST_PAYLOAD;
	return c;
}

/* Pumps until the connection has left `state`; false: it never did. */
static bool leaves(struct fakeguest_conn *c, enum fakeguest_state state, int timeout_ms)
{
	int64_t end = tap_now_ms() + timeout_ms;
	int64_t left;

	fakeguest_pump(c->guest, 0);
	while (c->state == state) {
		left = end - tap_now_ms();
		if (left <= 0)
			return false;
		fakeguest_pump(c->guest, left);
	}
	return true;
}

int fakeguest_connect_end(struct fakeguest_conn *c)
{
	if (!leaves(c, FAKEGUEST_CONNECTING, tap_patience_ms()))
		return -ETIMEDOUT;
	/* It may have opened and ended, with data, since we last looked. */
	return c->opened ? 0 : -ECONNRESET;
}

struct fakeguest_conn *fakeguest_connect(struct fakeguest *g, uint32_t src_port,
					 uint32_t dst_port)
{
	struct fakeguest_conn *c = fakeguest_connect_begin(g, src_port, dst_port);
	int err = fakeguest_connect_end(c);

	if (!err)
		return c;
	fakeguest_forget(c);
	errno = -err;
	return NULL;
}

static uint32_t credit(const struct fakeguest_conn *c)
{
	uint32_t used = c->tx_cnt - c->peer_fwd_cnt;

	return used < c->peer_buf_alloc ? c->peer_buf_alloc - used : 0;
}

/* Waits until the host takes at least one byte: 0 or -errno. */
static int wait_credit(struct fakeguest_conn *c)
{
	int64_t end = tap_now_ms() + tap_patience_ms();

	fakeguest_pump(c->guest, 0);
	while (c->state == FAKEGUEST_OPEN && !credit(c)) {
		if (tap_now_ms() > end)
			return -ETIMEDOUT;
		conn_send_op(c, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, NULL, 0);
		fakeguest_pump(c->guest, 100);
	}
	if (c->state == FAKEGUEST_OPEN)
		return 0;
	return c->state == FAKEGUEST_EOF ? -EPIPE : -ECONNRESET;
}

int fakeguest_send(struct fakeguest_conn *c, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		int err = wait_credit(c);
		size_t n = len;

		if (err)
			return err;
		if (n > FAKEGUEST_PAYLOAD)
			n = FAKEGUEST_PAYLOAD;
		if (n > credit(c))
			n = credit(c);
		conn_send_op(c, VIRTIO_VSOCK_OP_RW, 0, p, n);
		c->tx_cnt += n;
		p += n;
		len -= n;
	}
	return 0;
}

/* As Linux does: tell the host of new room before it has none left. */
static void update_credit(struct fakeguest_conn *c)
{
	if (c->guest->mute_credit || c->state != FAKEGUEST_OPEN)
		return;
	if (c->fwd_cnt != c->fwd_told && c->rx_cnt - c->fwd_told > c->buf_alloc / 2)
		conn_send_op(c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
}

int fakeguest_recv_timeout(struct fakeguest_conn *c, void *data, size_t len, int timeout_ms)
{
	int64_t end = tap_now_ms() + timeout_ms;
	int64_t left;

	fakeguest_pump(c->guest, 0);
	while (!c->data_len && c->state == FAKEGUEST_OPEN) {
		left = end - tap_now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		fakeguest_pump(c->guest, left);
	}
	if (!c->data_len)
		return c->state == FAKEGUEST_EOF ? 0 : -ECONNRESET;
	if (len > c->data_len)
		len = c->data_len;
	memcpy(data, c->data, len);
	memmove(c->data, c->data + len, c->data_len - len);
	c->data_len -= len;
	c->fwd_cnt += len;
	update_credit(c);
	return len;
}

int fakeguest_recv(struct fakeguest_conn *c, void *data, size_t len)
{
	return fakeguest_recv_timeout(c, data, len, tap_patience_ms());
}

int fakeguest_wait_end(struct fakeguest_conn *c)
{
	return leaves(c, FAKEGUEST_OPEN, tap_patience_ms()) ? 0 : -ETIMEDOUT;
}

void fakeguest_hangup(struct fakeguest_conn *c)
{
	if (c->state == FAKEGUEST_OPEN) {
		conn_send_op(c, VIRTIO_VSOCK_OP_SHUTDOWN,
			     VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND, NULL, 0);
		fakeguest_wait_end(c);
	}
	fakeguest_forget(c);
}

void fakeguest_reset(struct fakeguest_conn *c)
{
	if (c->state == FAKEGUEST_OPEN || c->state == FAKEGUEST_CONNECTING)
		conn_send_op(c, VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
	fakeguest_forget(c);
}

void fakeguest_forget(struct fakeguest_conn *c)
{
	struct fakeguest_conn **p = &c->guest->conns;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	free(c->data);
	free(c);
}
