#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of "azattestctl vm vsock", "vm add" and "vm remove" on libvirt's domains: a libvirtd and QEMUs of the test's own.

# Promises are called by their names out of a list.
# shellcheck disable=SC2119,SC2154,SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# In a network and with mounts of its own, so that the host's libvirt notices nothing.
if [ -z "${AZ_PRIVATE:-}" ] && unshare --mount --net true 2>/dev/null; then
	AZ_PRIVATE=1 exec unshare --mount --net "$0"
fi
# shellcheck source=selftests/api/ctl-rig.sh
. "$top/selftests/api/ctl-rig.sh"
# shellcheck source=selftests/libvirt/libvirtd.sh
. "$top/selftests/libvirt/libvirtd.sh"

[ -n "${AZ_PRIVATE:-}" ] || ktap_skip_all "may not make namespaces"
[ -x "$top/build/bin/azattest-domain" ] || ktap_skip_all "azattest-domain was not built: no libvirt-dev"
for program in libvirtd virsh qemu-system-x86_64; do
	command -v $program >/dev/null || ktap_skip_all "no $program"
done
unset LIBVIRT_DEFAULT_URI

mine=()
trap 'virsh -q destroy web1 2>/dev/null; kill "${mine[@]}" "$pid" 2>/dev/null; wait; rm -rf "$work"' EXIT

start_libvirtd()
{
	local folder
	mount --make-rprivate /
	for folder in /run /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
		mkdir -p $folder && mount -t tmpfs tmpfs $folder
	done
	ip link set lo up
	libvirtd_configure 'namespaces = []' 'user = "root"' 'group = "root"' || return 1
	libvirtd --config "$work/libvirtd.conf" >libvirtd.log 2>&1 &
	mine+=($!)
	ktap_wait_for "$patience" virsh -q list >/dev/null 2>&1
}

# Of the same mount namespace as libvirtd, so it finds its sockets.
start_agent()
{
	"$top/build/bin/azattest-libvirt" --api "$work/api.sock" >>agent.log 2>&1 &
	mine+=($!)
	ktap_wait_for "$patience" grep -q ': connected' agent.log
}

# define [DEVICES [METADATA]]: web1, not running; one root port is free for a card, unless DEVICES have more
define()
{
	virsh -q destroy web1 2>/dev/null
	virsh -q undefine web1 2>/dev/null
	cat >web1.xml <<-END
		<domain type='qemu'><name>web1</name><uuid>$vm</uuid><memory unit='MiB'>32</memory>
		<metadata>${2:-}</metadata><os><type arch='x86_64' machine='q35'>hvm</type></os>
		<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
		<controller type='usb' model='none'/><memballoon model='none'/>${1:-}</devices></domain>
	END
	virsh -q define web1.xml
}

ports="<controller type='pci' model='pcie-root'/><controller type='pci' model='pcie-root-port'/>"
roomy="$ports<controller type='pci' model='pcie-root-port'/><controller type='pci' model='pcie-root-port'/>"
full="$ports<interface type='user'><model type='e1000e'/></interface>"

# has PATTERN [--inactive]: in web1's XML
has()
{
	virsh dumpxml web1 "${@:2}" | grep -q -- "$1"
}

# tells WORDS COMMAND...: exit code 0, nothing on standard error, and one line with these words
tells()
{
	local words=$1
	shift
	"$@" >out 2>err || { cat out err; return 1; }
	cat out err
	[ "$(wc -l <out)" = 1 ] && [ ! -s err ] && grep -qF -- "$words" out
}

agent_says()
{
	ktap_wait_for "$patience" grep -qF -- "$1" agent.log || { cat agent.log; return 1; }
}

# ---- vsock ----

vsock_comes_to_a_definition_and_goes_again()
{
	define && ctl vm vsock show >out && grep -q "^web1 .* -  *off  *-$" out &&
		tells 'web1: a vsock device was added: it is there from the next start on' ctl vm vsock on web1 &&
		has '<vsock' --inactive && ctl vm vsock show web1 | grep -q "^web1 .* -  *on " &&
		tells 'web1: has a vsock device' ctl vm vsock on "$vm" &&
		[ "$(virsh dumpxml web1 | grep -c '<vsock')" = 1 ] &&
		tells 'web1: a vsock device was taken away' ctl vm vsock off web1 && ! has '<vsock' --inactive &&
		tells 'web1: has no vsock device' ctl vm vsock off web1
}

