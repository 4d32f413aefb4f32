// SPDX-License-Identifier: GPL-2.0
// Owns how a packet is made, run through a program of the fence, and judged.

#include <selftests/fence/rig.h>

#include <stdlib.h>
#include <unistd.h>

struct fence_bpf *rig;
const uint8_t rig_bridge_mac[6] = { 0x02, 0xa7, 0x7e, 0, 0, 1 };
const uint8_t rig_guest_mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

#define GUEST_PORT	40000

void rig_need_bpf(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd;

	libbpf_set_print(NULL);
	if (geteuid())
		tap_skip_all("not root: BPF programs cannot be loaded");
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "probe", "GPL", nothing, 2, &opts);
	if (fd < 0)
		tap_skip_all("BPF programs cannot be loaded here: %s", strerror(errno));
	close(fd);
}

static void map_set(struct bpf_map *map, uint32_t key, const void *value)
{
	tap_need_eq(bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY), 0);
}

static void map_get(struct bpf_map *map, uint32_t key, void *value)
{
	tap_need_eq(bpf_map_lookup_elem(bpf_map__fd(map), &key, value), 0);
}

struct fence_conf rig_conf(void)
{
	struct fence_conf conf;

	map_get(rig->maps.conf, 0, &conf);
	return conf;
}

void rig_conf_set(const struct fence_conf *conf)
{
	map_set(rig->maps.conf, 0, conf);
}

struct fence_slot rig_slot(void)
{
	struct fence_slot record;

	map_get(rig->maps.slots, RIG_SLOT, &record);
	return record;
}

void rig_slot_set(const struct fence_slot *record)
{
	map_set(rig->maps.slots, RIG_SLOT, record);
}

uint64_t rig_gdrop(unsigned int reason)
{
	uint64_t count;

	map_get(rig->maps.gdrop, reason, &count);
	return count;
}

void rig_open(void)
{
	struct fence_conf conf = {
		.bridge_ifindex = RIG_IFINDEX,
		.address = { inet_addr(RIG_SERVICE), inet_addr(RIG_SECOND) },
		.port = htons(RIG_PORT),
		.base = RIG_BASE,
		.slots = RIG_SLOTS,
		.syn_rate = 5,
		.syn_burst = 20,
	};
	struct fence_slot record = {
		.ifindex = RIG_IFINDEX,
		.tokens = 1000 * 1000,
		.stamp = UINT64_MAX,	/* no clock fills it */
	};
	uint32_t slot = RIG_SLOT;

	libbpf_set_print(NULL);
	rig = fence_bpf__open_and_load();
	tap_need(rig);
	memcpy(conf.bridge_mac, rig_bridge_mac, 6);
	conf.syn_burst = 1000;
	rig_conf_set(&conf);
	rig_slot_set(&record);
	map_set(rig->maps.ports, RIG_IFINDEX, &slot);
}

