// SPDX-License-Identifier: GPL-2.0
// What the programs behind port_in let through: bridge, way back, socket; and what they cost.

#include <selftests/fence/rig.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MARK	(FENCE_MARK_MAGIC | RIG_SLOT)

static struct packet translated(void)
{
	struct packet p = packet_syn();

	p.ip.saddr = htonl(RIG_BASE + RIG_SLOT);
	packet_sums(&p, SYN_LENGTH);
	return p;
}

static void guest_heard(void)
{
	struct fence_slot record = rig_slot();

	record.guest_ip = inet_addr(RIG_GUEST);
	memcpy(record.guest_mac, rig_guest_mac, 6);
	rig_slot_set(&record);
}

static void the_bridge_takes_what_is_marked_and_clears_the_mark(void)
{
	struct packet p = translated();
	struct outcome o;

	rig_open();
	o = rig_run(rig->progs.br_in, &p, SYN_LENGTH, MARK);
	tap_need_eq(o.error, 0);
	tap_need_eq(o.verdict, TC_ACT_OK);
	tap_need_eq(o.mark, 0);
	tap_need(!memcmp(&o.packet, &p, SYN_LENGTH));
}

static void the_bridge_refuses_every_other_mark(void)
{
	static const uint32_t marks[] = {
		0, RIG_SLOT, FENCE_MARK_MAGIC, FENCE_MARK_MAGIC | RIG_SLOTS, FENCE_MARK_MAGIC | 0xffff,
		MARK ^ 0x80000000, MARK ^ 0x10000, MARK ^ 4, 0xffffffff,
	};
	struct packet p = translated();
	unsigned int i;

	rig_open();
	for (i = 0; i < TAP_COUNT(marks); i++)
		need_refused(rig->progs.br_in, &p, SYN_LENGTH, marks[i], FENCE_REASON_UNMARKED, false);
}

static void the_bridge_refuses_a_source_that_is_not_the_slot(void)
{
	static const char *const sources[] = {
		RIG_GUEST, "198.18.0.2", "198.18.0.4", "198.18.0.0", "198.19.0.3", "0.0.0.0",
	};
	struct packet p = translated();
	unsigned int i;

	rig_open();
	for (i = 0; i < TAP_COUNT(sources); i++) {
		p.ip.saddr = inet_addr(sources[i]);
		need_refused(rig->progs.br_in, &p, SYN_LENGTH, MARK, FENCE_REASON_SOURCE, true);
	}
	p.eth.h_proto = 0;	/* a test run makes no IPv4 packet so short */
	need_refused(rig->progs.br_in, &p, 29, MARK, FENCE_REASON_SHORT, true);
}

/* A redirected frame waits in a queue: it must not come out after withdrawal. */
static void a_frame_on_its_way_does_not_outlive_its_slot(void)
{
	struct packet p = translated();
	struct fence_slot nothing = { 0 };

	rig_open();
	rig_slot_set(&nothing);
	need_refused(rig->progs.br_in, &p, SYN_LENGTH, MARK, FENCE_REASON_UNMARKED, false);
}

