// SPDX-License-Identifier: GPL-2.0
// Owns the promises of reading packet filters: which rules stop a guest, and bad input.

#include <selftests/lib/tap.h>
#include <userspace/hostd/filter.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define DOUBT (-EAGAIN)

static struct net_config config;
static const struct filter_packet packet = {
	.device = NET_BRIDGE_NAME, .port = 80, .config = &config,
};

static void set_config(void)
{
	config.address[0].s_addr = inet_addr("169.254.169.253");
	config.base = 0xc6120000;
	config.prefix = 19;
}

struct expectation {
	const char *rules;
	int answer;
};

/* --- nft --- */

#define CHAIN(policy) \
	"{\"nftables\":[{\"metainfo\":{}},{\"chain\":{\"family\":\"inet\",\"table\":\"f\",\"name\":\"in\"," \
	"\"hook\":\"input\",\"type\":\"filter\",\"policy\":\"" policy "\"}},"			\
	"{\"chain\":{\"family\":\"inet\",\"table\":\"f\",\"name\":\"sub\"}}"
#define IN(chain, expr) \
	",{\"rule\":{\"family\":\"inet\",\"table\":\"f\",\"chain\":\"" chain "\",\"expr\":[" expr "]}}"
#define END "]}"
#define MATCH(left, op, right) \
	"{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}},"
#define META(key) "{\"meta\":{\"key\":\"" key "\"}}"
#define FIELD(protocol, field) \
	"{\"payload\":{\"protocol\":\"" protocol "\",\"field\":\"" field "\"}}"
#define CT(key) "{\"ct\":{\"key\":\"" key "\"}}"
#define ACCEPT "{\"accept\":null}"
#define DROP "{\"drop\":null}"
#define REJECT "{\"reject\":{\"type\":\"icmpx\"}}"
#define JUMP "{\"jump\":{\"target\":\"sub\"}}"
#define GOTO "{\"goto\":{\"target\":\"sub\"}}"
#define RETURN "{\"return\":null}"

#define ACCEPTS(left, op, right) CHAIN("drop") IN("in", MATCH(left, op, right) ACCEPT) END

