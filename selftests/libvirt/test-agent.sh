#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattest-libvirt between libvirt's own test driver and a hostd that is a fake.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
patience=$((60 * ${AZ_TIMEOUT_SCALE:-1}))
vm=c0ffee42-0000-4000-8000-00000000002a

[ -x "$top/build/bin/azattest-libvirt" ] || ktap_skip_all "azattest-libvirt was not built: no libvirt-dev"
work=$(mktemp -d)
mine=()
trap 'kill "${mine[@]}" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir pids

# node XML...: domains that the driver says are running
node()
{
	{ echo "<node>"; cat; echo "</node>"; } >node.xml
}

# domain NAME LAST METADATA [DEVICES]
domain()
{
	cat <<-END
		<domain type='test' id='7'><name>$1</name><uuid>c0ffee42-0000-4000-8000-0000000000$2</uuid>
		<memory>8192</memory><metadata>$3</metadata><os><type>hvm</type></os>
		<devices>${4-<vsock model='virtio'><cid auto='no' address='42'/></vsock>}</devices></domain>
	END
}

start_hostd()
{
	rm -f api.sock
	"$top/build/selftests/fake-hostd" "$work" "$(id -g)" >hostd.log 2>&1 &
	hostd=$!
	mine+=($!)
	ktap_wait_for "$patience" [ -S api.sock ]
}

start_agent()
{
	: >agent.log
	"$top/build/bin/azattest-libvirt" --connect "test://$work/node.xml" --api "$work/api.sock" \
		--pids "$work/pids" >agent.log 2>&1 &
	agent=$!
	mine+=($!)
}

said()
{
	ktap_wait_for "$patience" grep -qF -- "$1" agent.log || { cat agent.log; return 1; }
}

# The agent ends with 0 when it is asked to.
end_agent()
{
	kill "$agent" && wait "$agent"
}

# The fake's API as it answers.
bindings()
{
	curl -s --unix-socket api.sock http://hostd/v1/bindings | tr -d ' \n'
}

a_running_domain_is_bound_as_it_says()
{
	domain web1 2a "<az:vm xmlns:az='urn:azattest:vm:1' profile='gold'/>" | node
	echo 4711 >pids/web1.pid
	start_hostd && start_agent && said 'web1: bound' && end_agent && bindings >out && cat out &&
		grep -qF "\"uuid\":\"$vm\",\"name\":\"web1\",\"profile\":\"gold\"" out &&
		grep -qF '"reason":"named","pid":4711,"cid":42,' out
}

one_that_opted_out_is_unbound()
{
	domain web1 2a "<az:vm xmlns:az='urn:azattest:vm:1' attest='no'/>" | node
	start_agent && said 'web1: unbound' && end_agent && [ "$(bindings)" = '{"bindings":[]}' ]
}

bound_with()
{
	bindings | grep -qF "\"profile\":\"$1\""
}

# It is bound with gold from before. Nothing has failed: it is not tried again.
another_profile_counts_from_the_next_start_on()
{
	domain web1 2a "<az:vm xmlns:az='urn:azattest:vm:1' profile='silver'/>" | node
	start_agent && said 'web1: keeps profile "gold" while it runs here: "silver" counts from its next start on' &&
		end_agent && ! grep 'another profile' agent.log && bound_with gold || return 1
	echo 4715 >pids/web1.pid
	start_agent && ktap_wait_for "$patience" bound_with silver && end_agent && ! grep keeps agent.log
}

one_without_vsock_is_left_alone()
{
	{ domain bare 2b '' '' && domain web1 2a ''; } | node
	start_agent && said 'web1: bound' && end_agent && ! grep bare agent.log
}

# What an administrator has bound stays: its device is none that libvirt knows.
a_domain_that_lost_its_vsock_is_unbound()
{
	unbind_by_hand
	domain web1 2a '' | node
	start_agent && said 'web1: bound' && end_agent && bindings | grep -qF '"manager":"libvirt"' || return 1
	domain web1 2a '' '' | node
	start_agent && said 'web1: unbound' && end_agent && [ "$(bindings)" = '{"bindings":[]}' ] || return 1
	put "bindings/$vm" '{"pid":4711,"cid":42}' && { domain web1 2a '' '' && domain web4 2e "<az:vm xmlns:az='urn:azattest:vm:1' attest='no'/>"; } | node
	start_agent && ktap_wait_for "$patience" asked_about e 1 && end_agent && bindings | grep -qF '"cid":42,' &&
		unbind_by_hand
}

unbind_by_hand()
{
	curl -sf -X DELETE --unix-socket api.sock "http://hostd/v1/bindings/$vm"
}

