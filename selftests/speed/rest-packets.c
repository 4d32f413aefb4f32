// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the measurements by packets: each program of the fence alone, and the
 * whole way from a tap to the host's stack against the rules of nftables that
 * one would write for the same job.
 *
 * Packets of the second kind are injected on the tap by a test run of XDP, and
 * end in a rule of table raw that counts and drops them. Time is the CPU time
 * of this thread, in whose calls all of that happens, and of ksoftirqd.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <selftests/speed/rest.h>
#include <userspace/fence/internal.h>

#define SINGLE_RUNS	4000
#define PACKETS		100000
#define BATCH		64
#define SLOT		1
#define FRAME_MAX	200

static const uint8_t uuid[16] = { 1 };

/* ---- one program ---- */

/* One case: a frame, the way it comes, and the verdict that it must get. */
struct one {
	const char *name;
	enum fence_program program;
	uint8_t flags;			/* of TCP */
	uint32_t source, destination;	/* host order */
	uint16_t ethertype;		/* 0: IPv4 */
	bool on_bridge, marked, reply;
	int verdict;
	double ns;
};

static struct one ones[] = {
	{ "port_in: data, rewritten, to the bridge", FENCE_PORT_IN, TAP_ACK,
	  .verdict = TC_ACT_REDIRECT },
	{ "port_in: SYN, one token", FENCE_PORT_IN, TAP_SYN, .verdict = TC_ACT_REDIRECT },
	{ "port_in: drop, another address", FENCE_PORT_IN, TAP_ACK, .destination = 0x0a000001,
	  .verdict = TC_ACT_SHOT },
	{ "port_in: drop, IPv6", FENCE_PORT_IN, TAP_ACK, .ethertype = ETH_P_IPV6,
	  .verdict = TC_ACT_SHOT },
	{ "br_in: marked, of its slot", FENCE_BR_IN, TAP_ACK, .source = REST_RANGE + SLOT,
	  .on_bridge = true, .marked = true, .verdict = TC_ACT_OK },
	{ "br_in: drop, not marked", FENCE_BR_IN, TAP_ACK, .source = REST_RANGE + SLOT,
	  .on_bridge = true, .verdict = TC_ACT_SHOT },
	{ "br_out: reply, rewritten, to the tap", FENCE_BR_OUT, TAP_ACK, .reply = true,
	  .on_bridge = true, .verdict = TC_ACT_REDIRECT },
	{ "port_out: marked, of this slot", FENCE_PORT_OUT, TAP_ACK, .marked = true,
	  .verdict = TC_ACT_OK },
	{ "cg_in: over the bridge", FENCE_CG_IN, TAP_ACK, .source = REST_RANGE + SLOT,
	  .on_bridge = true, .verdict = 1 },
};

static void swap(uint8_t *a, uint8_t *b, size_t length)
{
	while (length--) {
		uint8_t c = a[length];

		a[length] = b[length];
		b[length] = c;
	}
}

static size_t make_frame(const struct tap *tap, const struct one *one, uint8_t *frame)
{
	const struct segment s = {
		.port = 40000, .seq = 1, .ack = 2, .flags = one->flags,
		.data = "GET /metadata", .length = one->flags & TAP_SYN ? 0 : 13,
	};
	uint16_t type = htons(one->ethertype);
	uint32_t address;
	size_t length = tap_frame(tap, &s, frame);

	if (one->source) {
		address = htonl(one->source);
		memcpy(frame + 26, &address, 4);
	}
	if (one->destination) {
		address = htonl(one->destination);
		memcpy(frame + 30, &address, 4);
	}
	if (one->ethertype)
		memcpy(frame + 12, &type, 2);
	if (one->reply) {
		address = htonl(REST_RANGE + SLOT);
		memcpy(frame + 26, &address, 4);
		swap(frame + 26, frame + 30, 4);
		swap(frame + 34, frame + 36, 2);
	}
	return length;
}

/* Programs change what they are given, so each frame is run once. */
static double run_single(int program, const struct one *one, const uint8_t *frame, size_t length,
			 unsigned int ifindex)
{
	static double ns[SINGLE_RUNS];
	uint8_t out[FRAME_MAX + 64];

	for (unsigned int i = 0; i < SINGLE_RUNS; i++) {
		struct __sk_buff skb = {
			.ifindex = ifindex, .mark = one->marked ? FENCE_MARK_MAGIC | SLOT : 0,
		};
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (uint32_t)length,
			    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &skb,
			    .ctx_size_in = sizeof(skb), .repeat = 1);

		if (bpf_prog_test_run_opts(program, &run) || (int)run.retval != one->verdict)
			bench_die("%s: verdict %d, not %d", one->name, (int)run.retval,
				  one->verdict);
		ns[i] = run.duration;
	}
	return stats_median(ns, SINGLE_RUNS);
}

static int load(enum bpf_prog_type type, const struct bpf_insn *insns, size_t count)
{
	int fd = bpf_prog_load(type, "bench", "GPL", insns, count, NULL);

	if (fd < 0)
		bench_die("BPF program of the bench: %s", strerror(errno));
	return fd;
}

