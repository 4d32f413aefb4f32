// SPDX-License-Identifier: GPL-2.0
/* The device of a guest without a VM: vhost-vsock's rings and raw packets. */
#include <selftests/lib/fakeguest.h>

#include <endian.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <selftests/lib/tap.h>

enum { RX, TX };

/*
 * Memory of a guest, by its "physical" address: two pages for each ring, then
 * the buffers. A ring's first page has descriptors and avail, the second used.
 */
#define PAGE		4096
#define RING_SPACE	(2 * PAGE)
#define BUFFERS_SPACE	(FAKEGUEST_RING * FAKEGUEST_BUFFER)
#define MEMORY_SIZE	(2 * RING_SPACE + 2 * BUFFERS_SPACE)

static void ring_place(struct fakeguest *g, struct fakeguest_ring *r, int index)
{
	uint8_t *base = g->memory + index * RING_SPACE;

	r->desc = (struct vring_desc *)base;
	r->avail = (struct vring_avail *)(base + FAKEGUEST_RING * sizeof(struct vring_desc));
	r->used = (struct vring_used *)(base + PAGE);
	r->buffers = g->memory + 2 * RING_SPACE + index * BUFFERS_SPACE;
	for (int i = 0; i < FAKEGUEST_RING; i++) {
		r->desc[i].addr = htole64(r->buffers + i * FAKEGUEST_BUFFER - g->memory);
		r->desc[i].len = htole32(FAKEGUEST_BUFFER);
		r->desc[i].flags = htole16(index == RX ? VRING_DESC_F_WRITE : 0);
	}
}

static int ring_tell(struct fakeguest *g, struct fakeguest_ring *r, int index)
{
	struct vhost_vring_state num = { .index = index, .num = FAKEGUEST_RING };
	struct vhost_vring_state base = { .index = index };
	struct vhost_vring_file kick = { .index = index, .fd = r->kick };
	struct vhost_vring_file call = { .index = index, .fd = g->call };
	struct vhost_vring_addr addr = {
		.index = index,
		.desc_user_addr = (uintptr_t)r->desc,
		.avail_user_addr = (uintptr_t)r->avail,
		.used_user_addr = (uintptr_t)r->used,
	};

	if (ioctl(g->vhost_fd, VHOST_SET_VRING_NUM, &num) ||
	    ioctl(g->vhost_fd, VHOST_SET_VRING_BASE, &base) ||
	    ioctl(g->vhost_fd, VHOST_SET_VRING_ADDR, &addr) ||
	    ioctl(g->vhost_fd, VHOST_SET_VRING_KICK, &kick))
		return -errno;
	/* Sent packets need no interrupt: nobody waits for them. */
	if (index == RX && ioctl(g->vhost_fd, VHOST_SET_VRING_CALL, &call))
		return -errno;
	return 0;
}

/* Offers descriptor i to the host; the host sees it with the next kick. */
static void ring_offer(struct fakeguest_ring *r, uint16_t i)
{
	r->avail->ring[r->next % FAKEGUEST_RING] = htole16(i);
	r->next++;
	__atomic_store_n(&r->avail->idx, htole16(r->next), __ATOMIC_RELEASE);
}

static void ring_kick(struct fakeguest_ring *r)
{
	uint64_t one = 1;

	/* The host looks at the index after it allows kicks: order both ways. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (le16toh(__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED)) & VRING_USED_F_NO_NOTIFY)
		return;
	if (write(r->kick, &one, sizeof(one)) != sizeof(one))
		abort();
}

static uint16_t ring_used(const struct fakeguest_ring *r)
{
	return le16toh(__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE));
}

static int set_up(struct fakeguest *g)
{
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1;
	union {
		struct vhost_memory head;
		uint8_t space[sizeof(struct vhost_memory) + sizeof(struct vhost_memory_region)];
	} table = { .head = { .nregions = 1 } };

	table.head.regions[0].memory_size = MEMORY_SIZE;
	table.head.regions[0].userspace_addr = (uintptr_t)g->memory;
	if (ioctl(g->vhost_fd, VHOST_SET_OWNER) ||
	    ioctl(g->vhost_fd, VHOST_SET_FEATURES, &features) ||
	    ioctl(g->vhost_fd, VHOST_SET_MEM_TABLE, &table))
		return -errno;
	ring_place(g, &g->rx, RX);
	ring_place(g, &g->tx, TX);
	g->tx.avail->flags = htole16(VRING_AVAIL_F_NO_INTERRUPT);
	for (uint16_t i = 0; i < FAKEGUEST_RING; i++)
		ring_offer(&g->rx, i);
	return ring_tell(g, &g->rx, RX) ?: ring_tell(g, &g->tx, TX);
}

struct fakeguest *fakeguest_open(void)
{
	struct fakeguest *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return NULL;
	/* As Linux does: the host may still know our predecessor's ports. */
	if (getrandom(&g->next_port, sizeof(g->next_port), 0) < 0)
		abort();
	g->next_port = 1024 + g->next_port % (1U << 30);
	g->vhost_fd = open("/dev/vhost-vsock", O_RDWR | O_CLOEXEC);
	g->rx.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->tx.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* Shared, so that a fork of this process does not move it. */
	g->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	err = g->vhost_fd < 0 || g->call < 0 || g->memory == MAP_FAILED ? -errno : set_up(g);
	if (err) {
		fakeguest_close(g);
		errno = -err;
		return NULL;
	}
	return g;
}