# asked_about LAST COUNT: at least so often
asked_about()
{
	[ "$(grep -c "asked about ${vm%a}$1" hostd.log)" -ge "$2" ]
}

# One look costs two questions: whether it is enrolled, whether it is bound.
one_that_fails_has_no_other_looked_at_again()
{
	kill "$hostd" && wait "$hostd"
	{ domain web1 2a '' && domain web3 2d '' ''; } | node
	rm -f pids/web1.pid
	start_hostd && start_agent && ktap_wait_for "$patience" asked_about a 3 && asked_about d 2 &&
		! asked_about d 3 && echo 4711 >pids/web1.pid && said 'web1: bound' && end_agent && ! asked_about d 3 &&
		[ "$(grep -c 'web1.pid: No such file' agent.log)" = 1 ]
}

# Each is to be told; but one question tells that nobody is there.
a_hostd_that_is_away_is_asked_once_for_all()
{
	kill "$hostd" && wait "$hostd"
	rm api.sock
	{ domain web1 2a '' && domain web3 2d ''; } | node
	echo 4713 >pids/web3.pid
	start_agent && said 'does not answer: systemctl start' && start_hostd && said 'web1: bound' && said 'web3: bound' &&
		end_agent && [ "$(grep -c 'does not answer' agent.log)" = 1 ]
}

a_hostd_that_comes_later_is_told()
{
	kill "$hostd" && wait "$hostd"
	rm api.sock
	domain web1 2a '' | node
	start_agent && said 'web1: azattest-hostd does not answer: systemctl start' &&
		start_hostd && said 'web1: bound' && end_agent &&
		[ "$(grep -c 'does not answer' agent.log)" = 1 ]
}

what_is_wrong_is_said_once()
{
	domain web1 2a "<az:vm xmlns:az='urn:azattest:vm:1' attest='maybe'/>" | node
	start_agent && said 'web1: metadata: attest is neither yes nor no' && end_agent || return 1
	domain web1 2a '' | node
	rm pids/web1.pid
	start_agent && said 'pids/web1.pid: No such file or directory' && end_agent || return 1
	echo none >pids/web1.pid
	start_agent && said 'pids/web1.pid: is no process' && end_agent
}

a_libvirt_that_does_not_answer_is_tried_again()
{
	kill "$hostd" && wait "$hostd"
	rm node.xml
	start_hostd && start_agent && said 'is libvirtd running?' || return 1
	domain web1 2a '' | node
	echo 4711 >pids/web1.pid
	said 'connected' && said 'web1: bound' && end_agent
}

# wants REST [SWITCHES]: the metadata of a domain
wants()
{
	echo "<az:vm xmlns:az='urn:azattest:vm:1' rest='$1' ${2:-}/>"
}
card="<interface type='ethernet'><mac address='52:54:00:00:00:01'/><target dev='azt0'/><alias name='ua-azattest'/></interface>"
device="<vsock model='virtio'><cid auto='no' address='42'/></vsock>"

# enrolled: the VMs of the fake, as it shows them
enrolled()
{
	curl -s --unix-socket api.sock http://hostd/v1/vms | tr -d ' \n'
}

# put UUID BODY
put()
{
	curl -sf -X PUT --unix-socket api.sock "http://hostd/v1/$1" -d "$2" >/dev/null
}

# A hostd that knows nothing, with REST access.
new_hostd()
{
	kill "$hostd" && wait "$hostd"
	start_hostd && put legacy '{"enabled":true}'
}

a_domain_that_wants_rest_is_enrolled_by_its_card()
{
	domain web1 2a "$(wants yes)" "$device$card" | node
	echo 4711 >pids/web1.pid
	new_hostd && start_agent && said 'web1: enrolled for REST with azt0' && end_agent && enrolled >out && cat out &&
		grep -qF "\"uuid\":\"$vm\",\"name\":\"\",\"tap\":\"azt0\"" out &&
		grep -qF '"pid":0,"manager":"libvirt"' out && bindings | grep -qF '"cid":42,'
}

# The fake keeps what it has from one agent to the next; of the other domain it hears for the first time.
what_is_enrolled_already_is_left_as_it_is()
{
	{ domain web1 2a "$(wants yes)" "$device$card"; domain web3 2d ''; } | node
	echo 4713 >pids/web3.pid
	start_agent && said 'web3: bound' && end_agent && ! grep -q 'REST' agent.log &&
		enrolled | grep -qF '"tap":"azt0"'
}