static void another_device_is_not_the_bridge(void)
{
	struct packet p = translated(), back = packet_answer();
	struct fence_conf conf;

	rig_open();
	guest_heard();
	conf = rig_conf();
	conf.bridge_ifindex = RIG_IFINDEX + 1;
	rig_conf_set(&conf);
	need_refused(rig->progs.br_in, &p, SYN_LENGTH, MARK, FENCE_REASON_UNMARKED, false);
	need_refused(rig->progs.br_out, &back, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
	need_refused(rig->progs.cg_in, &p, SYN_LENGTH, 0, FENCE_REASON_CGROUP, false);
}

static void an_answer_gets_the_guests_addresses(void)
{
	struct packet p = packet_answer(), want = p;
	struct outcome o;

	rig_open();
	guest_heard();
	o = rig_run(rig->progs.br_out, &p, SYN_LENGTH, 0);
	tap_need_eq(o.error, 0);
	tap_need_eq(o.verdict, TC_ACT_REDIRECT);
	tap_need_eq(o.mark, MARK);
	want.ip.daddr = inet_addr(RIG_GUEST);
	memcpy(want.eth.h_dest, rig_guest_mac, 6);
	packet_sums(&want, SYN_LENGTH);
	tap_need(packet_sums_ok(&o.packet, SYN_LENGTH));
	tap_need(!memcmp(&o.packet, &want, SYN_LENGTH));
}

static void nothing_goes_to_a_guest_that_was_never_heard(void)
{
	struct packet p = packet_answer();
	struct fence_slot nothing = { 0 };

	rig_open();
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_NO_GUEST, true);
	rig_slot_set(&nothing);
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_NO_GUEST, false);
	p.ip.daddr = htonl(RIG_BASE);
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_NO_GUEST, false);
	p.ip.daddr = htonl(RIG_BASE + RIG_SLOTS);
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_NO_GUEST, false);
	p.ip.daddr = htonl(RIG_BASE - 1);
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_NO_GUEST, false);
}

static void only_the_service_speaks_to_guests(void)
{
	struct packet p = packet_answer();

	rig_open();
	guest_heard();
	p.tcp.ack = 0;
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_SOURCE, false);
	p = packet_answer();
	p.tcp.source = htons(22);
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_SOURCE, false);
	p = packet_answer();
	p.ip.saddr = inet_addr("10.0.0.1");
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_SOURCE, false);
	p = packet_answer();
	p.ip.protocol = IPPROTO_ICMP;
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_PROTOCOL, false);
	p = packet_answer();
	p.ip.frag_off = htons(0x2000);
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_FRAGMENT, false);
	p = packet_answer();
	p.ip.ihl = 6;
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_IP_HEADER, false);
	p = packet_answer();
	p.eth.h_proto = htons(ETH_P_IPV6);
	need_refused(rig->progs.br_out, &p, SYN_LENGTH, 0, FENCE_REASON_ETHERTYPE, false);
	need_refused(rig->progs.br_out, (const struct packet *)&(struct packet) {
			.eth.h_proto = htons(ETH_P_IP) }, 53, 0, FENCE_REASON_SHORT, false);
}

static void a_tap_lets_out_only_its_own_mark(void)
{
	struct packet p = packet_answer();
	uint32_t key = RIG_IFINDEX;
	struct outcome o;

	rig_open();
	o = rig_run(rig->progs.port_out, &p, SYN_LENGTH, MARK);
	tap_need_eq(o.verdict, TC_ACT_OK);
	tap_need_eq(o.mark, 0);
	tap_need_eq(rig_slot().tx_packets, 1);
	tap_need_eq(rig_slot().tx_bytes, SYN_LENGTH);
	need_refused(rig->progs.port_out, &p, SYN_LENGTH, 0, FENCE_REASON_NOT_OURS, true);
	need_refused(rig->progs.port_out, &p, SYN_LENGTH, MARK + 1, FENCE_REASON_NOT_OURS, true);
	need_refused(rig->progs.port_out, &p, SYN_LENGTH, RIG_SLOT, FENCE_REASON_NOT_OURS, true);
	bpf_map_delete_elem(bpf_map__fd(rig->maps.ports), &key);
	need_refused(rig->progs.port_out, &p, SYN_LENGTH, MARK, FENCE_REASON_UNENROLLED, false);
}

static void a_further_bridge_lets_nothing_through(void)
{
	struct packet p = translated(), back = packet_answer();

	rig_open();
	need_refused(rig->progs.br_drop, &p, SYN_LENGTH, MARK, FENCE_REASON_UNMARKED, false);
	need_refused(rig->progs.br_drop, &back, SYN_LENGTH, 0, FENCE_REASON_UNMARKED, false);
}