int fakeguest_set_cid(struct fakeguest *g, uint64_t cid)
{
	if (ioctl(g->vhost_fd, VHOST_VSOCK_SET_GUEST_CID, &cid))
		return -errno;
	g->cid = cid;
	return 0;
}

int fakeguest_run(struct fakeguest *g, bool running)
{
	int on = running;

	return ioctl(g->vhost_fd, VHOST_VSOCK_SET_RUNNING, &on) ? -errno : 0;
}

struct fakeguest *fakeguest_start(uint32_t cid)
{
	struct fakeguest *g = fakeguest_open();
	int err;

	if (!g && errno == ENOENT)
		tap_skip("no /dev/vhost-vsock");
	tap_need_msg(g, "guest %u: cannot open: errno %d", cid, errno);
	/* Another's release frees a CID some time after its last close. */
	tap_wait((err = fakeguest_set_cid(g, cid)) != -EADDRINUSE);
	tap_need_msg(!err, "guest %u: cannot set CID: errno %d", cid, -err);
	err = fakeguest_run(g, true);
	tap_need_msg(!err, "guest %u: cannot run: errno %d", cid, -err);
	return g;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void fakeguest_close(struct fakeguest *g)
{
	while (g->conns)
		fakeguest_forget(g->conns);
	close_fd(g->vhost_fd);
	close_fd(g->rx.kick);
	close_fd(g->tx.kick);
	close_fd(g->call);
	if (g->memory != MAP_FAILED)
		munmap(g->memory, MEMORY_SIZE);
	free(g);
}

int fakeguest_vhost_fd(const struct fakeguest *g)
{
	return g->vhost_fd;
}

void fakeguest_header(const struct fakeguest *g, struct virtio_vsock_hdr *hdr,
		      uint32_t src_port, uint32_t dst_port, uint16_t op)
{
	*hdr = (struct virtio_vsock_hdr){
		.src_cid = htole64(g->cid),
		.dst_cid = htole64(FAKEGUEST_HOST),
		.src_port = htole32(src_port),
		.dst_port = htole32(dst_port),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
		.op = htole16(op),
		.buf_alloc = htole32(FAKEGUEST_CREDIT),
	};
}

bool fakeguest_sent_all(const struct fakeguest *g)
{
	return (uint16_t)(ring_used(&g->tx) + g->lost) == g->tx.next;
}

bool fakeguest_has_room(struct fakeguest *g)
{
	if ((uint16_t)(g->tx.next - ring_used(&g->tx) - g->lost) < FAKEGUEST_RING)
		return true;
	ring_kick(&g->tx);
	return false;
}

int fakeguest_inject(struct fakeguest *g, const struct virtio_vsock_hdr *hdr,
		     const void *data, size_t len)
{
	uint16_t i = g->tx.next % FAKEGUEST_RING;
	uint8_t *buffer = g->tx.buffers + i * FAKEGUEST_BUFFER;

	if (len > FAKEGUEST_PAYLOAD)
		return -EMSGSIZE;
	/* In order: slot i is free when fewer than all are outstanding. */
	if (!fakeguest_has_room(g) && !tap_wait(fakeguest_has_room(g)))
		return -EAGAIN;
	memcpy(buffer, hdr, sizeof(*hdr));
	if (len)
		memcpy(buffer + sizeof(*hdr), data, len);
	g->tx.desc[i].len = htole32(sizeof(*hdr) + len);
	ring_offer(&g->tx, i);
	ring_kick(&g->tx);
	return 0;
}

int fakeguest_inject_op(struct fakeguest *g, uint32_t src_port, uint32_t dst_port, uint16_t op)
{
	struct virtio_vsock_hdr hdr;

	fakeguest_header(g, &hdr, src_port, dst_port, op);
	return fakeguest_inject(g, &hdr, NULL, 0);
}

/* One packet out of the rx ring, copied: dealing with it may send others. */
static bool take_one(struct fakeguest *g)
{
	struct virtio_vsock_hdr hdr;
	uint8_t data[FAKEGUEST_PAYLOAD];
	struct vring_used_elem *e;
	uint32_t i, len;

	if (g->rx.seen == ring_used(&g->rx))
		return false;
	e = &g->rx.used->ring[g->rx.seen++ % FAKEGUEST_RING];
	i = le32toh(e->id) % FAKEGUEST_RING;
	len = le32toh(e->len);
	memcpy(&hdr, g->rx.buffers + i * FAKEGUEST_BUFFER, sizeof(hdr));
	len = len > sizeof(hdr) && len <= FAKEGUEST_BUFFER ? len - sizeof(hdr) : 0;
	memcpy(data, g->rx.buffers + i * FAKEGUEST_BUFFER + sizeof(hdr), len);
	ring_offer(&g->rx, i);
	ring_kick(&g->rx);
	fakeguest_deliver(g, &hdr, data, len);
	return true;
}

int fakeguest_pump(struct fakeguest *g, int timeout_ms)
{
	struct pollfd p = { .fd = g->call, .events = POLLIN };
	uint64_t count;
	int n = 0;

	while (take_one(g))
		n++;
	if (n || timeout_ms == 0)
		return n;
	if (poll(&p, 1, timeout_ms) > 0 && read(g->call, &count, sizeof(count)) < 0)
		return 0;
	while (take_one(g))
		n++;
	return n;
}
