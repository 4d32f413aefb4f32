#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises about libvirt's domains, on a test host with a real libvirtd and QEMU: bound while they run, and no longer.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
patience=$((120 * ${AZ_TIMEOUT_SCALE:-1}))
vm=c0ffee42-0000-4000-8000-00000000002a
cid=4200

[ -n "${AZ_LONG:-}" ] || ktap_skip_all "starts a libvirtd and its QEMUs only with AZ_LONG=1"
[ -n "${AZ_VM:-}" ] || ktap_skip_all "runs a libvirtd: only on a test host (selftests/vm/boot)"
command -v libvirtd virsh >/dev/null || ktap_skip_all "no libvirtd, no virsh"
[ -x "$top/build/bin/azattest-libvirt" ] || ktap_skip_all "azattest-libvirt was not built"
[ -c /dev/azattest ] || ktap_skip_all "the module is not loaded"
[ -c /dev/vhost-vsock ] || ktap_skip_all "vhost_vsock is not loaded"
command -v systemd-socket-activate >/dev/null || ktap_skip_all "no systemd-socket-activate"

work=$(mktemp -d)
mine=()
trap 'virsh -q destroy web1 2>/dev/null; kill "${mine[@]}" "$(cat "$work/libvirtd.pid")" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
chmod 0755 .

# ---- the host ----

start_libvirtd()
{
	libvirtd --daemon --pid-file "$work/libvirtd.pid" --config "$work/libvirtd.conf" >>libvirtd.log 2>&1
	ktap_wait_for "$patience" virsh -q list >/dev/null 2>&1
}

# Neither cgroups nor namespaces nor a log daemon: a test host has no systemd.
configure_libvirt()
{
	mkdir -p /etc/libvirt /run/libvirt
	printf '%s\n' 'unix_sock_group = "root"' 'auth_unix_ro = "none"' 'auth_unix_rw = "none"' \
		>libvirtd.conf
	printf '%s\n' 'security_driver = "none"' 'cgroup_controllers = []' 'namespaces = []' \
		'stdio_handler = "file"' 'remember_owner = 0' >/etc/libvirt/qemu.conf
}

start_hostd()
{
	printf '%s\n' '[rest]' 'user = nobody' >hostd.conf
	"$top/build/bin/azattest-hostd" --config "$work/hostd.conf" --state "$work/state" --run "$work/run" --audit 0 \
		--take "$work/take.sock" >>hostd.log 2>&1 &
	hostd=$!
	mine+=($!)
	ktap_wait_for "$patience" [ -S run/api.sock ]
}

start_agent()
{
	"$top/build/bin/azattest-libvirt" --api "$work/run/api.sock" >>agent.log 2>&1 &
	agent=$!
	mine+=($!)
}

ctl()
{
	"$top/build/bin/azattestctl" --api "$work/run/api.sock" "$@"
}

# domain [METADATA [CID]]: defined anew
domain()
{
	cat >web1.xml <<-END
		<domain type='qemu'>
		  <name>web1</name><uuid>$vm</uuid><memory unit='MiB'>32</memory>
		  <metadata>${1:-}</metadata>
		  <os><type arch='x86_64' machine='pc'>hvm</type></os>
		  <devices>
		    <emulator>/usr/bin/qemu-system-x86_64</emulator>
		    <controller type='usb' model='none'/><memballoon model='none'/>
		    <vsock model='virtio'><cid auto='no' address='${2:-$cid}'/></vsock>
		  </devices>
		</domain>
	END
	virsh -q define web1.xml
}

# bound CID: in the module, whoever holds it
bound()
{
	"$top/build/bin/azattestctl" bindings 2>/dev/null | grep -q "^$vm .* $1 "
}

unbound()
{
	! "$top/build/bin/azattestctl" bindings | grep -q "^$vm "
}

becomes()
{
	ktap_wait_for "$patience" "$@" || { cat agent.log hostd.log; return 1; }
}

# The agent was started twice before.
reconnected()
{
	[ "$(grep -c ': connected' agent.log)" -ge 3 ]
}