static const struct expectation of_nft[] = {
	{ "{\"nftables\":[]}", 0 },
	{ CHAIN("accept") END, 0 },
	{ CHAIN("drop") END, 1 },
	{ CHAIN("drop") IN("in", ACCEPT) END, 0 },
	{ CHAIN("accept") IN("in", REJECT) END, 1 },
	{ ACCEPTS(META("iifname"), "==", "\"azhost-imds\""), 0 },
	{ ACCEPTS(META("iif"), "==", "\"azhost-imds\""), 0 },
	{ ACCEPTS(META("iifname"), "==", "\"az*\""), 0 },
	{ ACCEPTS(META("iifname"), "==", "\"eth*\""), 1 },
	{ ACCEPTS(META("iifname"), "!=", "\"eth0\""), 0 },
	{ ACCEPTS(META("iifname"), "==", "{\"set\":[\"lo\",\"azhost-imds\"]}"), 0 },
	{ ACCEPTS(META("iifname"), "==", "{\"set\":[\"lo\",\"eth0\"]}"), 1 },
	{ ACCEPTS(META("iifname"), "==", "\"@trusted\""), DOUBT },
	{ ACCEPTS(META("mark"), "==", "7"), DOUBT },
	{ ACCEPTS(FIELD("tcp", "dport"), "==", "80"), 0 },
	{ ACCEPTS(FIELD("tcp", "dport"), "==", "22"), 1 },
	{ ACCEPTS(FIELD("tcp", "dport"), "!=", "22"), 0 },
	{ ACCEPTS(FIELD("tcp", "dport"), "==", "{\"set\":[22,{\"range\":[80,90]}]}"), 0 },
	{ ACCEPTS(FIELD("tcp", "dport"), "==", "{\"range\":[1,79]}"), 1 },
	{ ACCEPTS(FIELD("th", "dport"), "==", "80"), 0 },
	{ ACCEPTS(FIELD("udp", "dport"), "==", "80"), 1 },
	{ ACCEPTS(FIELD("udp", "dport"), "!=", "80"), 1 },
	{ ACCEPTS(FIELD("ip6", "saddr"), "!=", "\"::1\""), 1 },
	{ ACCEPTS(META("l4proto"), "==", "\"tcp\""), 0 },
	{ ACCEPTS(META("l4proto"), "==", "6"), 0 },
	{ ACCEPTS(META("l4proto"), "==", "{\"set\":[\"icmp\",\"ipv6-icmp\"]}"), 1 },
	{ ACCEPTS(FIELD("ip", "protocol"), "==", "\"icmp\""), 1 },
	{ ACCEPTS(META("nfproto"), "==", "\"ipv6\""), 1 },
	{ ACCEPTS(META("nfproto"), "==", "\"ipv4\""), 0 },
	{ ACCEPTS(CT("state"), "in", "[\"established\",\"related\"]"), 1 },
	{ ACCEPTS(CT("state"), "==", "{\"set\":[\"established\",\"new\"]}"), 0 },
	{ ACCEPTS(CT("state"), "!=", "\"invalid\""), 0 },
	{ ACCEPTS(CT("status"), "in", "\"dnat\""), 1 },
	{ ACCEPTS("{\"fib\":{\"result\":\"type\",\"flags\":[\"daddr\"]}}", "==", "\"local\""), 0 },
	{ ACCEPTS("{\"fib\":{\"result\":\"oif\",\"flags\":[\"saddr\"]}}", "==", "\"lo\""), DOUBT },
	{ ACCEPTS(FIELD("ip", "saddr"), "==", "{\"prefix\":{\"addr\":\"198.18.0.0\",\"len\":15}}"), 0 },
	{ ACCEPTS(FIELD("ip", "saddr"), "==", "{\"prefix\":{\"addr\":\"198.18.0.0\",\"len\":24}}"), DOUBT },
	{ ACCEPTS(FIELD("ip", "saddr"), "==", "{\"prefix\":{\"addr\":\"10.0.0.0\",\"len\":8}}"), 1 },
	{ ACCEPTS(FIELD("ip", "saddr"), "==", "{\"prefix\":{\"addr\":\"x\",\"len\":8}}"), DOUBT },
	{ ACCEPTS(FIELD("ip", "saddr"), "==", "{\"prefix\":{\"addr\":\"10.0.0.0\",\"len\":64}}"), DOUBT },
	{ ACCEPTS(FIELD("ip", "daddr"), "==", "\"169.254.169.253\""), 0 },
	{ ACCEPTS(FIELD("ip", "daddr"), "==", "\"169.254.169.254\""), 1 },
	{ ACCEPTS(FIELD("ip", "ttl"), "==", "1"), DOUBT },
	{ ACCEPTS("{\"concat\":[" META("iifname") "]}", "==", "\"a\""), DOUBT },
	/* A limit may let through; a limit that drops is not a fault of the rules. */
	{ CHAIN("drop") IN("in", "{\"limit\":{\"rate\":5}}," ACCEPT) END, DOUBT },
	{ CHAIN("accept") IN("in", "{\"limit\":{\"rate\":5}}," DROP) END, 0 },
	{ CHAIN("drop") IN("in", "{\"counter\":{}},{\"log\":null}," ACCEPT) END, 0 },
	/* Maps. */
	{ CHAIN("drop") IN("in", "{\"vmap\":{\"key\":" CT("state") ",\"data\":{\"set\":[[\"established\","
	  ACCEPT "],[\"invalid\"," DROP "]]}}}") END, 1 },
	{ CHAIN("drop") IN("in", "{\"vmap\":{\"key\":" FIELD("tcp", "dport") ",\"data\":{\"set\":[[22,"
	  ACCEPT "],[{\"range\":[80,81]}," JUMP "]]}}}") IN("sub", ACCEPT) END, 0 },
	{ CHAIN("drop") IN("in", "{\"vmap\":{\"key\":" CT("state") ",\"data\":\"@m\"}}") END, DOUBT },
	/* Chains. */
	{ CHAIN("drop") IN("in", JUMP) IN("sub", ACCEPT) END, 0 },
	{ CHAIN("accept") IN("in", JUMP) IN("sub", DROP) END, 1 },
	{ CHAIN("drop") IN("in", JUMP) IN("in", ACCEPT) IN("sub", RETURN) IN("sub", DROP) END, 0 },
	{ CHAIN("drop") IN("in", GOTO) IN("in", ACCEPT) IN("sub", RETURN) END, 1 },
	{ CHAIN("accept") IN("in", MATCH(META("iifname"), "==", "\"eth0\"") JUMP) IN("sub", DROP) END, 0 },
	{ CHAIN("accept") IN("in", MATCH(META("mark"), "==", "7") JUMP) IN("sub", DROP) END, 0 },
	{ CHAIN("drop") IN("in", MATCH(META("mark"), "==", "7") JUMP) IN("sub", ACCEPT) END, DOUBT },
	{ CHAIN("accept") IN("in", MATCH(META("mark"), "==", "7") RETURN) IN("in", DROP) END, DOUBT },
	{ CHAIN("drop") IN("in", JUMP) IN("sub", JUMP) IN("sub", JUMP) IN("sub", JUMP) END, DOUBT },
	{ CHAIN("drop") IN("in", "{\"jump\":{\"target\":\"missing\"}}") END, DOUBT },
	/* Another table's rules for another's traffic. */
	{ "{\"nftables\":[{\"chain\":{\"family\":\"ip6\",\"table\":\"f\",\"name\":\"in\",\"hook\":\"input\","
	  "\"policy\":\"drop\"}}]}", 0 },
	{ "{\"nftables\":[{\"chain\":{\"family\":\"ip\",\"table\":\"f\",\"name\":\"fwd\",\"hook\":\"forward\","
	  "\"policy\":\"drop\"}}]}", 0 },
};

