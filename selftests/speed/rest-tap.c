// SPDX-License-Identifier: GPL-2.0
// Owns a VM's network card: segments of TCP as frames of a tap, with checksums left to it.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <selftests/speed/rest.h>

#define FRAME_MAX	65536
#define MSS		1460
#define WINDOW		65535

struct headers {
	struct ether_header ether;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

/* As a virtio-net device with vhost: checksums and large segments are the card's work. */
void tap_open(struct tap *tap, const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	memset(tap, 0, sizeof(*tap));
	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	memcpy(tap->name, ifr.ifr_name, IFNAMSIZ);
	tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap->fd < 0 || ioctl(tap->fd, TUNSETIFF, &ifr) ||
	    ioctl(tap->fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4))
		bench_die("tap %s: %s", name, strerror(errno));
}

static uint32_t add(uint32_t sum, const void *data, size_t length)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)byte[i] << 8 | byte[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)((sum & 0xffff) + (sum >> 16)));
}

static void fill_ip(const struct tap *tap, struct iphdr *ip, size_t length)
{
	*ip = (struct iphdr) {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
		.tot_len = htons((uint16_t)length), .frag_off = htons(IP_DF),
		.saddr = htonl(tap->ip), .daddr = htonl(REST_SERVICE),
	};
	ip->check = (uint16_t)~fold(add(0, ip, sizeof(*ip)));
}

/* The pseudo header's sum only: the rest is left to who has to send it on. */
static void fill_tcp(const struct iphdr *ip, const struct segment *s, struct tcphdr *tcp)
{
	uint32_t length = ntohs(ip->tot_len) - (uint32_t)sizeof(*ip);
	bool syn = s->flags & TAP_SYN;

	memset(tcp, 0, sizeof(*tcp));
	tcp->source = htons(s->port);
	tcp->dest = htons(REST_PORT);
	tcp->seq = htonl(s->seq);
	tcp->ack_seq = htonl(s->ack);
	tcp->doff = syn ? 6 : 5;
	((uint8_t *)tcp)[13] = s->flags;
	tcp->window = htons(WINDOW);
	tcp->check = fold(add(IPPROTO_TCP + length, &ip->saddr, 8));
}

/* All but the TCP checksum; returns the length. */
static size_t fill(const struct tap *tap, const struct segment *s, void *frame)
{
	static const uint8_t mss[4] = { 2, 4, MSS >> 8, MSS & 0xff };
	struct headers *h = frame;
	size_t options = s->flags & TAP_SYN ? sizeof(mss) : 0;
	uint8_t *end = (uint8_t *)(h + 1);
	struct tcphdr tcp;
	struct iphdr ip;

	memcpy(h->ether.ether_dhost, tap->bridge_mac, 6);
	memcpy(h->ether.ether_shost, tap->mac, 6);
	h->ether.ether_type = htons(ETHERTYPE_IP);
	fill_ip(tap, &ip, sizeof(ip) + sizeof(tcp) + options + s->length);
	fill_tcp(&ip, s, &tcp);
	memcpy(&h->ip, &ip, sizeof(ip));
	memcpy(&h->tcp, &tcp, sizeof(tcp));
	memcpy(end, mss, options);
	if (s->length)
		memcpy(end + options, s->data, s->length);
	return sizeof(*h) + options + s->length;
}

size_t tap_frame(const struct tap *tap, const struct segment *segment, void *frame)
{
	size_t length = fill(tap, segment, frame);
	struct headers *h = frame;
	uint8_t *tcp = (uint8_t *)frame + sizeof(h->ether) + sizeof(h->ip);
	size_t rest = length - sizeof(h->ether) - sizeof(h->ip);
	uint16_t check;

	if (rest % 2)
		((uint8_t *)frame)[length] = 0;
	check = (uint16_t)~fold(add(0, tcp, rest + rest % 2));
	memcpy(tcp + 16, &check, sizeof(check));
	return length;
}

void tap_send(const struct tap *tap, const struct segment *segment)
{
	uint8_t buf[sizeof(struct virtio_net_hdr) + sizeof(struct headers) + 4 +
		    CLIENT_REQUEST_MAX];
	struct virtio_net_hdr offload = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = sizeof(struct ether_header) + sizeof(struct iphdr),
		.csum_offset = 16,
	};
	size_t length;

	memcpy(buf, &offload, sizeof(offload));
	length = sizeof(offload) + fill(tap, segment, buf + sizeof(offload));
	if (write(tap->fd, buf, length) != (ssize_t)length)
		bench_die("tap %s: write: %s", tap->name, strerror(errno));
}

/* False: not from the service by TCP. */
static bool parse(const uint8_t *frame, size_t length, struct segment *s)
{
	struct headers h;
	size_t start, end;

	if (length < sizeof(h))
		return false;
	memcpy(&h, frame, sizeof(h));
	if (h.ether.ether_type != htons(ETHERTYPE_IP) || h.ip.ihl != 5 ||
	    h.ip.protocol != IPPROTO_TCP || h.ip.saddr != htonl(REST_SERVICE))
		return false;
	start = sizeof(h.ether) + sizeof(h.ip) + h.tcp.doff * 4u;
	end = sizeof(h.ether) + ntohs(h.ip.tot_len);
	if (end > length || start > end)
		return false;
	*s = (struct segment) {
		.port = ntohs(h.tcp.dest), .seq = ntohl(h.tcp.seq), .ack = ntohl(h.tcp.ack_seq),
		.flags = ((const uint8_t *)&h.tcp)[13],
		.data = frame + start, .length = (uint32_t)(end - start),
	};
	return true;
}

bool tap_receive(const struct tap *tap, struct segment *segment)
{
	static uint8_t buf[sizeof(struct virtio_net_hdr) + FRAME_MAX];
	const size_t skip = sizeof(struct virtio_net_hdr);
	ssize_t n;

	while ((n = read(tap->fd, buf, sizeof(buf))) > (ssize_t)skip)
		if (parse(buf + skip, (size_t)n - skip, segment))
			return true;
	return false;
}
