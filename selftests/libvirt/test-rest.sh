#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises about REST access of libvirt's domains, on a test host: all daemons, a real libvirtd, QEMU's own taps and vsock.

# Promises are called by their names out of a list.
# shellcheck disable=SC2154,SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"

[ -n "${AZ_LONG:-}" ] || ktap_skip_all "starts a libvirtd and its QEMUs only with AZ_LONG=1"
[ -n "${AZ_VM:-}" ] || ktap_skip_all "runs a libvirtd: only on a test host (selftests/vm/boot)"
for program in libvirtd virsh systemd-socket-activate; do
	command -v $program >/dev/null || ktap_cannot "no $program"
done
[ -x "$top/build/bin/azattest-domain" ] || ktap_cannot "azattest-domain was not built"
[ -c /dev/azattest ] || ktap_cannot "the module is not loaded"
[ -c /dev/vhost-vsock ] || ktap_cannot "vhost_vsock is not loaded"
# shellcheck source=selftests/rest/rig.sh
. "$top/selftests/rest/rig.sh"
# shellcheck source=selftests/libvirt/libvirtd.sh
. "$top/selftests/libvirt/libvirtd.sh"

vm=c0ffee42-0000-4000-8000-00000000002a
work=$(mktemp -d)
chmod 0755 "$work"
cd "$work" || exit 1
rig_hostd_options=(--take "$work/take.sock")

end()
{
	virsh -q destroy web1 2>/dev/null
	kill "$(cat "$work/libvirtd.pid")" 2>/dev/null
	rig_stop
	rm -rf "$work"
}

start_libvirtd()
{
	libvirtd_configure 'namespaces = []' || return 1
	libvirtd --daemon --pid-file "$work/libvirtd.pid" --config "$work/libvirtd.conf" >libvirtd.log 2>&1
	rig_await virsh -q list
}

# A q35 with three root ports: room for both devices.
define()
{
	local port="<controller type='pci' model='pcie-root-port'/>"
	cat >web1.xml <<-END
		<domain type='qemu'><name>web1</name><uuid>$vm</uuid><memory unit='MiB'>32</memory>
		<os><type arch='x86_64' machine='q35'>hvm</type></os>
		<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
		<controller type='usb' model='none'/><memballoon model='none'/>
		<controller type='pci' model='pcie-root'/>$port$port$port</devices></domain>
	END
	virsh -q define web1.xml
}

# shown PATTERN: in what vm show says of it
shown()
{
	rig_ctl vm show "$vm" --json | tr -d ' \n' | grep -q "$1"
}

becomes()
{
	rig_await "$@" || { rig_ctl vm show "$vm"; cat "$rig_dir"/agent.log "$rig_dir"/hostd.log; return 1; }
}

not_enrolled()
{
	[ -z "$(rig_ctl vm list --no-headers)" ]
}

a_running_domain_is_given_a_card_and_is_served()
{
	define && virsh -q start web1 && rig_ctl vm add web1 && becomes shown '"state":"active"' &&
		shown '"binding":"hostd"' && shown '"manager":"libvirt"' &&
		ip -o link show master azhost-imds | grep -q ': azt'
}

# The identity that the enrolment gave gives way to one with a CID.
a_vsock_device_that_is_plugged_in_has_it_bound_by_its_cid()
{
	rig_ctl vm vsock on web1 && becomes shown '"state":"active".*"cid":[1-9].*"binding":"vmm"' &&
		rig_ctl vm vsock show | grep -q "^web1 .* on  *on  *[1-9]"
}

one_that_is_destroyed_leaves_nothing_and_one_that_starts_has_all()
{
	virsh -q destroy web1 && becomes not_enrolled && ! ip -o link show master azhost-imds | grep -q ': azt' &&
		virsh -q start web1 && becomes shown '"state":"active".*"cid":[1-9]'
}

a_restored_domain_is_enrolled_again()
{
	virsh -q managedsave web1 && becomes not_enrolled && virsh -q start web1 && becomes shown '"state":"active"'
}

# While the agent is away.
what_ended_unseen_is_swept()
{
	rig_kill agent TERM
	virsh -q destroy web1 && ! not_enrolled && start_agent && becomes not_enrolled &&
		virsh -q start web1 && becomes shown '"state":"active"'
}

a_removed_domain_is_not_served_any_more()
{
	rig_ctl vm remove web1 && becomes not_enrolled && rig_ctl bindings | grep -q "^$vm " &&
		virsh -q destroy web1 && virsh -q start web1 && ! virsh dumpxml web1 | grep -q ua-azattest && not_enrolled
}

start_agent()
{
	rig_run agent "$rig_bin/azattest-libvirt" --api "$rig_dir/api.sock"
}

ktap_timeout 900
rig_start || exit 1
trap end EXIT
rig_run take systemd-socket-activate --seqpacket --accept --inetd -l "$work/take.sock" "$rig_bin/azattest-take"
start_libvirtd || ktap_cannot_start libvirtd libvirtd.log
start_agent
promises="a_running_domain_is_given_a_card_and_is_served a_vsock_device_that_is_plugged_in_has_it_bound_by_its_cid
	one_that_is_destroyed_leaves_nothing_and_one_that_starts_has_all a_restored_domain_is_enrolled_again
	what_ended_unseen_is_swept a_removed_domain_is_not_served_any_more"
# shellcheck disable=SC2086 # one word each
ktap_try $promises