vsock_that_has_no_slot_waits_for_a_restart()
{
	define "$full" && virsh -q start web1 &&
		tells 'web1: a vsock device is in its definition only: power the VM off, then start it: ' ctl vm vsock on web1 &&
		has '<vsock' --inactive && ! has '<vsock' && grep -q 'No more available PCI slots' out &&
		tells 'web1: a vsock device is in its definition only' ctl vm vsock on web1 &&
		ctl vm vsock show | grep -q "^web1 .* off  *on  *-$" &&
		ctl vm vsock show --json | tr -d ' \n' | grep -qF '"live":false,"defined":true,"cid":0,"restart":true' &&
		tells 'web1: a vsock device was taken away' ctl vm vsock off web1 && ! has '<vsock' --inactive
}

vsock_is_plugged_into_a_running_vm()
{
	define "$roomy" && virsh -q start web1 && tells 'web1: a vsock device was added' ctl vm vsock on web1 &&
		has '<vsock' && has '<vsock' --inactive && ctl vm vsock show | grep -q "^web1 .* on  *on  *[0-9][0-9]*$"
}

vsock_of_all_is_done_with_progress()
{
	define && virsh -q define /dev/stdin <<-END
		<domain type='qemu'><name>web2</name><memory unit='MiB'>32</memory>
		<os><type arch='x86_64' machine='q35'>hvm</type></os></domain>
	END
	ctl vm vsock on --all >out && cat out && grep -q '^\[1/2\] web[12]: a vsock device was added' out &&
		grep -q '^\[2/2\] web[12]: a vsock device was added' out && ctl vm vsock off --all --json >out &&
		[ "$(grep -c '"changed": true' out)" = 2 ] && jsonschema -i out "$top/docs/schemas/vsock.json"
	local ret=$?
	virsh -q undefine web2
	return "$ret"
}

a_dry_run_of_vsock_changes_nothing()
{
	define && virsh -q start web1 &&
		tells 'web1: a vsock device would be added to the running VM and the definition' ctl vm vsock on web1 --dry-run &&
		! has '<vsock' --inactive && virsh -q destroy web1 && ctl vm vsock on web1 &&
		tells 'web1: a vsock device would be taken from the definition' ctl vm vsock off --dry-run web1 &&
		has '<vsock' --inactive
}

what_libvirt_does_not_know_is_said()
{
	says 4 'vm vsock web9: libvirt has no domain of this name or UUID' ctl vm vsock on web9 &&
		says 4 'vm vsock web9: libvirt has no domain' ctl vm vsock off --dry-run web9 &&
		says 2 'vm vsock: takes show, on or off, not "up"' ctl vm vsock up web1 &&
		says 2 'vm vsock: takes show, on or off, not ""' ctl vm vsock &&
		says 2 'vm vsock on: takes VMs, or --all' ctl vm vsock on &&
		says 2 'vm vsock off: takes VMs, or --all' ctl vm vsock off --all web1 &&
		says 2 'vm vsock show: takes VMs, or none for all' ctl vm vsock show --all
}

who_may_not_change_domains_hears_it_in_a_line()
{
	local code=0
	define && LIBVIRT_DEFAULT_URI=qemu:///nix ctl vm vsock on web1 >out 2>err || code=$?
	cat err
	[ "$code" = 4 ] && [ "$(wc -l <err)" = 1 ] && grep -q '^azattestctl: vm vsock: qemu:///nix: ' err
}

a_host_without_libvirt_is_no_failure_of_its_own()
{
	local code=0
	LIBVIRT_DEFAULT_URI="qemu:///system?socket=$work/none" ctl vm vsock show 2>err || code=$?
	cat err
	[ "$code" = 3 ] && grep -q 'vm vsock: no libvirt answers here' err || return 1
	code=0
	LIBVIRT_DEFAULT_URI="qemu:///system?socket=$work/none" ctl vm remove web1 2>err || code=$?
	cat err
	[ "$code" = 4 ] && [ "$(wc -l <err)" = 1 ] && grep -q 'no enrolled VM has this name' err
}

# ---- the network card for REST ----

