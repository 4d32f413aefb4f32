#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises about many domains and many starts, on a test host with a real libvirtd: nobody is lost, no CID is pinned.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
# shellcheck source=selftests/libvirt/virt.sh
. "$top/selftests/libvirt/virt.sh"
crowd=50
starts=200

# for_each COMMAND: one virsh for all domains
for_each()
{
	seq -f "$1 web%g" "$crowd" | virsh -q >virsh.out 2>&1
	! grep -i -m 3 error virsh.out
}

# "UUID CID GENERATION" of all that are bound
bindings()
{
	"$virt_bin/azattestctl" bindings --no-headers | awk '{ print $1, $3, $4 }' | sort
}

bound_are()
{
	[ "$(bindings | wc -l)" = "$1" ]
}

# Each once, and with its own CID.
all_are_bound()
{
	bindings | cut -d ' ' -f 1,2 >has
	for n in $(seq "$crowd"); do
		echo "$(virt_uuid "$n") $((5000 + n))"
	done | sort >should
	diff should has >difference
}

# kills WHO SECONDS...: between them
kills()
{
	local who=$1 pause

	shift
	for pause; do
		sleep "$pause"
		virt_kill "$who" || return 1
	done
}

# ---- promises ----

a_crowd_is_bound_each_with_its_own_cid()
{
	for n in $(seq "$crowd"); do
		virt_define "$n" $((5000 + n)) || return 1
	done
	for_each start && virt_becomes all_are_bound
}

hostd_killed_again_and_again_keeps_bindings_and_generations()
{
	bindings >before
	kills hostd 0 0.2 0.5 1 && virt_becomes hostd_has_all && bindings | diff before -
}

# What hostd says itself.
hostd_has_all()
{
	curl -s --unix-socket run/api.sock http://hostd/v1/bindings | tr -d ' \n' | grep -o '"state":"[a-z]*"' |
		sort | uniq -c | grep -q "^ *$crowd \"state\":\"bound\"\$"
}

# It looks at all before it hears of the change of one.
an_agent_killed_again_and_again_keeps_them_too()
{
	bindings | grep -v "^$(virt_uuid 1) " >before
	kills agent 0 0.2 0.5 &&
		virsh -q metadata web1 urn:azattest:vm:1 --live --key az --set "<vm attest='no'/>" &&
		virt_becomes virt_unbound 1 && bindings | diff before - &&
		virsh -q metadata web1 urn:azattest:vm:1 --live --remove && virt_becomes all_are_bound
}

# A question that libvirtd does not answer any more says nothing about its domain.
libvirtd_killed_in_a_storm_of_events_unbinds_nobody()
{
	local pause storm
	bindings >before
	for pause in 0.3 1 2; do
		(for_each suspend; for_each resume) >/dev/null 2>&1 &
		storm=$!
		sleep "$pause"
		virt_end libvirtd KILL && { wait "$storm"; virt_libvirtd; } || return 1
	done
	virsh -q metadata web1 urn:azattest:vm:1 --live --key az --set "<vm attest='no'/>" &&
		virt_becomes virt_unbound 1 || return 1
	bindings | diff <(grep -v "^$(virt_uuid 1) " before) - &&
		virsh -q metadata web1 urn:azattest:vm:1 --live --remove && virt_becomes all_are_bound
}

hostd_stopped_and_started_binds_all_anew()
{
	bindings >before
	virt_end hostd && virt_becomes bound_are 0 && virt_hostd && virt_becomes all_are_bound &&
		[ "$(bindings | comm -12 - before | wc -l)" = 0 ]
}

domains_that_start_while_all_is_killed_are_bound()
{
	for_each destroy && virt_becomes bound_are 0 || return 1
	(for_each start) &
	local starting=$!
	kills hostd 0.1 0.7 2 && kills agent 0.3 1 && kills hostd 0.5 && wait "$starting" &&
		virt_becomes all_are_bound
}

domains_that_end_while_all_is_killed_are_unbound()
{
	(for_each destroy) &
	local ending=$!
	kills hostd 0.1 0.7 2 && kills agent 0.3 1 && wait "$ending" && virt_becomes bound_are 0
}

# Other errors than that there is nothing to destroy: libvirt 9.0 may take the end of one
# instance that it hears of late for the end of the next, and stop that (its
# processMonitorEOFEvent does not compare them). That is rare.
virsh_errors()
{
	grep -i error virsh.out |
		grep -v -e "error: Failed to destroy domain 'web1'" \
			-e 'error: Requested operation is not valid: domain is not running'
}

# At once: what is binding the one that ended must not hold its CID.
start_and_destroy_at_once_never_meet_a_pinned_cid()
{
	local n
	for ((n = 0; n < starts; n++)); do
		printf '%s web1\n' start destroy
	done | virsh >virsh.said 2>virsh.out
	sort virsh.said virsh.out | uniq -c
	[ "$(grep -c "^Domain 'web1' started" virsh.said)" = "$starts" ] && ! virsh_errors &&
		[ "$(grep -c 'domain is not running' virsh.out)" -le $((starts / 20)) ] &&
		virt_becomes bound_are 0
}

# Bound in between, so that it is the module that has to let go.
start_when_bound_and_destroy_never_meet_a_pinned_cid()
{
	local n
	for ((n = 0; n < starts / 10; n++)); do
		virsh -q start web1 && virt_becomes virt_bound 1 5001 && virsh -q destroy web1 || return 1
	done
	virt_becomes bound_are 0
}

virt_need
ktap_timeout 1500
virt_start
virt_fake_emulator
virt_run a_crowd_is_bound_each_with_its_own_cid \
	hostd_killed_again_and_again_keeps_bindings_and_generations \
	an_agent_killed_again_and_again_keeps_them_too \
	libvirtd_killed_in_a_storm_of_events_unbinds_nobody hostd_stopped_and_started_binds_all_anew \
	domains_that_start_while_all_is_killed_are_bound domains_that_end_while_all_is_killed_are_unbound \
	start_and_destroy_at_once_never_meet_a_pinned_cid \
	start_when_bound_and_destroy_never_meet_a_pinned_cid
