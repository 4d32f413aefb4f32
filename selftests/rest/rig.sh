# SPDX-License-Identifier: GPL-2.0
# Owns a whole host for tests of the REST door: all daemons, and VMs that are network namespaces.
# shellcheck shell=bash

# . selftests/rest/rig.sh; rig_start; rig_vm 1; rig_get 1 "nonce=abc"; rig_stop (or let the trap)
#
# A VM here is a namespace behind a veth pair whose host end is called tapN, and
# a binding that azattest-run made. All have the same MAC and the same address.

rig_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
rig_bin=${AZ_BIN:-$rig_top/build/bin}
rig_dir=/run/azattest-rig
rig_service=169.254.169.253
rig_url="http://$rig_service/metadata/attested/document?api-version=2020-09-01"
rig_cgroup=/sys/fs/cgroup/azattest-rig-restd
rig_guest_address=169.254.10.10
rig_guest_mac=52:54:00:12:34:56
declare -A rig_pid=()
rig_hostd_options=()	# more of them, of the test that includes this

# Waits until a command succeeds; patience is only for a machine that hangs.
rig_await()
{
	local end=$((SECONDS + 60 * ${AZ_TIMEOUT_SCALE:-1}))

	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || { echo "never came true: $*" >&2; return 1; }
		sleep 0.05
	done
}

rig_uuid()
{
	printf 'c0ffee%02x-0000-4000-8000-%012x' "$1" "$1"
}

rig_ctl()
{
	"$rig_bin/azattestctl" --socket "$rig_dir/azattestd.sock" --api "$rig_dir/api.sock" "$@"
}

rig_users()
{
	getent passwd azattest-signer >/dev/null || useradd --system azattest-signer
	getent passwd azattest-restd >/dev/null || useradd --system azattest-restd
	getent group azattest-admin >/dev/null || groupadd --system azattest-admin
}

# The log of a daemon goes on over restarts.
rig_run()
{
	local name=$1

	shift
	"$@" >>"$rig_dir/$name.log" 2>&1 &
	rig_pid[$name]=$!
}

rig_azattestd()
{
	rig_run azattestd "$rig_bin/azattestd" --config "$rig_dir/azattestd.conf" \
		--state "$rig_dir/state" --run "$rig_dir"
}

# Takes further options.
# shellcheck disable=SC2120
rig_hostd()
{
	rig_run hostd "$rig_bin/azattest-hostd" --config "$rig_dir/hostd.conf" \
		--state "$rig_dir/hostd" --signer-config "$rig_dir/azattestd.conf" --run "$rig_dir" \
		--pin-dir /sys/fs/bpf/azattest-rig --audit 5 "${rig_hostd_options[@]}" "$@"
}

# The listening socket belongs to the control group in which it is made.
rig_restd()
{
	mkdir -p "$rig_cgroup"
	# shellcheck disable=SC2016 # the inner shell's words
	rig_run restd sh -c 'echo $$ >"$0"/cgroup.procs && exec "$@"' "$rig_cgroup" \
		"$rig_bin/azattest-restd" --run "$rig_dir"
}

rig_kill()
{
	[ -n "${rig_pid[$1]:-}" ] || return 0
	kill "-${2:-KILL}" "${rig_pid[$1]}" 2>/dev/null || true
	wait "${rig_pid[$1]}" 2>/dev/null || true
	unset "rig_pid[$1]"
}

rig_active()
{
	rig_ctl vm show "$(rig_uuid "$1")" --json | grep -q '"state": *"active"'
}

rig_connected()
{
	rig_ctl status --json | tr -d ' \n' | grep -q '"restd":{"connected":true'
}

rig_start()
{
	modprobe -a bridge veth tun sch_ingress cls_bpf 2>/dev/null || true
	rm -rf "$rig_dir"
	mkdir -p "$rig_dir"
	trap rig_stop EXIT
	rig_users
	printf '[host]\nname = host1.attest.example.net\n%s\n' "${rig_azattestd_extra:-}" \
		>"$rig_dir/azattestd.conf"
	printf '%s\n' "${rig_hostd_extra:-}" >"$rig_dir/hostd.conf"
	rig_azattestd
	rig_hostd
	rig_restd
	rig_await rig_ctl status
	rig_await rig_connected
	rig_ctl legacy on
}

# A VM's network card: host end tapN, the guest's end in a namespace of its own.
rig_wire()
{
	local n=$1

	ip netns add "vm$n"
	ip link add "tap$n" address "$(printf '02:00:00:00:01:%02x' "$n")" type veth \
		peer name eth0 address $rig_guest_mac netns "vm$n"
	ip link set "tap$n" up
	ip -n "vm$n" link set lo up
	ip -n "vm$n" link set eth0 up
	ip -n "vm$n" address add $rig_guest_address/16 dev eth0
	# Its own ARP never gives up first: that nothing comes is then always seen as a time-out.
	ip netns exec "vm$n" sysctl -qw net.ipv4.neigh.eth0.mcast_solicit=100 \
		net.ipv4.neigh.eth0.ucast_solicit=100
}

rig_bind()
{
	local n=$1

	rig_run "vmm$n" "$rig_bin/azattest-run" --uuid "$(rig_uuid "$n")" --name "vm$n" \
		--uds "$rig_dir/vsock$n" -- sleep infinity
	rig_await rig_bound "$n"
}

rig_bound()
{
	rig_ctl bindings --json | grep -q "$(rig_uuid "$1")"
}

rig_vm()
{
	rig_wire "$1"
	rig_bind "$1"
	rig_ctl vm add --uuid "$(rig_uuid "$1")" --tap "tap$1"
	rig_await rig_active "$1"
}

# In a VM: a command; curl with the header that every request needs; a document.
rig_in()
{
	local n=$1

	shift
	ip netns exec "vm$n" "$@"
}

rig_curl()
{
	local n=$1

	shift
	rig_in "$n" curl -sS --noproxy '*' --max-time 10 -H 'Metadata: true' "$@"
}

rig_get()
{
	rig_curl "$1" "$rig_url&${2:-}"
}

# The vmId in a document that came over REST.
rig_vmid()
{
	rig_get "$1" "nonce=${2:-abc}" | sed -n 's/.*"signature":"\([^"]*\)".*/\1/p' |
		base64 -d | openssl smime -verify -inform DER -noverify 2>/dev/null |
		sed -n 's/.*"vmId":"\([^"]*\)".*/\1/p'
}

rig_is()
{
	[ "$(rig_vmid "$1")" = "$(rig_uuid "$1")" ]
}

# Not one segment comes back: no SYN-ACK, no reset, nothing.
rig_silent()
{
	rig_curl "$1" --connect-timeout 3 "$rig_url" >/dev/null 2>&1
	[ $? = 28 ]
}

rig_stop()
{
	local name ns

	for name in "${!rig_pid[@]}"; do
		rig_kill "$name"
	done
	for ns in $(ip netns list 2>/dev/null | sed -n 's/^\(vm[0-9]*\).*/\1/p'); do
		ip netns delete "$ns"
	done
	ip link delete azhost-imds 2>/dev/null
	rm -rf /sys/fs/bpf/azattest-rig
	rmdir "$rig_cgroup" 2>/dev/null
}