static int load_empty(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load(BPF_PROG_TYPE_SCHED_CLS, insns, 2);
}

/* ---- the whole way ---- */

enum way { WAY_NONE, WAY_FENCE, WAY_BRIDGE, WAY_NETDEV, WAYS };

static const char *const way_name[WAYS] = {
	[WAY_NONE] = "bridge alone", [WAY_FENCE] = "fence",
	[WAY_BRIDGE] = "nftables: bridge filter, no rewrite",
	[WAY_NETDEV] = "nftables: ingress filter, limit, rewrite",
};

enum kind { KIND_DATA, KIND_SYN, KINDS };

static const char *const kind_name[KINDS] = { "data", "SYN" };

struct course {
	struct site site;
	struct tap tap;
	struct fence *fence;
	struct {
		uint8_t frame[FRAME_MAX];
		size_t length;
		int program;
		double ns[BENCH_REPEATS_MAX];
	} kind[KINDS];
};

/* The same demands in both tables; what a VM's source must not be. */
#define DENIED	"set denied { type ipv4_addr; flags interval; elements = { 0.0.0.0/8, " \
		"127.0.0.0/8, 169.254.169.253, 198.18.0.0/19, 224.0.0.0/3 }; }; "
#define CHECK	"ether daddr 02:61:7a:00:00:01 ip hdrlength 5 ip frag-off & 0x3fff == 0 " \
		"ip daddr 169.254.169.253 tcp dport 80 ip saddr != @denied "

static void write_rules(enum way way)
{
	site_run("nft 'table ip end { counter arrived { }; chain in { "
		 "type filter hook prerouting priority raw; "
		 "ip daddr 169.254.169.253 tcp dport 80 counter name arrived drop; }; }'");
	if (way == WAY_BRIDGE)
		site_run("nft 'table bridge fence { " DENIED "chain in { "
			 "type filter hook prerouting priority -300; policy drop; "
			 "iifname tap1 ether type ip " CHECK "accept; }; }'");
	if (way == WAY_NETDEV)
		site_run("nft 'table netdev fence { " DENIED "chain pass { "
			 "tcp flags & (syn | ack) == syn limit rate over 1000000/second "
			 "burst 1000000 packets drop; ip saddr set 198.18.0.1 accept; }; "
			 "chain in { type filter hook ingress device tap1 priority 0; policy drop; "
			 "ether type ip " CHECK "jump pass; }; }'");
}

/*
 * An XDP program that lets the frame pass, after it has put back what the way
 * before may have rewritten: the kernel uses the pages again.
 */
static int load_restore(const uint8_t *frame)
{
	uint32_t source;
	uint16_t ip_sum, tcp_sum;
	struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1, .off = 0 },
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 3, .src_reg = 1, .off = 4 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 4, .src_reg = 2 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 4, .imm = 54 },
		{ .code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = 4, .src_reg = 3, .off = 3 },
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = 2, .off = 26 },
		{ .code = BPF_ST | BPF_MEM | BPF_H, .dst_reg = 2, .off = 24 },
		{ .code = BPF_ST | BPF_MEM | BPF_H, .dst_reg = 2, .off = 50 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	memcpy(&source, frame + 26, 4);
	memcpy(&ip_sum, frame + 24, 2);
	memcpy(&tcp_sum, frame + 50, 2);
	insns[5].imm = (int32_t)source;
	insns[6].imm = ip_sum;
	insns[7].imm = tcp_sum;
	return load(BPF_PROG_TYPE_XDP, insns, sizeof(insns) / sizeof(insns[0]));
}

static void open_course(struct course *course, enum way way)
{
	static const struct one kinds[KINDS] = {
		[KIND_DATA] = { .flags = TAP_ACK }, [KIND_SYN] = { .flags = TAP_SYN },
	};

	site_open(&course->site);
	site_add_vm(&course->site, &course->tap, 1, true);
	if (way == WAY_FENCE) {
		course->fence = door_open_fence(&course->site);
		door_enrol(course->fence, &course->tap, SLOT, uuid);
	}
	write_rules(way);
	for (int kind = 0; kind < KINDS; kind++) {
		course->kind[kind].length = make_frame(&course->tap, &kinds[kind],
						       course->kind[kind].frame);
		course->kind[kind].program = load_restore(course->kind[kind].frame);
	}
}

static unsigned long arrived(void)
{
	FILE *f = popen("nft list counter ip end arrived", "r");
	unsigned long packets = 0;
	char line[200];

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, " packets %lu", &packets);
	if (f)
		pclose(f);
	return packets;
}

static uint64_t spent_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec + door_softirq_ns();
}

static double run_way(struct course *course, enum kind kind)
{
	struct xdp_md md = {
		.data_end = (uint32_t)course->kind[kind].length,
		.ingress_ifindex = if_nametoindex(course->tap.name),
	};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = course->kind[kind].frame,
		    .data_size_in = (uint32_t)course->kind[kind].length, .ctx_in = &md,
		    .ctx_size_in = sizeof(md), .repeat = PACKETS,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	uint64_t start = spent_ns();

	if (bpf_prog_test_run_opts(course->kind[kind].program, &run))
		bench_die("XDP test run: %s", strerror(errno));
	return (double)(spent_ns() - start) / PACKETS;
}