a_domain_without_vsock_has_its_identity_by_its_enrolment()
{
	domain web1 2a "$(wants yes "profile='gold'")" "$card" | node
	start_agent && said 'web1: enrolled for REST with azt0' && end_agent && enrolled >out && cat out &&
		grep -q 'no longer' agent.log && grep -qF '"name":"web1","tap":"azt0"' out &&
		grep -qF '"binding":"hostd","pid":4711,' out || return 1
	# Its next QEMU is another process.
	echo 4712 >pids/web1.pid
	start_agent && said 'web1: enrolled for REST with azt0' && end_agent && enrolled | grep -qF '"pid":4712,'
}

rest_no_ends_the_enrolment()
{
	domain web1 2a "$(wants no)" "$device$card" | node
	start_agent && said 'web1: no longer enrolled' && end_agent &&
		[ "$(enrolled)" = '{"vms":[]}' ] && bindings | grep -q 4712
}

attest_no_ends_it_too()
{
	domain web1 2a "$(wants yes)" "$device$card" | node
	start_agent && said 'web1: enrolled' && end_agent || return 1
	domain web1 2a "$(wants yes "attest='no'")" "$device$card" | node
	start_agent && said 'web1: no longer enrolled' && end_agent &&
		[ "$(enrolled) $(bindings)" = '{"vms":[]} {"bindings":[]}' ]
}

# While the agent was away it ended, or left.
the_enrolment_of_a_domain_that_is_gone_is_ended()
{
	domain web1 2a "$(wants yes)" "$device$card" | node
	start_agent && said 'web1: enrolled' && end_agent || return 1
	domain web2 2b '' | node
	echo 4714 >pids/web2.pid
	start_agent && said "$vm: no longer enrolled" && end_agent && [ "$(enrolled)" = '{"vms":[]}' ]
}

an_administrators_enrolment_is_left_alone()
{
	put "vms/$vm" '{"tap":"tap7"}' && put "vms/${vm%a}d" '{"tap":"tap8"}' &&
		put "vms/${vm%a}c" '{"tap":"tap9"}' || return 1
	{ domain web1 2a "$(wants yes)" "$device$card"; domain web3 2d "$(wants no)"; } | node
	start_agent && said 'web3: bound' && end_agent && ! grep REST agent.log &&
		[ "$(enrolled | grep -o '"tap":"tap[789]"' | wc -l)" = 3 ]
}

rest_that_is_off_is_waited_for()
{
	new_hostd && put legacy '{"enabled":false}' && domain web1 2a "$(wants yes)" "$device$card" | node
	start_agent && said 'web1: REST access is off: azattestctl legacy on' && put legacy '{"enabled":true}' &&
		said 'web1: enrolled for REST' && end_agent && [ "$(grep -c 'is off' agent.log)" = 1 ]
}

a_card_that_cannot_be_is_said()
{
	domain web1 2a "$(wants yes)" "$device" | node
	start_agent && said 'web1: metadata: rest is yes, but no network card is ua-azattest' && end_agent || return 1
	domain web1 2a "$(wants yes)" "$device<interface type='user'><mac address='52:54:00:00:00:01'/><alias name='ua-azattest'/></interface>" | node
	start_agent && said 'web1: the network card ua-azattest is not of type ethernet' && end_agent
}

wrong_usage_is_2()
{
	"$top/build/bin/azattest-libvirt" --bogus 2>/dev/null
	[ $? = 2 ] || return 1
	"$top/build/bin/azattest-libvirt" word 2>/dev/null
	[ $? = 2 ] && "$top/build/bin/azattest-libvirt" --version | grep -q '^azattest-libvirt [0-9]'
}

promises="a_running_domain_is_bound_as_it_says another_profile_counts_from_the_next_start_on one_that_opted_out_is_unbound
	one_without_vsock_is_left_alone a_domain_that_lost_its_vsock_is_unbound a_hostd_that_comes_later_is_told
	one_that_fails_has_no_other_looked_at_again a_hostd_that_is_away_is_asked_once_for_all what_is_wrong_is_said_once
	a_libvirt_that_does_not_answer_is_tried_again
	a_domain_that_wants_rest_is_enrolled_by_its_card what_is_enrolled_already_is_left_as_it_is
	a_domain_without_vsock_has_its_identity_by_its_enrolment rest_no_ends_the_enrolment
	attest_no_ends_it_too the_enrolment_of_a_domain_that_is_gone_is_ended
	an_administrators_enrolment_is_left_alone rest_that_is_off_is_waited_for a_card_that_cannot_be_is_said
	wrong_usage_is_2"
ktap_after_broken()
{
	kill "$agent" 2>/dev/null
}

# shellcheck disable=SC2086 # one word each
ktap_try $promises