a_card_is_plugged_into_a_running_vm_which_is_enrolled()
{
	define "$roomy" '<x:keep xmlns:x="urn:x"/>' && virsh -q start web1 &&
		tells 'web1: has a network card for REST: azattest-libvirt enrols it' ctl vm add web1 &&
		agent_says 'web1: enrolled for REST with azt' && has "alias name='ua-azattest'" && has "rest=.yes." &&
		has "alias name='ua-azattest'" --inactive && has "rest=.yes." --inactive && has 'keep xmlns' &&
		ctl vm list | grep "^$vm .* azt" && ip link show "$(virsh dumpxml web1 | sed -n "s/.*dev='\(azt[0-9a-f]*\)'.*/\1/p")" &&
		tells "$vm: active" ctl vm add web1
}

a_vm_that_is_started_again_is_enrolled_again()
{
	virsh -q destroy web1 && agent_says 'web1: no longer enrolled' && [ -z "$(ctl vm list --no-headers)" ] &&
		: >agent.log && virsh -q start web1 && agent_says 'web1: enrolled for REST with azt' &&
		[ "$(virsh dumpxml web1 | grep -c ua-azattest)" = 1 ]
}

# No system runs in this VM, so that nobody lets the card go.
a_removed_vm_loses_its_enrolment_and_its_card()
{
	: >agent.log
	ctl vm remove web1 >out 2>err
	cat out err
	agent_says 'web1: no longer enrolled' && ! has "rest=.yes." && ! has "rest=.yes." --inactive &&
		! has ua-azattest --inactive && has 'keep xmlns' && [ ! -s err ] &&
		grep -q 'web1: a network card for REST is out of its definition only: power the VM off' out &&
		[ -z "$(ctl vm list --no-headers)" ] && virsh -q destroy web1 && virsh -q start web1 && ! has ua-azattest &&
		[ -z "$(ctl vm remove web1 2>&1)" ]
}

a_vm_without_a_free_slot_has_its_card_after_a_restart()
{
	define "$full" && virsh -q start web1 && : >agent.log &&
		tells 'web1: a network card for REST is in its definition only: power the VM off, then start it: ' ctl vm add web1 &&
		! has ua-azattest && ! has "rest=.yes." && has "rest=.yes." --inactive && [ ! -s agent.log ] &&
		has "model type='e1000e'" --inactive && virsh -q destroy web1 && virsh -q start web1 &&
		agent_says 'web1: enrolled for REST with azt'
}

a_vm_that_is_off_is_enrolled_when_it_starts()
{
	define "" "<az:vm xmlns:az='urn:azattest:vm:1' profile='gold'/>" && : >agent.log &&
		tells 'web1: a network card for REST would be added to the definition' ctl vm add web1 --dry-run &&
		! has "rest=" && ! has ua-azattest &&
		tells 'web1: has a network card for REST in its definition: it is enrolled when it starts' ctl vm add "$vm" &&
		has "profile=.gold. rest=.yes." && ctl vm add --all 2>err | grep -q '^web1: has' &&
		virsh -q start web1 && agent_says 'web1: enrolled for REST with azt' &&
		virsh -q destroy web1 && ctl vm remove --all | grep -q '^web1: a network card for REST was taken away' &&
		has "profile=.gold./>" && ! has ua-azattest
}

no_card_is_added_while_rest_is_off()
{
	define && ctl legacy off --keep-vms && says 4 'vm add: REST access is off: azattestctl legacy on' ctl vm add web1 &&
		says 4 'vm add: REST access is off' ctl vm add --all && ! has ua-azattest && ! has "rest=" &&
		ctl vm add web1 --dry-run | grep -q '^web1: .* would be added' && ctl legacy on
}

# What is asked for by its name is refused, and what is meant with all the others is left alone.
a_vm_that_asked_to_be_left_alone_gets_no_card()
{
	define "" "<az:vm xmlns:az='urn:azattest:vm:1' attest='no'/>" &&
		says 4 "vm add web1: its metadata says attest='no': edit that first: virsh metadata $vm urn:azattest:vm:1 --key az --edit --config" ctl vm add web1 && cp err advice &&
		{ ctl vm add --all 2>err | grep -q "^web1: left alone: its metadata says attest='no'"; } &&
		{ ctl legacy on --add-vms 2>err | grep -q '^web1: left alone'; } && ! has ua-azattest && ! has "rest=" &&
		EDITOR="sed -i s/no/yes/" sh -c "$(sed -n 's/.*edit that first: //p' advice)" && has "attest=.yes." &&
		ctl vm add web1 | grep 'has a network card for REST'
}

