#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises about libvirt's domains, on a test host with a real libvirtd and QEMU: bound while they run, and no longer.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
# shellcheck source=selftests/libvirt/virt.sh
. "$top/selftests/libvirt/virt.sh"
cid=4200

started()
{
	virsh -q start web1 && virt_becomes virt_bound 1 "$cid"
}

destroyed()
{
	virsh -q destroy web1 && virt_becomes virt_unbound 1
}

# ---- promises ----

a_started_domain_is_bound_and_a_destroyed_one_not()
{
	virt_define 1 "$cid" && started && destroyed
}

a_domain_that_is_paused_or_was_there_before_is_bound()
{
	virt_end agent
	virsh -q start --paused web1 && virt_agent && virt_becomes virt_bound 1 "$cid" &&
		virsh -q resume web1 && virt_bound 1 "$cid"
}

# Events come in their order: once the last is seen, those of suspend and resume have been.
suspend_and_resume_keep_the_generation()
{
	local before ends
	before=$(virt_generation 1)
	ends=$(unbinds)
	virsh -q suspend web1 && virt_state 1 'paused (user)' && virsh -q resume web1 &&
		virsh -q metadata web1 urn:azattest:vm:1 --live --key az --set "<vm attest='no'/>" &&
		virt_becomes virt_unbound 1 && [ "$(unbinds)" = $((ends + 1)) ] &&
		virsh -q metadata web1 urn:azattest:vm:1 --live --remove &&
		virt_becomes virt_newer 1 "$before"
}

unbinds()
{
	grep -c 'unbound from process' hostd.log
}

a_killed_qemu_is_unbound()
{
	kill -KILL "$(cat /run/libvirt/qemu/web1.pid)" && virt_becomes virt_unbound 1 &&
		virt_becomes virt_state 1 'shut off (crashed)'
}

another_cid_at_the_next_start_is_followed()
{
	virt_define 1 4300 && virsh -q start web1 && virt_becomes virt_bound 1 4300 && destroyed &&
		virt_define 1 "$cid"
}

a_renamed_domain_has_its_new_name()
{
	virsh -q domrename web1 other && virsh -q start other && virt_becomes virt_bound 1 "$cid" &&
		"$virt_bin/azattestctl" bindings --no-headers | grep -q "^$(virt_uuid 1) *other " &&
		virsh -q destroy other && virt_becomes virt_unbound 1 && virsh -q domrename other web1
}

one_undefined_while_it_runs_stays_bound_until_it_ends()
{
	local before
	started && before=$(virt_binding 1) && virsh -q undefine web1 &&
		virsh -q metadata web1 urn:azattest:vm:1 --live --key az --set "<vm attest='yes'/>" &&
		virsh -q suspend web1 && virsh -q resume web1 && [ "$(virt_binding 1)" = "$before" ] &&
		destroyed && virt_define 1 "$cid"
}

# libvirt has no second domain of a UUID; a VMM beside it can have it.
a_domain_whose_uuid_is_taken_is_refused_until_it_is_free()
{
	local before
	"$virt_bin/azattest-run" --uuid "$(virt_uuid 1)" --cid 77 --name twin -- \
		sh -c 'exec sleep 1000' >twin.log 2>&1 &
	virt_pid[twin]=$!
	virt_becomes virt_bound 1 77 || return 1
	before=$(refused)
	virsh -q start web1 && virt_becomes grep -q 'web1: .*is bound already' agent.log &&
		virt_bound 1 77 && [ "$(refused)" -gt "$before" ] && virt_becomes doctor_names_it || return 1
	virt_end twin && virt_becomes virt_bound 1 "$cid" && destroyed
}

doctor_names_it()
{
	virt_ctl doctor | grep -q 'VMs without identity: web1: .*is bound already'
}

refused()
{
	"$virt_bin/azattestctl" module --all --json | tr -d ' \n' |
		grep -o '"bind_refused":[0-9]*' | cut -d : -f 2
}

libvirtds_restart_is_harmless()
{
	local before connections
	connections=$(grep -c ': connected' agent.log)
	started && before=$(virt_binding 1) && virt_end libvirtd &&
		virt_becomes grep -q 'the connection ended' agent.log && virt_libvirtd &&
		virt_becomes connected_since "$connections" && [ "$(virt_binding 1)" = "$before" ] &&
		destroyed
}

connected_since()
{
	[ "$(grep -c ': connected' agent.log)" -gt "$1" ]
}

a_domain_that_ended_while_libvirtd_was_away_is_unbound()
{
	started && virt_end libvirtd && kill -KILL "$(cat /run/libvirt/qemu/web1.pid)" &&
		virt_becomes virt_unbound 1 && virt_libvirtd && virt_becomes virt_state 1 'shut off' &&
		started && destroyed
}

a_hostd_that_comes_later_is_told()
{
	virt_end hostd && virsh -q start web1 &&
		virt_becomes grep -q 'web1: azattest-hostd does not answer' agent.log &&
		virt_hostd && virt_becomes virt_bound 1 "$cid" && destroyed
}

a_saved_domain_is_bound_anew_when_it_is_restored()
{
	local before
	started && before=$(virt_generation 1) && virsh -q managedsave web1 && virt_becomes virt_unbound 1 &&
		virsh -q start web1 && virt_becomes virt_newer 1 "$before" && before=$(virt_generation 1) &&
		virsh -q save web1 "$virt_dir/saved" && virt_becomes virt_unbound 1 &&
		virsh -q restore "$virt_dir/saved" && virt_becomes virt_newer 1 "$before" && destroyed
}

a_reset_keeps_the_generation()
{
	local before
	started && before=$(virt_binding 1) && virsh -q reset web1 && virsh -q suspend web1 &&
		virsh -q resume web1 && [ "$(virt_binding 1)" = "$before" ] && destroyed
}

metadata_opts_out_and_names_the_profile()
{
	virt_define 1 "$cid" "<az:vm xmlns:az='urn:azattest:vm:1' profile='gold'/>" && started &&
		virt_ctl bindings 2>/dev/null | grep -q gold &&
		virsh -q metadata web1 urn:azattest:vm:1 --live --key az --set "<vm attest='no'/>" &&
		virt_becomes virt_unbound 1 && virsh -q destroy web1
}

# As distributions have it: QEMU has mounts and a /dev of its own.
one_with_a_dev_of_its_own_is_bound()
{
	virt_end libvirtd && sed -i '/^namespaces/d' /etc/libvirt/qemu.conf && virt_libvirtd &&
		virt_define 1 "$cid" && started && has_mounts_of_its_own && destroyed
}

has_mounts_of_its_own()
{
	[ "$(readlink "/proc/$(cat /run/libvirt/qemu/web1.pid)/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]
}

virt_need
ktap_timeout 1500
virt_start
virt_run a_started_domain_is_bound_and_a_destroyed_one_not \
	a_domain_that_is_paused_or_was_there_before_is_bound suspend_and_resume_keep_the_generation \
	a_killed_qemu_is_unbound another_cid_at_the_next_start_is_followed \
	a_renamed_domain_has_its_new_name one_undefined_while_it_runs_stays_bound_until_it_ends \
	a_domain_whose_uuid_is_taken_is_refused_until_it_is_free libvirtds_restart_is_harmless \
	a_domain_that_ended_while_libvirtd_was_away_is_unbound a_hostd_that_comes_later_is_told \
	a_saved_domain_is_bound_anew_when_it_is_restored a_reset_keeps_the_generation \
	metadata_opts_out_and_names_the_profile \
	one_with_a_dev_of_its_own_is_bound
