#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tests azattest-run on a host with the module: identities that come and go
# with a VMM, and a fake VMM that gets a real document over PATH_253.

set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
run=$top/build/bin/azattest-run
azattest=$top/build/bin/azattest
vm=0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9
vm2=1a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9

[ "$(id -u)" = 0 ] || ktap_skip_all "needs root"
[ -c /dev/azattest ] || ktap_skip_all "the module is not loaded"
[ -c /dev/vhost-vsock ] || ktap_skip_all "vhost_vsock is not loaded"

work=$(mktemp -d)
mine=()
trap 'kill "${mine[@]}" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
chmod 755 .

# As ktap_check, but in this shell: what is started stays its child.
check()
{
	local name=$1
	shift
	if "$@" >said 2>&1; then
		ktap_ok "$name"
	else
		ktap_note "failed: $*"
		ktap_note "$(cat said)"
		ktap_not_ok "$name"
	fi
}

# says CODE WORDS COMMAND...: its exit code, and one line with these words
says()
{
	local code=$1 words=$2 got=0
	shift 2
	"$@" >out 2>err || got=$?
	cat err
	[ $got = "$code" ] && [ "$(wc -l <err)" = 1 ] && grep -q "$words" err
}

# A VMM that does nothing but live until it is killed; its pid in $pid.
start_vmm()
{
	rm -f ready
	# shellcheck disable=SC2016 # for the inner shell
	"$run" "$@" -- sh -c ': "{vhostfd}"; echo $$ >ready; exec sleep 1000' \
		>/dev/null 2>vmm.err &
	pid=$!
	mine+=("$pid")
	ktap_wait_for 60 test -s ready
}

stop_vmm()
{
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
}

descriptors_inherited()
{
	readlink "/proc/$pid/fd/"* >fds
	grep -qx /dev/azattest fds && grep -qx /dev/vhost-vsock fds
}

same_process()
{
	[ "$(cat ready)" = "$pid" ] && descriptors_inherited
}

# shellcheck disable=SC2016 # for the inner shell
word_is_number()
{
	"$run" --uuid $vm --cid 78 -- sh -c '
		readlink "/proc/self/fd/$1"' sh '{vhostfd}' | grep -qx /dev/vhost-vsock
}

starts_again()
{
	stop_vmm
	start_vmm --uuid $vm --cid 77
}

as_nobody()
{
	# not by the file's mode, but by BIND's own check
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@" 3<>/dev/azattest
}

nobody_may_not_open()
{
	says 125 'cannot open /dev/azattest' as_nobody "$run" --uuid $vm2 \
		--cid 79 -- true
}

without_capability()
{
	says 125 'needs CAP_NET_ADMIN, or a grant' setpriv \
		--bounding-set=-net_admin --inh-caps=-net_admin \
		"$run" --uuid $vm2 --cid 79 -- true
}

exit_code_is_the_vmms()
{
	says 7 'no word of the command' "$run" --uuid $vm2 --cid 79 -- \
		sh -c 'exit 7' &&
		says 127 'cannot run /nowhere' "$run" --uuid $vm2 --cid 79 -- \
			/nowhere '{vhostfd}'
}

# ---- a VMM with a Unix socket ----

start_daemon()
{
	getent passwd azattest-signer >/dev/null || useradd --system azattest-signer
	mkdir -p run
	printf '[host]\nname = node1.attest.example.net\n' >conf
	"$top/build/bin/azattestd" --config conf --state "$work/state" \
		--run "$work/run" >daemon.log 2>&1 &
	mine+=($!)
	ktap_wait_for 120 ready_host || { sed 's/^/# /' daemon.log; return 1; }
}

ask()
{
	"$azattest" "$1" --connect unix:vm.sock_253 --wait 0 "${@:2}"
}

ready_host()
{
	ask hello 2>/dev/null | grep -q 'state ready'
}

start_door()
{
	"$run" --uuid $vm2 --uds vm.sock "$@" >/dev/null 2>door.err &
	door=$!
	mine+=("$door")
	ktap_wait_for 60 test -S vm.sock_253 ||
		{ sed 's/^/# /' door.err; return 1; }
}