shut_off()
{
	virsh -q domstate web1 | grep -q 'shut off'
}

# ---- promises ----

a_started_domain_is_bound_and_a_destroyed_one_not()
{
	domain && virsh -q start web1 && becomes bound "$cid" &&
		virsh -q destroy web1 && becomes unbound
}

a_domain_that_is_paused_or_was_there_before_is_bound()
{
	kill "$agent" && wait "$agent"
	virsh -q start --paused web1 && start_agent && becomes bound "$cid" &&
		virsh -q resume web1 && bound "$cid"
}

a_killed_qemu_is_unbound()
{
	kill -KILL "$(cat /run/libvirt/qemu/web1.pid)" && becomes unbound &&
		becomes shut_off
}

start_and_destroy_at_once_never_meet_a_pinned_cid()
{
	local i
	for ((i = 0; i < 20; i++)); do
		virsh -q start web1 && becomes bound "$cid" && virsh -q destroy web1 || return 1
	done
	becomes unbound
}

another_cid_at_the_next_start_is_followed()
{
	domain '' 4300 && virsh -q start web1 && becomes bound 4300 &&
		virsh -q destroy web1 && becomes unbound && domain
}

libvirtds_restart_is_harmless()
{
	local before
	virsh -q start web1 && becomes bound "$cid" || return 1
	before=$("$top/build/bin/azattestctl" bindings --json)
	kill "$(cat libvirtd.pid)"
	becomes grep -q 'the connection ended' agent.log
	start_libvirtd && [ "$("$top/build/bin/azattestctl" bindings --json)" = "$before" ] &&
		becomes reconnected &&
		virsh -q destroy web1 && becomes unbound
}

a_hostd_that_comes_later_is_told()
{
	kill "$hostd" && wait "$hostd"
	virsh -q start web1 && becomes grep -q 'web1: azattest-hostd does not answer' agent.log &&
		start_hostd && becomes bound "$cid" && virsh -q destroy web1 && becomes unbound
}

a_saved_domain_is_bound_when_it_is_restored()
{
	virsh -q start web1 && becomes bound "$cid" && virsh -q managedsave web1 && becomes unbound &&
		virsh -q start web1 && becomes bound "$cid" && virsh -q destroy web1 && becomes unbound
}

metadata_opts_out_and_names_the_profile()
{
	domain "<az:vm xmlns:az='urn:azattest:vm:1' profile='gold'/>" && virsh -q start web1 &&
		becomes bound "$cid" && ctl bindings 2>/dev/null | grep -q gold &&
		virsh -q metadata web1 urn:azattest:vm:1 --live --key az --set "<vm attest='no'/>" &&
		becomes unbound && virsh -q destroy web1
}

ktap_timeout 900
configure_libvirt
systemd-socket-activate --seqpacket --accept --inetd -l "$work/take.sock" \
	"$top/build/bin/azattest-take" >take.log 2>&1 &
mine+=($!)
start_libvirtd || { sed 's/^/# /' libvirtd.log; ktap_skip_all "libvirtd does not start here"; }
start_hostd || { sed 's/^/# /' hostd.log; exit 1; }
start_agent
promises="a_started_domain_is_bound_and_a_destroyed_one_not
	a_domain_that_is_paused_or_was_there_before_is_bound a_killed_qemu_is_unbound
	start_and_destroy_at_once_never_meet_a_pinned_cid another_cid_at_the_next_start_is_followed
	libvirtds_restart_is_harmless a_hostd_that_comes_later_is_told
	a_saved_domain_is_bound_when_it_is_restored metadata_opts_out_and_names_the_profile"
# shellcheck disable=SC2086 # one word each
set -- $promises
ktap_plan $#
for promise in "$@"; do
	if $promise >output 2>&1; then
		ktap_ok "$promise"
	else
		ktap_note "$(cat output)"
		ktap_not_ok "$promise"
		virsh -q destroy web1 2>/dev/null
	fi
done
ktap_end