static int ask_nft(const char *text, size_t size)
{
	struct filter filter = { 0 };
	int err = filter_read_nft(&filter, &packet, text, size), answer = 0;

	for (size_t i = 0; !err && !answer && i < filter.chain_count; i++)
		if (filter.chains[i].input)
			answer = filter_walk(&filter, i);
	filter_free(&filter);
	return err ? err : answer;
}

static void nft_rules_are_judged_as_the_packet_sees_them(void)
{
	set_config();
	for (size_t i = 0; i < TAP_COUNT(of_nft); i++) {
		int got = ask_nft(of_nft[i].rules, strlen(of_nft[i].rules));

		tap_need_msg(got == of_nft[i].answer, "%d, not %d: %s", got, of_nft[i].answer,
			     of_nft[i].rules);
	}
}

static void nft_output_that_is_none_is_refused(void)
{
	static const char *const texts[] = {
		"", "x", "[]", "{}", "{\"nftables\":1}", "{\"nftables\":[", "null",
	};

	set_config();
	for (size_t i = 0; i < TAP_COUNT(texts); i++)
		tap_need_eq(ask_nft(texts[i], strlen(texts[i])), -EINVAL);
}

/* --- iptables --- */

#define TABLE(policy, rules) \
	"# by\n*nat\n:INPUT DROP [0:0]\n-A INPUT -j DROP\nCOMMIT\n" \
	"*filter\n:INPUT " policy " [0:0]\n:OUTPUT DROP [0:0]\n:sub - [0:0]\n" rules "COMMIT\n"
#define OPEN(options) TABLE("DROP", "-A INPUT " options " -j ACCEPT\n")

static const struct expectation of_iptables[] = {
	{ "", 0 },
	{ TABLE("ACCEPT", ""), 0 },
	{ TABLE("DROP", ""), 1 },
	{ OPEN(""), 0 },
	{ OPEN("-i azhost-imds"), 0 },
	{ OPEN("-i azhost+"), 0 },
	{ OPEN("-i eth+"), 1 },
	{ OPEN("! -i eth0"), 0 },
	{ OPEN("! -i azhost-imds"), 1 },
	{ OPEN("-p tcp -m tcp --dport 80"), 0 },
	{ OPEN("-p tcp -m tcp --dport 22"), 1 },
	{ OPEN("-p udp -m udp --dport 80"), 1 },
	{ OPEN("-p tcp -m multiport --dports 22,79:90"), 0 },
	{ OPEN("-p tcp -m multiport --dports 22,81:90"), 1 },
	{ OPEN("-m conntrack --ctstate RELATED,ESTABLISHED"), 1 },
	{ OPEN("-m state --state NEW,ESTABLISHED"), 0 },
	{ OPEN("-s 198.18.0.0/15"), 0 },
	{ OPEN("-s 10.0.0.0/8"), 1 },
	{ OPEN("-s 198.18.0.0/24"), DOUBT },
	{ OPEN("! -s 10.0.0.0/8"), 0 },
	{ OPEN("-s 10.0.0.0/x"), DOUBT },
	{ OPEN("-s 10.0.0.0/"), DOUBT },
	{ OPEN("-d 169.254.169.253/32"), 0 },
	{ OPEN("-d 224.0.0.251/32 -p udp"), 1 },
	{ OPEN("-m addrtype --dst-type LOCAL"), 0 },
	{ OPEN("-m comment --comment \"a -j \\\"DROP\\\" b\""), 0 },
	{ OPEN("-m limit --limit 5/sec"), DOUBT },
	{ OPEN("-m recent --set --name x"), DOUBT },
	{ OPEN("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN"), DOUBT },
	{ TABLE("ACCEPT", "-A INPUT -j REJECT --reject-with icmp-host-prohibited\n"), 1 },
	{ TABLE("ACCEPT", "-A INPUT -p tcp -m limit --limit 1/s -j DROP\n"), 0 },
	{ TABLE("DROP", "-A INPUT -j LOG --log-prefix \"x -j ACCEPT\"\n"), 1 },
	{ TABLE("DROP", "-A INPUT -j sub\n-A sub -i azhost-imds -j ACCEPT\n"), 0 },
	{ TABLE("DROP", "-A INPUT -g sub\n-A INPUT -j ACCEPT\n-A sub -j RETURN\n"), 1 },
	{ TABLE("DROP", "-A INPUT -j sub\n-A INPUT -j ACCEPT\n-A sub -j RETURN\n"), 0 },
	{ TABLE("DROP", "-A INPUT -j NFQUEUE --queue-num 0\n"), DOUBT },
	{ "# Table `filter' is incompatible, use 'nft' tool.\n", -EINVAL },
	{ "*filter\n:INPUT\n:\n-A \n-A\n-A INPUT !\n-A INPUT -j\n-A INPUT \"\nCOMMIT\n", 0 },
};