/* A packet that did not arrive would be a cheap one. */
static void run_checked(struct course *course, enum way way, enum kind kind, unsigned int round)
{
	unsigned long before, came;

	site_enter(&course->site);
	before = arrived();
	course->kind[kind].ns[round] = run_way(course, kind);
	came = arrived() - before;
	if (came != PACKETS)
		bench_die("%s, %s: %lu of %u packets arrived", way_name[way], kind_name[kind],
			  came, PACKETS);
}

/* Median over the rounds of what this way takes more than the bridge alone. */
static double added(const struct course *courses, enum way way, enum kind kind,
		    unsigned int rounds)
{
	double ns[BENCH_REPEATS_MAX];

	for (unsigned int i = 0; i < rounds; i++)
		ns[i] = courses[way].kind[kind].ns[i] - courses[WAY_NONE].kind[kind].ns[i];
	return stats_median(ns, rounds);
}

static double whole(const struct course *course, enum kind kind, unsigned int rounds)
{
	double ns[BENCH_REPEATS_MAX];

	memcpy(ns, course->kind[kind].ns, sizeof(ns));
	return stats_median(ns, rounds);
}

static void show_ways(const struct course *courses, unsigned int rounds)
{
	printf("\n%-60s %8s %8s\n", "from the tap to the host's stack", "ns", "added");
	for (int kind = 0; kind < KINDS; kind++)
		for (int way = 0; way < WAYS; way++)
			printf("%-5s %-54s %8.0f %8.0f\n", kind_name[kind], way_name[way],
			       whole(&courses[way], kind, rounds),
			       added(courses, way, kind, rounds));
}

static void judge_ways(const struct course *courses, unsigned int rounds)
{
	char line[100];

	table_goals_head();
	for (int kind = 0; kind < KINDS; kind++) {
		snprintf(line, sizeof(line), "%s: added by the fence, of added by nftables",
			 kind_name[kind]);
		table_at_most(line, added(courses, WAY_FENCE, kind, rounds) /
				    added(courses, WAY_NETDEV, kind, rounds), 0.7);
	}
}

static void measure_ways(unsigned int rounds)
{
	static struct course courses[WAYS];

	for (int way = 0; way < WAYS; way++)
		open_course(&courses[way], way);
	for (int kind = 0; kind < KINDS; kind++)
		for (int way = 0; way < WAYS; way++)
			run_checked(&courses[way], way, kind, 0);
	for (unsigned int round = 0; round < rounds; round++)
		for (int kind = 0; kind < KINDS; kind++)
			for (int way = 0; way < WAYS; way++)
				run_checked(&courses[way], way, kind, round);
	show_ways(courses, rounds);
	judge_ways(courses, rounds);
}

/* A test run of this type knows no device: only the refusal can be measured. */
static double run_steer(const struct course *course)
{
	static double ns[SINGLE_RUNS];

	for (unsigned int i = 0; i < SINGLE_RUNS; i++) {
		struct bpf_sk_lookup lookup = {
			.family = AF_INET, .protocol = IPPROTO_TCP,
			.remote_ip4 = htonl(REST_RANGE + SLOT), .remote_port = htons(40000),
			.local_ip4 = htonl(REST_SERVICE), .local_port = REST_PORT,
		};
		LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &lookup,
			    .ctx_size_in = sizeof(lookup), .repeat = 1);

		if (bpf_prog_test_run_opts(course->fence->program[FENCE_STEER].fd, &run) ||
		    run.retval != SK_DROP)
			bench_die("steer: verdict %u", run.retval);
		ns[i] = run.duration;
	}
	return stats_median(ns, SINGLE_RUNS);
}

static void measure_programs(unsigned int rounds)
{
	static struct course course;
	const struct one nothing = { .name = "empty program", .flags = TAP_ACK };
	double empty[BENCH_REPEATS_MAX], ns[BENCH_REPEATS_MAX];
	uint8_t frame[FRAME_MAX];
	unsigned int tap;
	int program = load_empty();

	open_course(&course, WAY_FENCE);
	tap = if_nametoindex(course.tap.name);
	printf("%-60s %8s\n", "a program alone, without what an empty one takes", "ns");
	for (size_t i = 0; i < sizeof(ones) / sizeof(ones[0]); i++) {
		size_t length = make_frame(&course.tap, &ones[i], frame);

		for (unsigned int r = 0; r < rounds; r++) {
			empty[r] = run_single(program, &nothing, frame, length, tap);
			ns[r] = run_single(course.fence->program[ones[i].program].fd, &ones[i],
					   frame, length,
					   ones[i].on_bridge ? course.site.bridge : tap) - empty[r];
		}
		printf("%-60s %8.0f\n", ones[i].name, stats_median(ns, rounds));
	}
	printf("%-60s %8.0f\n", "steer: refused, with a test run's own",
	       run_steer(&course));
}

void packets_native(unsigned int rounds)
{
	site_pin();
	measure_programs(rounds);
	measure_ways(rounds);
}
