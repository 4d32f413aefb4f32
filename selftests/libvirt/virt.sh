# SPDX-License-Identifier: GPL-2.0
# Owns a host with a real libvirtd and this project's daemons, for tests on a test host.
# shellcheck shell=bash

# . selftests/lib/ktap.sh; . selftests/libvirt/virt.sh; virt_need; virt_start; ...
#
# A test runs in a folder of its own, which goes when it ends. Of the domains
# webN has the UUID virt_uuid N; the emulator is QEMU, or fake-qemu where what
# counts is how often, or how many.

virt_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
virt_bin=${AZ_BIN:-$virt_top/build/bin}
virt_patience=$((120 * ${AZ_TIMEOUT_SCALE:-1}))
declare -A virt_pid=()
# shellcheck source=selftests/libvirt/libvirtd.sh
. "$virt_top/selftests/libvirt/libvirtd.sh"
# shellcheck source=selftests/libvirt/real-guest.sh
. "$virt_top/selftests/libvirt/real-guest.sh"

virt_need()
{
	local program

	[ -n "${AZ_LONG:-}" ] || ktap_skip_all "starts a libvirtd and its QEMUs only with AZ_LONG=1"
	[ -n "${AZ_VM:-}" ] || ktap_skip_all "runs a libvirtd: only on a test host (selftests/vm/boot)"
	for program in libvirtd virsh systemd-socket-activate; do
		command -v $program >/dev/null || ktap_cannot "no $program: run scripts/deps --long"
	done
	[ "$(cat /proc/1/comm)" = systemd ] || ktap_cannot "process 1 is not systemd (selftests/libvirt/check)"
	[ -x "$virt_bin/azattest-libvirt" ] || ktap_cannot "azattest-libvirt was not built"
	[ -c /dev/azattest ] || ktap_cannot "the module is not loaded"
	[ -c /dev/vhost-vsock ] || ktap_cannot "vhost_vsock is not loaded"
}

# ---- the host ----

virt_configure()
{
	libvirtd_configure 'namespaces = []' 'user = "nobody"' 'group = "nogroup"' || return 1
	printf '%s\n' 'listen_tls = 0' 'listen_tcp = 1' 'auth_tcp = "none"' \
		"host_uuid = \"$(cat /proc/sys/kernel/random/uuid)\"" >>libvirtd.conf
	printf '%s\n' '[rest]' 'user = nobody' >hostd.conf
}

# virt_listen=--listen before: also to the other host
virt_libvirtd()
{
	# shellcheck disable=SC2086 # none or one
	libvirtd ${virt_listen:-} --config "$virt_dir/libvirtd.conf" >>libvirtd.log 2>&1 &
	virt_pid[libvirtd]=$!
	ktap_wait_for "$virt_patience" virsh -q list >/dev/null 2>&1
}

virt_take()
{
	systemd-socket-activate --seqpacket --accept --inetd -l "$virt_dir/take.sock" \
		"$virt_bin/azattest-take" >take.log 2>&1 &
	virt_pid[take]=$!
}

# virt_unit NAME PROGRAM...: as its unit has it: it comes back, and its descriptors are kept
virt_unit()
{
	local name=$1

	shift
	systemd-run --quiet --unit "virt-$name" --property Type=notify --property Restart=on-failure \
		--property RestartSec=100ms --property StartLimitIntervalSec=0 \
		--property FileDescriptorStoreMax=8192 --property "StandardError=append:$virt_dir/$name.log" \
		"$@"
}

virt_hostd()
{
	virt_unit hostd "$virt_bin/azattest-hostd" --config "$virt_dir/hostd.conf" --state "$virt_dir/state" \
		--run "$virt_dir/run" --audit 0 --take "$virt_dir/take.sock"
}

# For tests whose guests want documents.
virt_azattestd()
{
	printf '%s\n' '[host]' 'name = host.test' '[signer]' 'user = nobody' >azattestd.conf
	virt_unit azattestd "$virt_bin/azattestd" --config "$virt_dir/azattestd.conf" \
		--state "$virt_dir/azattestd" --run "$virt_dir/run" && guest_trust virt_ctl
}

# For those whose guests ask over HTTP.
virt_rest()
{
	modprobe -a bridge tun sch_ingress cls_bpf
	virt_azattestd && virt_unit restd "$virt_bin/azattest-restd" --run "$virt_dir/run" --user nobody &&
		virt_ctl legacy on
}

virt_agent()
{
	virt_unit agent "$virt_bin/azattest-libvirt" --api "$virt_dir/run/api.sock"
}

# virt_kill NAME: the unit's process; true once another is there
virt_kill()
{
	local old

	old=$(systemctl show --property MainPID --value "virt-$1")
	systemctl kill --signal KILL "virt-$1" && ktap_wait_for "$virt_patience" virt_runs_anew "$1" "$old"
}

virt_runs_anew()
{
	[ "$(systemctl show --property MainPID --value "virt-$1")" != "$2" ] &&
		[ "$(systemctl show --property SubState --value "virt-$1")" = running ]
}

# virt_end hostd|agent|NAME [SIGNAL]
virt_end()
{
	case $1 in
	hostd | agent) systemctl stop "virt-$1"; return ;;
	esac
	kill "-${2:-TERM}" "${virt_pid[$1]}" || return 1
	wait "${virt_pid[$1]}" 2>/dev/null
	unset "virt_pid[$1]"
}