static int ask_iptables(const char *text)
{
	struct filter filter = { 0 };
	char *copy = strdup(text);
	int err = filter_read_iptables(&filter, &packet, copy);

	if (!err)
		err = filter_walk(&filter, filter_chain(&filter, "ip filter INPUT"));
	filter_free(&filter);
	free(copy);
	return err;
}

static void iptables_rules_are_judged_as_the_packet_sees_them(void)
{
	set_config();
	for (size_t i = 0; i < TAP_COUNT(of_iptables); i++) {
		int got = ask_iptables(of_iptables[i].rules);

		tap_need_msg(got == of_iptables[i].answer, "%d, not %d: %s", got,
			     of_iptables[i].answer, of_iptables[i].rules);
	}
}

static void a_second_address_counts_too(void)
{
	set_config();
	config.address[1].s_addr = inet_addr("169.254.169.254");
	tap_need_eq(ask_iptables(OPEN("-d 169.254.169.253/32")), DOUBT);
	tap_need_eq(ask_iptables(OPEN("-d 169.254.169.252/31")), DOUBT);
	tap_need_eq(ask_iptables(OPEN("-d 169.254.0.0/16")), 0);
	tap_need_eq(ask_iptables(OPEN("-d 10.0.0.0/8")), 1);
}

/* Chains that call the next one twice each would take for ever. */
static void chains_that_fan_out_come_to_an_end(void)
{
	char text[4096] = "*filter\n:INPUT DROP [0:0]\n-A INPUT -j c0\n";
	size_t at = strlen(text);

	set_config();
	for (int i = 0; i < 15; i++)
		for (int j = 0; j < 5; j++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "-A c%d -j c%d\n", i,
					       i + 1);
	tap_need_eq(ask_iptables(text), DOUBT);
}

/* Every cut and many changed bytes: no answer matters, only that there is one. */
static void damaged_text_does_no_harm(void)
{
	unsigned int loops = tap_loops(200, 2000);
	char text[1024];

	set_config();
	srand(1);
	for (unsigned int loop = 0; loop < loops; loop++) {
		const struct expectation *nft = &of_nft[loop % TAP_COUNT(of_nft)];
		const struct expectation *old = &of_iptables[loop % TAP_COUNT(of_iptables)];
		size_t size = strlen(nft->rules);

		tap_need(size < sizeof(text));
		memcpy(text, nft->rules, size);
		text[(size_t)rand() % size] = (char)rand();
		ask_nft(text, size);
		ask_nft(nft->rules, (size_t)rand() % size);
		snprintf(text, sizeof(text), "%s", old->rules);
		size = strlen(text);
		if (size)
			text[(size_t)rand() % size] = (char)(rand() % 127);
		ask_iptables(text);
		text[size ? (size_t)rand() % size : 0] = '\0';
		ask_iptables(text);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(nft_rules_are_judged_as_the_packet_sees_them),
	TAP_TEST(nft_output_that_is_none_is_refused),
	TAP_TEST(iptables_rules_are_judged_as_the_packet_sees_them),
	TAP_TEST(a_second_address_counts_too),
	TAP_TEST(chains_that_fan_out_come_to_an_end),
	TAP_TEST(damaged_text_does_no_harm),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