static uint32_t sum_words(const void *data, size_t length, uint32_t sum)
{
	const uint8_t *byte = data;
	size_t i;

	for (i = 0; i < length; i++)
		sum += i % 2 ? byte[i] : (uint32_t)byte[i] << 8;
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t ip_sum(const struct packet *p)
{
	return sum_fold(sum_words(&p->ip, sizeof(p->ip), 0));
}

static uint16_t tcp_sum(const struct packet *p, unsigned int length)
{
	unsigned int tcp_length = length - ETH_HLEN - sizeof(p->ip);
	uint32_t sum = sum_words(&p->ip.saddr, 8, IPPROTO_TCP + tcp_length);

	return sum_fold(sum_words(&p->tcp, tcp_length, sum));
}

void packet_sums(struct packet *p, unsigned int length)
{
	p->ip.check = 0;
	p->ip.check = htons((uint16_t)~ip_sum(p));
	p->tcp.check = 0;
	p->tcp.check = htons((uint16_t)~tcp_sum(p, length));
}

bool packet_sums_ok(const struct packet *p, unsigned int length)
{
	return ip_sum(p) == 0xffff && tcp_sum(p, length) == 0xffff;
}

static struct packet packet_make(const char *from, uint16_t from_port, const char *to,
				 uint16_t to_port)
{
	struct packet p = { 0 };

	p.eth.h_proto = htons(ETH_P_IP);
	p.ip.version = 4;
	p.ip.ihl = 5;
	p.ip.ttl = 64;
	p.ip.protocol = IPPROTO_TCP;
	p.ip.frag_off = htons(0x4000);	/* DF */
	p.ip.tot_len = htons(SYN_LENGTH - ETH_HLEN);
	p.ip.saddr = inet_addr(from);
	p.ip.daddr = inet_addr(to);
	p.tcp.source = htons(from_port);
	p.tcp.dest = htons(to_port);
	p.tcp.doff = 10;
	p.tcp.seq = htonl(0x12345678);
	p.tcp.window = htons(64240);
	memcpy(p.rest, "\x02\x04\x05\xb4\x04\x02\x08\x0a\x01\x02\x03\x04\0\0\0\0\x01\x03\x03\x07", 20);
	return p;
}

struct packet packet_syn(void)
{
	struct packet p = packet_make(RIG_GUEST, GUEST_PORT, RIG_SERVICE, RIG_PORT);

	memcpy(p.eth.h_dest, rig_bridge_mac, 6);
	memcpy(p.eth.h_source, rig_guest_mac, 6);
	p.tcp.syn = 1;
	packet_sums(&p, SYN_LENGTH);
	return p;
}

struct packet packet_answer(void)
{
	struct packet p = packet_make(RIG_SERVICE, RIG_PORT, RIG_GUEST, GUEST_PORT);

	p.ip.daddr = htonl(RIG_BASE + RIG_SLOT);
	memcpy(p.eth.h_dest, rig_bridge_mac, 6);
	memcpy(p.eth.h_source, rig_bridge_mac, 6);
	p.tcp.syn = 1;
	p.tcp.ack = 1;
	packet_sums(&p, SYN_LENGTH);
	return p;
}

struct outcome rig_run(struct bpf_program *program, const void *data, unsigned int length,
		       uint32_t mark)
{
	struct __sk_buff in = { .ifindex = RIG_IFINDEX, .mark = mark }, out = { 0 };
	struct outcome outcome = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		.data_in = data, .data_size_in = length,
		.data_out = &outcome.packet, .data_size_out = sizeof(outcome.packet),
		.ctx_in = &in, .ctx_size_in = sizeof(in),
		.ctx_out = &out, .ctx_size_out = sizeof(out));

	outcome.error = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);
	outcome.verdict = opts.retval;
	outcome.mark = out.mark;
	outcome.length = opts.data_size_out;
	return outcome;
}

struct counts {
	uint64_t slot[FENCE_REASON_COUNT];
	uint64_t none[FENCE_REASON_COUNT];
	uint64_t passed;
};

static struct counts counts_read(void)
{
	struct fence_slot record = rig_slot();
	struct counts counts = { .passed = record.rx_packets + record.tx_packets };
	unsigned int i;

	memcpy(counts.slot, record.drops, sizeof(counts.slot));
	for (i = 0; i < FENCE_REASON_COUNT; i++)
		counts.none[i] = rig_gdrop(i);
	return counts;
}

void need_refused(struct bpf_program *program, const struct packet *packet, unsigned int length,
		  uint32_t mark, unsigned int reason, bool of_slot)
{
	bool cgroup = bpf_program__type(program) == BPF_PROG_TYPE_CGROUP_SKB;
	struct counts before = counts_read(), after;
	struct outcome outcome = rig_run(program, packet, length, mark);
	unsigned int i;

	tap_need_eq(outcome.error, 0);
	tap_need_eq(outcome.verdict, cgroup ? 0 : TC_ACT_SHOT);
	after = counts_read();
	tap_need_eq(after.passed, before.passed);
	for (i = 0; i < FENCE_REASON_COUNT; i++) {
		tap_need_msg(after.slot[i] - before.slot[i] == (of_slot && i == reason),
			     "reason %u of the slot rose by %d, wanted reason %u", i,
			     (int)(after.slot[i] - before.slot[i]), reason);
		tap_need_msg(after.none[i] - before.none[i] == (!of_slot && i == reason),
			     "reason %u of no slot rose by %d, wanted reason %u", i,
			     (int)(after.none[i] - before.none[i]), reason);
	}
}

struct outcome guest_sends(const struct packet *p)
{
	return rig_run(RIG_PORT_IN, p, SYN_LENGTH, 0);
}

void guest_refused(const struct packet *p, unsigned int reason)
{
	need_refused(RIG_PORT_IN, p, SYN_LENGTH, 0, reason, true);
}

void guest_passes(const struct packet *p)
{
	struct outcome o = guest_sends(p);

	tap_need_eq(o.error, 0);
	tap_need_eq(o.verdict, TC_ACT_REDIRECT);
}