static uint32_t cg_verdict(const struct packet *p, unsigned int length)
{
	struct outcome o = rig_run(rig->progs.cg_in, p, length, 0);

	tap_need_eq(o.error, 0);
	return o.verdict;
}

static void the_cgroup_takes_what_came_over_the_bridge(void)
{
	struct packet p = translated();

	rig_open();
	tap_need_eq(cg_verdict(&p, SYN_LENGTH), 1);
	p.tcp.syn = 0;
	p.tcp.ack = 1;
	tap_need_eq(cg_verdict(&p, SYN_LENGTH), 1);
	p.ip.daddr = inet_addr(RIG_SECOND);
	tap_need_eq(cg_verdict(&p, SYN_LENGTH), 1);
}

static void cgroup_refuses(const struct packet *p, unsigned int length)
{
	need_refused(rig->progs.cg_in, p, length, 0, FENCE_REASON_CGROUP, false);
}

static void the_cgroup_refuses_the_rest(void)
{
	struct packet p = packet_syn();
	unsigned int length;

	rig_open();
	cgroup_refuses(&p, SYN_LENGTH);
	p = translated();
	p.ip.saddr = htonl(RIG_BASE);
	cgroup_refuses(&p, SYN_LENGTH);
	p = translated();
	p.ip.daddr = inet_addr("169.254.169.252");
	cgroup_refuses(&p, SYN_LENGTH);
	p = translated();
	p.tcp.dest = htons(81);
	cgroup_refuses(&p, SYN_LENGTH);
	p = translated();
	p.ip.protocol = IPPROTO_UDP;
	cgroup_refuses(&p, SYN_LENGTH);
	p = translated();
	p.ip.ihl = 6;
	cgroup_refuses(&p, SYN_LENGTH);
	p = translated();
	p.eth.h_proto = htons(ETH_P_IPV6);
	p.ip.version = 6;
	cgroup_refuses(&p, SYN_LENGTH);
	p = translated();
	for (length = ETH_HLEN + 20; length < 54; length++)
		cgroup_refuses(&p, length);
}

static int steer(struct bpf_sk_lookup *lookup, uint32_t *verdict)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = lookup, .ctx_size_in = sizeof(*lookup));
	int ret = bpf_prog_test_run_opts(bpf_program__fd(rig->progs.steer), &opts);

	*verdict = opts.retval;
	return ret;
}

static struct bpf_sk_lookup lookup_of_guest(void)
{
	return (struct bpf_sk_lookup) {
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.remote_ip4 = htonl(RIG_BASE + RIG_SLOT),
		.remote_port = htons(40000),
		.local_ip4 = inet_addr(RIG_SERVICE),
		.local_port = RIG_PORT,
	};
}

/* A test run has no ingress device: it is a lookup for a client of the host's. */
static void steering_refuses_the_host_itself(void)
{
	struct bpf_sk_lookup lookup = lookup_of_guest();
	uint64_t before;
	uint32_t verdict;

	rig_open();
	before = rig_gdrop(FENCE_REASON_SOCKET);
	tap_need_eq(steer(&lookup, &verdict), 0);
	tap_need_eq(verdict, SK_DROP);
	lookup.protocol = IPPROTO_UDP;
	tap_need_eq(steer(&lookup, &verdict), 0);
	tap_need_eq(verdict, SK_DROP);
	lookup.local_ip4 = inet_addr(RIG_SECOND);
	tap_need_eq(steer(&lookup, &verdict), 0);
	tap_need_eq(verdict, SK_DROP);
	tap_need_eq(rig_gdrop(FENCE_REASON_SOCKET), before + 3);
}

static void steering_without_a_bridge_refuses_all(void)
{
	struct bpf_sk_lookup lookup = lookup_of_guest();
	struct fence_conf conf;
	uint32_t verdict;

	rig_open();
	conf = rig_conf();
	conf.bridge_ifindex = 0;
	rig_conf_set(&conf);
	tap_need_eq(steer(&lookup, &verdict), 0);
	tap_need_eq(verdict, SK_DROP);
}

