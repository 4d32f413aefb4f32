#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattestctl on the real module: what it shows, what it changes, what it refuses.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
bin=${AZ_BIN:-$top/build/bin}
patience=$((60 * ${AZ_TIMEOUT_SCALE:-1}))
vm=5a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9
vm2=5b1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9
nobody=65534

[ "$(id -u)" = 0 ] || ktap_skip_all "needs root"
[ -c /dev/azattest ] || ktap_skip_all "no /dev/azattest: the module is not loaded"
[ -c /dev/vhost-vsock ] || ktap_skip_all "vhost_vsock is not loaded"
command -v jsonschema >/dev/null || ktap_note "no jsonschema: no JSON is held against its schema: scripts/deps"

work=$(mktemp -d)
modes=$(stat -c '%a %n' /dev/azattest /dev/vhost-vsock)
mine=()
cleanup()
{
	kill -KILL "${mine[@]}" 2>/dev/null
	while read -r mode node; do
		chmod "$mode" "$node"
	done <<<"$modes"
	rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1

ctl()
{
	"$bin/azattestctl" "$@"
}

# Words, no function: what runs in the background is then the program itself.
as_nobody=(setpriv --reuid "$nobody" --regid "$nobody" --clear-groups)

# says CODE WORDS COMMAND...: its exit code, and one line with these words
says()
{
	local code=$1 words=$2 got=0
	shift 2
	"$@" >out 2>err || got=$?
	cat err
	[ "$got" = "$code" ] && [ "$(wc -l <err)" = 1 ] && grep -qF -- "$words" err && [ ! -s out ]
}

# fits SCHEMA FILE: where there is something that can tell
fits()
{
	! command -v jsonschema >/dev/null || jsonschema -i "$2" "$top/docs/schemas/$1.json"
}

bound()
{
	ctl bindings | grep -q "^$1 "
}

unbound()
{
	! bound "$1"
}

# A VMM that does nothing, by way of COMMAND...; bound when this returns.
start_vmm()
{
	local uuid=$1 cid=$2
	shift 2
	"$@" --uuid "$uuid" --cid "$cid" -- sleep 1000 >/dev/null 2>vmm.err &
	pid=$!
	mine+=("$pid")
	ktap_wait_for "$patience" bound "$uuid" || { cat vmm.err; return 1; }
}

stop_vmm()
{
	kill "$pid"
	wait "$pid"
	ktap_wait_for "$patience" unbound "$1"
}

limit_value()
{
	ctl module | sed -n "s/^  $1  *\([0-9]*\) (.*/\1/p"
}

module_tells_numbers_and_limits()
{
	ctl module >out && cat out &&
		grep -q '^module:  *version [0-9]' out &&
		grep -q '^listener:  *vsock port [0-9]' out &&
		grep -qE '^host: +(no-signer|ready|expired)$' out &&
		grep -qE '^requests: +[0-9]+ queued, [0-9]+ in flight$' out &&
		grep -qE '^  queue +[0-9]+ \(1 to 65536\)$' out
}

counters_at_zero_are_told_if_asked_for()
{
	ctl module --all >out && ctl module | sed -n '/^counters/,/^limits/p' >few &&
		grep -qE '^  poisoned +0$' out && ! grep -qE ' 0$' few
}

each_counter_of_the_module_is_told()
{
	ctl module --all | sed -n '/^counters/,/^limits/p' | grep -oE '^  [a-z_]+' | tr -d ' ' |
		sort >got
	sed -n 's/^\tX(\([a-z_]*\), .*/\1/p' "$top/kmod/counters.h" | sort >want
	[ -s want ] && diff want got
}

module_json_has_the_same()
{
	ctl module --json >out && cat out && fits module out &&
		grep -qE '^  "listener": [0-9]+,$' out && grep -q '^    "poisoned": 0' out &&
		tr -d ' \n' <out | grep -qE '"queue":\{"value":[0-9]+,"min":1,"max":65536\}'
}

metrics_have_each_counter_of_the_module()
{
	ctl metrics >out 2>err && cat out && grep -qx 'azattest_module_up 1' out &&
		grep -qE '^azattest_module_bindings [0-9]+$' out || return 1
	sed -n 's/^azattest_module_\([a-z_]*\)_total [0-9]*$/\1/p' out | sort >got
	sed -n 's/^\tX(\([a-z_]*\), .*/\1/p' "$top/kmod/counters.h" | sort >want
	[ -s want ] && diff want got
}

a_binding_is_in_the_table_and_in_json()
{
	start_vmm "$vm" 4711 "$bin/azattest-run" --name 'wéb 1' --profile silver || return 1
	ctl bindings >out && cat out && ctl bindings --json >json && cat json &&
		grep -q '^UUID  *NAME .* REFUSED  *LAST$' out &&
		grep -qE "^$vm  wéb 1 +4711 +[0-9]+ +$pid +silver +0 +0 +0 +0 +-$" out && fits bindings json &&
		grep -qF "\"uuid\": \"$vm\"" json && grep -qF '"name": "wéb 1"' json &&
		grep -qF "\"pid\": $pid" json && grep -qF '"cid": 4711' json &&
		[ "$(ctl module | sed -n 's/^bindings: *//p')" -ge 1 ]
}

unbind_ends_a_binding()
{
	ctl unbind "$vm" && unbound "$vm" &&
		says 4 "unbind $vm: no live binding has this UUID: azattestctl bindings" \
			ctl unbind "$vm"
	local got=$?
	kill "$pid"
	return "$got"
}

a_grant_lets_that_user_bind_once()
{
	local run=("${as_nobody[@]}" "$bin/azattest-run")
	chmod 0666 /dev/azattest /dev/vhost-vsock
	says 125 "a grant" "${run[@]}" --uuid "$vm" --cid 4712 -- true &&
		ctl grant --uuid "$vm" --uid nobody --name web2 --cid 4712 &&
		ctl grants >out && cat out && ctl grants --json >json && cat json &&
		grep -qE "^$vm +$nobody +web2 +- +4712$" out && fits grants json &&
		grep -qF "\"uid\": $nobody" json && grep -qF '"cid": 4712' json &&
		start_vmm "$vm" 4712 "${run[@]}" &&
		ctl bindings | grep -qE "^$vm +web2 +4712 " &&
		[ "$(ctl grants --json)" = '[]' ] && stop_vmm "$vm" &&
		says 125 "a grant" "${run[@]}" --uuid "$vm" --cid 4712 -- true
}

a_second_grant_of_a_uuid_is_refused()
{
	ctl grant --uuid "$vm2" --uid 1 &&
		says 4 "grant $vm2: there is an unused grant for this UUID: take it back first" \
			ctl grant --uuid "$vm2" --uid 2 &&
		says 4 "NAME is not printable" ctl grant --uuid "$vm" --uid 1 --name $'a\nb'
}

revoke_takes_a_grant_back()
{
	ctl revoke "$vm2" && [ "$(ctl grants | wc -l)" = 1 ] &&
		says 4 "revoke $vm2: there is no unused grant for this UUID: azattestctl grants" \
			ctl revoke "$vm2"
}

limit_sets_within_its_range()
{
	local before
	before=$(limit_value grants)
	ctl limit grants 77 && [ "$(limit_value grants)" = 77 ] && ctl limit grants "$before" &&
		[ "$(limit_value grants)" = "$before" ] &&
		says 4 "limit grants: the value is outside the limit's MIN..MAX" \
			ctl limit grants 4000000000 &&
		says 4 "limit bogus: there is no limit of this name: azattestctl module" \
			ctl limit bogus 1
}

# with_taps COMMAND...: on a fake hostd; VM web1 has the taps tap7 and tap8 open, tap8 in a bridge
with_taps()
{
	local got
	modprobe -a tun bridge || return 1
	"$top/build/selftests/fake-hostd" "$work" 0 >fake.log 2>&1 &
	mine+=("$!")
	local hostd=$!
	ktap_wait_for "$patience" ctl --api "$work/api.sock" vm list >/dev/null 2>&1 || return 1
	"$bin/azattest-run" --uuid "$vm" --cid 4714 --name web1 -- \
		"$top/build/selftests/hold-tap" tap7 tap8 -- sleep 1000 2>vmm.err &
	pid=$!
	mine+=("$pid")
	ktap_wait_for "$patience" bound "$vm" && ktap_wait_for "$patience" ip link show tap8 >/dev/null 2>&1 &&
		ip link add br8 type bridge && ip link set tap8 master br8 &&
		ctl --api "$work/api.sock" legacy on && "$@"
	got=$?
	ip link delete br8
	kill "$hostd"
	wait "$hostd" 2>/dev/null
	rm -f api.sock
	stop_vmm "$vm"
	return "$got"
}

rest_ctl()
{
	ctl --api "$work/api.sock" --socket "$work/none" "$@"
}

one_free_tap()
{
	rest_ctl vm add web1 --dry-run >out && cat out &&
		[ "$(cat out)" = "$vm: would be enrolled with tap7" ] &&
		[ "$(rest_ctl vm add web1)" = "$vm: active" ] &&
		[ "$(rest_ctl vm add "$vm")" = "$vm: active" ] &&
		rest_ctl vm show "$vm" | grep -qE '^tap +tap7$' &&
		says 4 'vm add web2: no VM of this name or UUID runs here' rest_ctl vm add web2
}

none_or_several()
{
	ip link set tap8 nomaster &&
		says 4 "vm add $vm: process $pid has several taps that" rest_ctl vm add web1 &&
		says 4 "legacy on $vm: process $pid has several" rest_ctl legacy on --add-vms &&
		ip address add 192.0.2.1/32 dev tap7 && ip link set tap8 master br8 &&
		says 4 "vm add $vm: process $pid has no tap that" rest_ctl vm add "$vm" &&
		[ "$(rest_ctl vm add --all)" = "$vm: left alone: it has no network card for this" ] &&
		ip address flush dev tap7 && [ "$(rest_ctl vm add --all)" = "$vm: active" ]
}

vm_add_finds_the_tap_that_the_vmm_holds()
{
	with_taps one_free_tap
}

vm_add_takes_no_tap_of_another_network()
{
	with_taps none_or_several
}

nobody_sees_the_module_only()
{
	local command
	"${as_nobody[@]}" "$bin/azattestctl" module | grep -q ^limits: || return 1
	for command in bindings grants "unbind $vm" "revoke $vm" "limit grants 5" \
		"grant --uuid $vm --uid $nobody"; do
		# shellcheck disable=SC2086 # words
		says 4 "run it as root (CAP_NET_ADMIN" \
			"${as_nobody[@]}" "$bin/azattestctl" $command || return 1
	done
}

where_the_module_is_not_modprobe_is_the_advice()
{
	says 3 "module azattest is not loaded: modprobe azattest" \
		unshare --net "$bin/azattestctl" module
}

wrong_usage_is_2()
{
	says 2 "takes one UUID" ctl unbind && says 2 "is no UUID" ctl revoke 17 &&
		says 2 "needs --uuid and --uid" ctl grant --uuid "$vm" &&
		says 2 "no such user" ctl grant --uuid "$vm" --uid no-such-user &&
		says 2 "no VM can have it" ctl grant --uuid "$vm" --uid 1 --cid 2 &&
		says 2 "is no number" ctl limit grants 4294967296 &&
		says 2 "takes NAME and VALUE" ctl limit grants &&
		says 2 'takes no "x"' ctl bindings --json x
}

promises="module_tells_numbers_and_limits counters_at_zero_are_told_if_asked_for
	each_counter_of_the_module_is_told
	metrics_have_each_counter_of_the_module module_json_has_the_same
	a_binding_is_in_the_table_and_in_json unbind_ends_a_binding
	a_grant_lets_that_user_bind_once a_second_grant_of_a_uuid_is_refused
	revoke_takes_a_grant_back limit_sets_within_its_range vm_add_finds_the_tap_that_the_vmm_holds
	vm_add_takes_no_tap_of_another_network nobody_sees_the_module_only
	where_the_module_is_not_modprobe_is_the_advice wrong_usage_is_2"

# shellcheck disable=SC2086 # one word each
ktap_try $promises
