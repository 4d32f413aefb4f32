// SPDX-License-Identifier: GPL-2.0
// Owns the promises of looking at a real packet filter: found, judged, and its advice works.

#include <selftests/hostnet/hostnet.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <userspace/hostd/core.h>

static struct hostnet host;
static char advice[300];

static int check(void)
{
	return net_firewall_check(host.net, 80, advice, sizeof(advice));
}

static void need_nft(void)
{
	hostnet_enter_up(&host);
	if (!hostnet_can("nft add table inet try 2>/dev/null && nft delete table inet try"))
		tap_skip("no nft, or a kernel without nf_tables");
}

/* Does what the advice says: the command after the colon. */
static void follow(void)
{
	const char *command = strstr(advice, ": ");

	tap_need_msg(command, "no command in: %s", advice);
	hostnet_sh("/usr/sbin/%s", command + 2);
	tap_need_eq(check(), 0);
	tap_need_eq(advice[0], '\0');
}

static void an_empty_filter_drops_nothing(void)
{
	need_nft();
	tap_need_eq(check(), 0);
}

static void a_policy_of_drop_is_seen_and_the_advice_opens_it(void)
{
	need_nft();
	hostnet_sh("nft 'add table inet filter; add chain inet filter input"
		   " { type filter hook input priority 0; policy drop; }; "
		   "add rule inet filter input ct state vmap { established : accept, invalid : drop }; "
		   "add rule inet filter input iifname lo accept; "
		   "add rule inet filter input tcp dport { 22, 443 } accept'");
	tap_need_eq(check(), 1);
	tap_need(strstr(advice, "nft insert rule inet filter input iifname \"azhost-imds\""));
	follow();
}

/* As firewalld builds them. */
static void a_reject_behind_zones_is_seen(void)
{
	need_nft();
	hostnet_sh("nft 'add table inet firewalld; add chain inet firewalld input"
		   " { type filter hook input priority 10; policy accept; }; "
		   "add chain inet firewalld zones; add chain inet firewalld public; "
		   "add rule inet firewalld input ct state { established, related } accept; "
		   "add rule inet firewalld input ct status dnat accept; "
		   "add rule inet firewalld input iifname lo accept; "
		   "add rule inet firewalld input jump zones; "
		   "add rule inet firewalld input reject with icmpx admin-prohibited; "
		   "add rule inet firewalld zones goto public; "
		   "add rule inet firewalld public tcp dport 22 accept; "
		   "add rule inet firewalld public meta l4proto { icmp, ipv6-icmp } accept'");
	tap_need_eq(check(), 1);
	follow();
}

static void two_tables_must_both_let_pass(void)
{
	need_nft();
	hostnet_sh("nft 'add table ip a; add chain ip a in { type filter hook input priority 0; }; "
		   "add rule ip a in accept; add table ip b; "
		   "add chain ip b in { type filter hook input priority 1; policy drop; }'");
	tap_need_eq(check(), 1);
	tap_need(strstr(advice, "insert rule ip b in"));
}

static void what_hangs_on_a_set_could_not_be_told(void)
{
	need_nft();
	hostnet_sh("nft 'add table ip a; add set ip a ok { type ipv4_addr; }; "
		   "add chain ip a in { type filter hook input priority 0; policy drop; }; "
		   "add rule ip a in ip saddr @ok accept'");
	tap_need_eq(check(), -EAGAIN);
	tap_need_eq(advice[0], '\0');
}

static void need_iptables(const char *program)
{
	hostnet_enter_up(&host);
	if (!hostnet_can("%s -S >/dev/null 2>&1 && [ -e /usr/sbin/%s-save ]", program, program))
		tap_skip("no %s here, or a kernel without its tables", program);
}

static void rules_of(const char *program)
{
	need_iptables(program);
	tap_need_eq(check(), 0);
	hostnet_sh("%s -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", program);
	hostnet_sh("%s -A INPUT -p tcp -m multiport --dports 22,443 -j ACCEPT", program);
	tap_need_eq(check(), 0);
	hostnet_sh("%s -P INPUT DROP", program);
	tap_need_eq(check(), 1);
	tap_need(strstr(advice, "-I INPUT -i azhost-imds -p tcp --dport 80 -j ACCEPT"));
	follow();
	hostnet_sh("%s -F", program);
	tap_need_eq(check(), 1);
}

static void rules_of_iptables_are_seen(void)
{
	rules_of("iptables-nft");
}

static void rules_of_legacy_iptables_are_seen(void)
{
	rules_of("iptables-legacy");
}

/* The service has these alone, and no new ones. */
static void with_the_rights_of_the_daemon_rules_are_read(void)
{
	need_nft();
	hostnet_sh("nft 'add table ip a; add chain ip a in { type filter hook input priority 0; policy drop; }'");
	tap_need(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	tap_need_msg(!rights_drop(&host.failure), "%s", host.failure.text);
	tap_need_eq(check(), 1);
}

/* Whoever cannot read the rules must not say that they are fine. */
static void without_rights_it_could_not_be_told(void)
{
	need_nft();
	hostnet_sh("nft 'add table ip a; add chain ip a in { type filter hook input priority 0; policy drop; }'");
	tap_need_eq(check(), 1);
	tap_need(!setuid(65534));
	tap_need(check() < 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(an_empty_filter_drops_nothing),
	TAP_TEST(a_policy_of_drop_is_seen_and_the_advice_opens_it),
	TAP_TEST(a_reject_behind_zones_is_seen),
	TAP_TEST(two_tables_must_both_let_pass),
	TAP_TEST(what_hangs_on_a_set_could_not_be_told),
	TAP_TEST(rules_of_iptables_are_seen),
	TAP_TEST(rules_of_legacy_iptables_are_seen),
	TAP_TEST(with_the_rights_of_the_daemon_rules_are_read),
	TAP_TEST(without_rights_it_could_not_be_told),
};

int main(int argc, char **argv)
{
	hostnet_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