document_over_socket()
{
	ask get --nonce some-nonce --json >doc 2>err && ask issuer >issuer.pem &&
		"$azattest" verify --trust "$root" --issuer issuer.pem \
			--nonce some-nonce --vm-id $vm2 \
			--name .attest.example.net doc
}

many_at_once()
{
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		ask get --nonce "n-$i" --wait 30 >"doc.$i" 2>/dev/null &
		pids+=($!)
	done
	for i in 1 2 3 4 5 6 7 8; do
		wait "${pids[i - 1]}" || return
		"$azattest" verify --trust "$root" --issuer issuer.pem \
			--nonce "n-$i" --vm-id $vm2 "doc.$i" || return
	done
}

# Neither capabilities nor free system calls are left where a VM is heard.
door_is_fenced()
{
	grep -E '^(Cap|NoNew|Seccomp:)' "/proc/$door/status"
	grep -q '^CapPrm:.*0000000000000000$' "/proc/$door/status" &&
		grep -q '^CapBnd:.*0000000000000000$' "/proc/$door/status" &&
		grep -q '^NoNewPrivs:.1$' "/proc/$door/status" &&
		grep -q '^Seccomp:.2$' "/proc/$door/status"
}

door_ends_clean()
{
	kill -TERM "$door"
	wait "$door" && [ ! -e vm.sock_253 ]
}

child_gets_identity_and_ends_door()
{
	"$run" --uuid $vm2 --uds vm.sock -- sh -c "
		until [ -S vm.sock_253 ]; do sleep 0.1; done
		$azattest hello --connect unix:vm.sock_253 --wait 0 >child.out
		exit 9" 2>err
	[ $? = 9 ] && grep -q 'state ' child.out && [ ! -e vm.sock_253 ]
}

binding_is_free_again()
{
	"$run" --uuid $vm2 --uds vm.sock -- true
}

ktap_timeout 600
ktap_plan 19

start_vmm --uuid $vm --cid 77 --name test-vm
check vmm_is_the_same_process_and_has_both_descriptors same_process
check live_uuid_is_refused_with_advice \
	says 125 'this UUID is bound already' "$run" --uuid $vm --cid 78 -- true
check live_cid_is_refused_with_advice \
	says 125 'another VM has this CID' "$run" --uuid $vm2 --cid 77 -- true
check killed_vmm_frees_uuid_and_cid_at_once starts_again
stop_vmm
check word_becomes_the_vhost_descriptor word_is_number
check nobody_may_not_open_the_device nobody_may_not_open
check without_capability_or_grant_refused without_capability
check bad_profile_is_refused_with_advice \
	says 125 'check UUID, CID, name and profile' \
	"$run" --uuid $vm2 --cid 79 --profile 'a b' -- true
check exit_code_is_the_vmms exit_code_is_the_vmms

check door_opens start_door
check socket_is_for_its_owner_alone \
	test "$(stat -c %a vm.sock_253)" = 600
check second_door_of_the_vm_refused \
	says 125 'this UUID is bound already' "$run" --uuid $vm2 --uds other.sock
check door_is_fenced door_is_fenced
if [ -x "$top/build/bin/azattestd" ] && start_daemon; then
	"$top/build/bin/azattestctl" --socket "$work/run/azattestd.sock" trust >root.pem
	root=$work/root.pem
	check document_over_socket_verifies document_over_socket
	check many_connections_get_their_own_documents many_at_once
else
	ktap_skip document_over_socket_verifies "no azattestd"
	ktap_skip many_connections_get_their_own_documents "no azattestd"
fi
check fenced_door_ends_clean door_ends_clean
check child_gets_identity_and_ends_door child_gets_identity_and_ends_door
check binding_is_free_again binding_is_free_again
kill -KILL "${mine[@]}" 2>/dev/null
wait 2>/dev/null
check nothing_is_left_bound "$run" --uuid $vm --cid 77 -- true '{vhostfd}'
ktap_end