virt_destroy_all()
{
	local domain

	for domain in $(virsh -q list --name 2>/dev/null); do
		virsh -q destroy "$domain"
	done
}

# shellcheck disable=SC2317 # called by the trap
virt_stop()
{
	set +e	# all of it, whoever stops here
	virt_destroy_all
	systemctl stop virt-agent virt-restd virt-hostd virt-azattestd 2>/dev/null
	kill "${virt_pid[@]}" 2>/dev/null
	cd / && rm -rf "$virt_dir"
}

virt_start()
{
	virt_dir=$(mktemp -d)
	trap virt_stop EXIT
	cd "$virt_dir" && chmod 0755 . || exit 1
	virt_configure || exit 1
	virt_take
	virt_libvirtd || ktap_cannot_start libvirtd libvirtd.log
	virt_hostd || { sed 's/^/# /' hostd.log; exit 1; }
	virt_agent
}

virt_ctl()
{
	"$virt_bin/azattestctl" --socket "$virt_dir/run/azattestd.sock" --api "$virt_dir/run/api.sock" "$@"
}

# ---- domains ----

virt_uuid()
{
	printf 'c0ffee42-0000-4000-8000-%012x' "$1"
}

# The copy is one that QEMU's user may run.
virt_fake_emulator()
{
	install -m 0755 "$virt_top/build/selftests/fake-qemu" fake-qemu
	virt_emulator=$virt_dir/fake-qemu
}

# virt_xml N CID [METADATA]: domain webN
virt_xml()
{
	cat <<-END
		<domain type='qemu'>
		  <name>web$1</name><uuid>$(virt_uuid "$1")</uuid><memory unit='MiB'>32</memory>
		  <metadata>${3:-}</metadata>
		  <os><type arch='x86_64' machine='pc'>hvm</type></os>
		  <cpu mode='custom' match='exact' check='none'><model>qemu64</model></cpu>
		  <devices>
		    <emulator>${virt_emulator:-/usr/bin/qemu-system-x86_64}</emulator>
		    <controller type='usb' model='none'/><memballoon model='none'/>
		    <vsock model='virtio'><cid auto='no' address='$2'/></vsock>
		  </devices>
		</domain>
	END
}

virt_define()
{
	virt_xml "$@" >"web$1.xml"
	virsh -q define "web$1.xml"
}

# "CID GENERATION" of webN's binding in the module, whoever holds it; nothing if it has none
virt_binding()
{
	"$virt_bin/azattestctl" bindings --no-headers |
		awk -v uuid="$(virt_uuid "$1")" '$1 == uuid { print $3, $4 }'
}

virt_generation()
{
	virt_binding "$1" | cut -d ' ' -f 2
}

# virt_bound N CID
virt_bound()
{
	[ "$(virt_binding "$1" | cut -d ' ' -f 1)" = "$2" ]
}

virt_unbound()
{
	[ -z "$(virt_binding "$1")" ]
}

# virt_newer N GENERATION: bound, with a later one
virt_newer()
{
	[ "$(virt_generation "$1" || true)" -gt "$2" ] 2>/dev/null
}

# virt_state N TEXT: what libvirt says of it
virt_state()
{
	virsh -q domstate --reason "web$1" | grep -q "$2"
}

virt_becomes()
{
	ktap_wait_for "$virt_patience" "$@" && return
	echo "never came true: $*"
	tail -n 20 agent.log hostd.log
	return 1
}

# ---- domain web9, a real guest ----

virt_guest_cid=4900

virt_define_guest()
{
	guest_define web9 "$(virt_uuid 9)" $virt_guest_cid
}

# virt_hears DOOR [AFTER]
virt_hears()
{
	guest_hears web9 "$(virt_uuid 9)" "$@"
}

# Nobody is, and no card is at the bridge.
virt_not_enrolled()
{
	[ -z "$(virt_ctl vm list --no-headers)" ] && ! ip -o link show master azhost-imds | grep -q ': azt'
}

# virt_guest_becomes COMMAND...: as virt_becomes, with the patience that a guest in an emulated host needs
virt_guest_becomes()
{
	local virt_patience=$((virt_patience * 3))

	virt_becomes "$@" && return
	guest_says web9
	return 1
}

# virt_run PROMISE...: each is a function
virt_run()
{
	local promise

	ktap_plan $#
	for promise; do
		if $promise >output 2>&1; then
			ktap_ok "$promise"
		else
			ktap_note "$(cat output)"
			ktap_not_ok "$promise"
			virt_destroy_all
		fi
	done
	ktap_end
}

# ---- two hosts (selftests/libvirt/migrate) ----

virt_door=7000

# virt_pair 1|2: which of both this one is
virt_pair()
{
	virt_here=10.9.0.$1
	virt_there=10.9.0.$((3 - $1))
	hostname "azhost$1"
	ip address add "$virt_here/24" dev eth0 && ip link set eth0 up
	for one in 1 2; do
		echo "10.9.0.$one azhost$one" >>/etc/hosts
	done
}

# virt_remote COMMAND: one line for the other host's shell; its words and its status
virt_remote()
{
	local line last=''

	exec 5<>"/dev/tcp/$virt_there/$virt_door" || return 1
	printf '%s\n' "$1" >&5
	while IFS= read -r line <&5; do
		[ -z "$last" ] || printf '%s\n' "$last"
		last=$line
	done
	exec 5>&-
	return "${last#status }"
}
