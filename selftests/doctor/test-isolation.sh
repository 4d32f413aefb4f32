#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattestctl selftest isolation, in a network namespace with a bridge that nobody guards.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
bin=${AZ_BIN:-$top/build/bin}
patience=$((60 * ${AZ_TIMEOUT_SCALE:-1}))

[ "$(id -u)" = 0 ] || ktap_skip_all "needs root, for network namespaces"
# By number: a process's own namespace, in which this runs a second time.
[ "${1:-}" = inside ] || exec unshare --net "$0" inside
modprobe -a bridge veth 2>/dev/null
# With a MAC of its own, as azattest-hostd has it: others take a port's.
ip link add azhost-imds address 02:00:00:00:00:01 type bridge 2>/dev/null || ktap_skip_all "this kernel has no bridge"

work=$(mktemp -d)
pid=
door=
cleanup()
{
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	[ -z "$door" ] || kill "$door" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1

ctl()
{
	"$bin/azattestctl" --socket "$work/azattestd.sock" --api "$work/api.sock" "$@"
}

isolation()
{
	code=0
	ip neighbour flush dev azhost-imds	# each cable has a MAC of its own
	ctl selftest isolation "$@" >out 2>err || code=$?
	cat out err
}

# A host that says its door is open; then the door, with nobody at it or with somebody.
start()
{
	"$top/build/selftests/fake-hostd" "$work" "$(id -g)" Active >fake.log 2>&1 &
	pid=$!
	ktap_wait_for "$patience" ctl vm list >/dev/null 2>&1 &&
		ktap_wait_for "$patience" [ -S azattestd.sock ] &&
		ip link set lo up && ip link set azhost-imds up
}

verdict()
{
	sed -n "s/^\([A-Z]*\)  $1 .*/\1/p" out
}

no_trace()
{
	[ "$(ip -o link | grep -c azself)" = 0 ]
}

with_rest_off_the_door_is_not_tried()
{
	start && isolation && [ "$code" = 0 ] && [ "$(verdict host-process)" = SKIP ] &&
		[ "$(verdict foreign-port)" = SKIP ] && [ "$(verdict status)" = PASS ]
}

where_nobody_answers_all_passes()
{
	ctl legacy on && ip address add 169.254.169.253/32 dev azhost-imds || return 1
	ip route add 198.18.0.0/19 dev azhost-imds
	ip route add 169.254.200.200 dev azhost-imds
	guard && isolation && [ "$code" = 0 ] && [ "$(verdict host-process)" = PASS ] &&
		[ "$(verdict foreign-port)" = PASS ] && [ "$(verdict stolen-slot)" = PASS ] && no_trace
}

# What the fence does, by what every kernel here has: nothing gets in from the bridge.
guard()
{
	nft "add table ip guard; add chain ip guard input { type filter hook input priority 0; };
		add rule ip guard input iifname azhost-imds drop"
}

a_refusal_is_more_than_a_stranger_may_hear()
{
	nft delete table ip guard
	isolation
	[ "$code" = 8 ] && [ "$(verdict host-process)" = PASS ] &&
		[ "$(verdict foreign-port)" = FAIL ] && [ "$(verdict stolen-slot)" = FAIL ]
}

an_open_door_is_seen_by_everybody()
{
	perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);
		bind(S, sockaddr_in(80, INADDR_ANY)) && listen(S, 8) or die; open(F, ">", "open"); close(F);
		while (accept(C, S)) { syswrite(C, "HTTP/1.1 200 OK\r\n\r\n"); sysread(C, $x, 999); close(C) }' &
	door=$!
	ktap_wait_for "$patience" [ -e open ] && isolation && [ "$code" = 8 ] &&
		grep -q '^FAIL  host-process .* bytes came back$' out &&
		grep -q '^FAIL  foreign-port .* bytes came back$' out &&
		grep -q '^FAIL  stolen-slot .* bytes came back$' out && no_trace
}

# Not a byte, but a connection.
a_door_that_is_silent_is_seen_too()
{
	kill "$door"
	wait "$door" 2>/dev/null
	perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);
		bind(S, sockaddr_in(80, INADDR_ANY)) && listen(S, 8) or die; open(F, ">", "silent"); sleep' &
	door=$!
	ktap_wait_for "$patience" [ -e silent ] && isolation && [ "$code" = 8 ] &&
		[ "$(grep -c '^FAIL .* a connection was made$' out)" = 3 ]
}

# The bridge's own protocol keeps the port shut: that nothing comes back proves nothing.
a_port_that_passes_nothing_is_not_tried()
{
	ip link set azhost-imds type bridge stp_state 1 && isolation && ip link set azhost-imds type bridge \
		stp_state 0 && [ "$(verdict foreign-port)" = SKIP ] && [ "$(verdict stolen-slot)" = SKIP ]
}

json_has_the_same()
{
	isolation --json
	sed -n 's/^    "attempt": "\(.*\)",$/\1/p' out >got
	isolation
	sed -nE 's/^(PASS|FAIL|SKIP)  ([^ ]+) .*/\2/p' out >want
	[ -s want ] && diff want got
}

json_fits_its_schema()
{
	isolation --json
	[ -s out ] && jsonschema -i out "$top/docs/schemas/isolation.json"
}

ktap_why_not()
{
	[ "$1" != json_fits_its_schema ] || command -v jsonschema >/dev/null || echo "no jsonschema: scripts/deps"
}

# Killed while its cable hangs on the bridge: with the process goes all of it.
killed_in_the_middle_it_leaves_nothing()
{
	kill "$door"
	wait "$door" 2>/dev/null
	door=
	guard || return 1
	"$bin/azattestctl" --socket "$work/azattestd.sock" --api "$work/api.sock" selftest isolation >out 2>&1 &
	local victim=$! stranger
	ktap_wait_for "$patience" eval '! no_trace' || return 1
	# Stopped, it would not end by itself.
	stranger=$(pgrep -P "$victim") && kill -STOP "$stranger" && kill -KILL "$victim" || return 1
	ktap_wait_for "$patience" no_trace && return
	kill -KILL "$stranger"
	return 1
}

who_is_not_root_is_told()
{
	local got=0
	chmod 0755 "$work"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/azattestctl" selftest isolation \
		>out 2>err || got=$?
	cat err
	[ "$got" = 4 ] && grep -q 'one must be root' err && [ ! -s out ]
}

promises="with_rest_off_the_door_is_not_tried where_nobody_answers_all_passes
	a_refusal_is_more_than_a_stranger_may_hear an_open_door_is_seen_by_everybody
	a_door_that_is_silent_is_seen_too a_port_that_passes_nothing_is_not_tried json_has_the_same json_fits_its_schema
	killed_in_the_middle_it_leaves_nothing who_is_not_root_is_told"

# shellcheck disable=SC2086 # one word each
ktap_try $promises