static void steering_leaves_other_traffic_alone(void)
{
	struct bpf_sk_lookup lookup = lookup_of_guest();
	uint64_t before;
	uint32_t verdict;

	rig_open();
	before = rig_gdrop(FENCE_REASON_SOCKET);
	lookup.local_port = 81;
	tap_need_eq(steer(&lookup, &verdict), 0);
	tap_need_eq(verdict, SK_PASS);
	lookup = lookup_of_guest();
	lookup.local_ip4 = inet_addr("127.0.0.1");
	tap_need_eq(steer(&lookup, &verdict), 0);
	tap_need_eq(verdict, SK_PASS);
	lookup.family = AF_INET6;
	tap_need_eq(steer(&lookup, &verdict), 0);
	tap_need_eq(verdict, SK_PASS);
	tap_need_eq(rig_gdrop(FENCE_REASON_SOCKET), before);
}

/* The last number of the program's row in docs/fence.md. */
static unsigned int budget_of(const char *program)
{
	char path[4096], row[64], line[512];
	unsigned int budget = 0;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *end = NULL;
	FILE *doc;
	int i;

	tap_need(n > 0);
	path[n] = 0;
	for (i = 0; i < 3; i++) {
		end = strrchr(path, '/');
		tap_need(end);
		*end = 0;
	}
	strncat(path, "/docs/fence.md", sizeof(path) - strlen(path) - 1);
	doc = fopen(path, "re");
	tap_need_msg(doc, "%s: %s", path, strerror(errno));
	snprintf(row, sizeof(row), "| `%s` | ", program);
	while (fgets(line, sizeof(line), doc)) {
		if (strncmp(line, row, strlen(row)) || !(end = strrchr(line, '|')))
			continue;
		*end = 0;
		end = strrchr(line, '|');
		budget = end ? (unsigned int)strtoul(end + 1, NULL, 10) : 0;
	}
	fclose(doc);
	return budget;
}

static void the_verifier_stays_within_the_budget(void)
{
	struct bpf_prog_info info;
	struct bpf_program *program;
	struct utsname host;
	uint32_t size;

	rig_open();
	uname(&host);
	bpf_object__for_each_program(program, rig->obj) {
		unsigned int budget = budget_of(bpf_program__name(program));

		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		tap_need_eq(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
		tap_diag("%s on %s: %u instructions verified, budget %u",
			 bpf_program__name(program), host.release, info.verified_insns, budget);
		tap_need(budget && info.verified_insns);
		tap_need(info.verified_insns <= budget);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(the_bridge_takes_what_is_marked_and_clears_the_mark),
	TAP_TEST(the_bridge_refuses_every_other_mark),
	TAP_TEST(the_bridge_refuses_a_source_that_is_not_the_slot),
	TAP_TEST(a_frame_on_its_way_does_not_outlive_its_slot),
	TAP_TEST(another_device_is_not_the_bridge),
	TAP_TEST(an_answer_gets_the_guests_addresses),
	TAP_TEST(nothing_goes_to_a_guest_that_was_never_heard),
	TAP_TEST(only_the_service_speaks_to_guests),
	TAP_TEST(a_tap_lets_out_only_its_own_mark),
	TAP_TEST(a_further_bridge_lets_nothing_through),
	TAP_TEST(the_cgroup_takes_what_came_over_the_bridge),
	TAP_TEST(the_cgroup_refuses_the_rest),
	TAP_TEST(steering_refuses_the_host_itself),
	TAP_TEST(steering_without_a_bridge_refuses_all),
	TAP_TEST(steering_leaves_other_traffic_alone),
	TAP_TEST(the_verifier_stays_within_the_budget),
};

int main(int argc, char **argv)
{
	rig_need_bpf();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