# Who has no module knows the domains alone: the code says so, the answer has them.
what_is_done_to_many_is_one_answer_with_json()
{
	define || return 1
	ctl legacy on --add-vms --json >out 2>err
	cat out err
	jsonschema -i out "$top/docs/schemas/legacy.json" && grep -q '"name": "web1"' out &&
		grep -q 'has a network card for REST in its definition' out && ctl vm remove --all
}

# An administrator's enrolment needs no libvirt to be ended; one that libvirt keeps would come again.
a_libvirt_that_is_closed_is_no_reason_to_keep_other_vms()
{
	define && ctl vm add --uuid "$vm2" --tap tap7 >/dev/null && LIBVIRT_DEFAULT_URI=qemu:///nix ctl vm remove "$vm2" &&
		! ctl vm list | grep "$vm2" && ctl vm add --uuid "$vm2" --tap tap7 >/dev/null &&
		LIBVIRT_DEFAULT_URI=qemu:///nix ctl vm remove --all && ! ctl vm list | grep "$vm2" && put_vm "$vm2" '{"tap":"tap8","manager":"libvirt"}' &&
		says 4 "vm remove $vm2: qemu:///nix: " env LIBVIRT_DEFAULT_URI=qemu:///nix "${ctl[@]}" vm remove "$vm2" &&
		says 4 "vm remove $vm2: qemu:///nix: " env LIBVIRT_DEFAULT_URI=qemu:///nix "${ctl[@]}" vm remove --all &&
		says 4 "vm remove web9: qemu:///nix: " env LIBVIRT_DEFAULT_URI=qemu:///nix "${ctl[@]}" vm remove web9 &&
		ctl vm list | grep -q "$vm2" && ctl vm remove "$vm2"
}
ctl=("$top/build/bin/azattestctl" --socket "$work/azattestd.sock" --api "$work/api.sock")

put_vm()
{
	curl -sf -X PUT --unix-socket api.sock "http://hostd/v1/vms/$1" -d "$2" >/dev/null
}

a_card_of_another_kind_is_refused()
{
	define "<interface type='user'><alias name='ua-azattest'/></interface>" &&
		says 4 'vm add web1: its network card ua-azattest is not of type ethernet' ctl vm add web1 &&
		! has "rest=" --inactive
}

completion_knows_domains()
{
	define && [ "$(ctl complete -- vm vsock on we)" = web1 ] && [ "$(ctl complete -- vm vsock s)" = show ] &&
		[ "$(ctl complete -- vm add we)" = web1 ] && [ "$(ctl complete -- vm remove we)" = web1 ]
}

promises="vsock_comes_to_a_definition_and_goes_again vsock_that_has_no_slot_waits_for_a_restart
	vsock_is_plugged_into_a_running_vm vsock_of_all_is_done_with_progress a_dry_run_of_vsock_changes_nothing
	what_libvirt_does_not_know_is_said who_may_not_change_domains_hears_it_in_a_line
	a_host_without_libvirt_is_no_failure_of_its_own
	a_card_is_plugged_into_a_running_vm_which_is_enrolled a_vm_that_is_started_again_is_enrolled_again
	a_removed_vm_loses_its_enrolment_and_its_card a_vm_without_a_free_slot_has_its_card_after_a_restart
	a_vm_that_is_off_is_enrolled_when_it_starts no_card_is_added_while_rest_is_off
	a_vm_that_asked_to_be_left_alone_gets_no_card what_is_done_to_many_is_one_answer_with_json
	a_libvirt_that_is_closed_is_no_reason_to_keep_other_vms
	a_card_of_another_kind_is_refused completion_knows_domains"

ktap_why_not()
{
	[ "$1" != vsock_is_plugged_into_a_running_vm ] || [ -c /dev/vhost-vsock ] || echo "no /dev/vhost-vsock"
}

ktap_timeout 300
start_libvirtd || ktap_cannot_start libvirtd libvirtd.log
fake_host && ctl legacy on && start_agent || exit 1
# shellcheck disable=SC2086 # one word each
ktap_try $promises
