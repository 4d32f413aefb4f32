#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattestctl as a client of the host's API, on a hostd that is a fake.

# Promises are called by their names out of a list.
# shellcheck disable=SC2086,SC2317 # UUIDs are one word

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
patience=$((60 * ${AZ_TIMEOUT_SCALE:-1}))
vm=c0ffee42-0000-4000-8000-00000000002a
vm2=c0ffee42-0000-4000-8000-00000000002b
nobody=65534

work=$(mktemp -d)
chmod 0755 "$work"
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1

ctl()
{
	"$top/build/bin/azattestctl" --socket "$work/azattestd.sock" --api "$work/api.sock" "$@"
}

# start [STATE]: a fake hostd, new; with STATE an azattestd too
start()
{
	[ -z "$pid" ] || { kill "$pid"; wait "$pid"; } 2>/dev/null
	rm -f api.sock azattestd.sock
	"$top/build/selftests/fake-hostd" "$work" "$(id -g)" "$@" >fake.log 2>&1 &
	pid=$!
	ktap_wait_for "$patience" ctl vm list >/dev/null 2>&1 || return 1
	[ $# = 0 ] || ktap_wait_for "$patience" [ -S azattestd.sock ]
}

# says CODE WORDS COMMAND...: its exit code, and one line with these words
says()
{
	local code=$1 words=$2 got=0
	shift 2
	"$@" >out 2>err || got=$?
	cat err
	[ "$got" = "$code" ] && [ "$(wc -l <err)" = 1 ] && grep -qF -- "$words" err && [ ! -s out ]
}

# quietly COMMAND...: success, and not a word
quietly()
{
	"$@" >out 2>&1 && [ ! -s out ]
}

legacy_goes_on_and_off()
{
	start Active && quietly ctl legacy on && ctl status | grep -q '^rest:  *degraded, ' &&
		quietly ctl legacy on && quietly ctl legacy off &&
		ctl status | grep -qF 'rest:        off (azattestctl legacy on)' &&
		[ "$(ctl legacy on --json | tr -d ' \n')" = '{"enabled":true}' ]
}

a_vm_is_added_shown_listed_and_removed()
{
	start && ctl legacy on || return 1
	[ "$(ctl vm add --uuid "${vm^^}" --tap tap0)" = "$vm: active" ] &&
		[ "$(ctl vm add --uuid $vm --tap tap0)" = "$vm: active" ] &&
		ctl vm add --uuid $vm2 --tap tap1 --pid 4711 --name 'wéb 1' --profile silver &&
		ctl vm list >out && cat out && [ "$(wc -l <out)" = 3 ] &&
		grep -qE '^UUID +NAME +TAP +STATE +BINDING +CID +PID +SLOT +IN +OUT +DROPPED$' out &&
		grep -qE "^$vm2  wéb 1 +tap1 +active +hostd +0 +4711 +1 +10 +9 +3$" out &&
		ctl vm show $vm2 >out && cat out && grep -qE '^name +wéb 1$' out &&
		grep -qE '^  rate +3$' out && grep -qE '^pid +4711$' out &&
		quietly ctl vm remove $vm2 && [ "$(ctl vm list | wc -l)" = 2 ] &&
		says 4 "vm remove $vm2: VM $vm2 is not enrolled: azattestctl vm list" ctl vm remove $vm2 &&
		says 4 "vm show $vm2: VM $vm2 is not enrolled" ctl vm show $vm2
}

a_running_vm_is_bound()
{
	start || return 1
	[ "$(ctl vm bind --uuid "${vm^^}" --pid 4711 --cid 42)" = "$vm: bound: CID 42, process 4711" ] &&
		ctl vm bind --uuid $vm --pid 4711 --name 'wéb 1' --profile silver --json >out && cat out &&
		grep -qF '"name": "wéb 1"' out && grep -qF '"profile": "silver"' out &&
		says 2 'vm bind: needs --uuid and --pid' ctl vm bind --uuid $vm &&
		says 2 'vm bind: needs --uuid and --pid' ctl vm bind --pid 4711 &&
		says 2 'vm bind: --cid "x" is no number' ctl vm bind --uuid $vm --pid 4711 --cid x &&
		says 2 'vm bind: "x" is no UUID' ctl vm bind --uuid x --pid 4711 &&
		says 4 "vm bind $vm: pid: no VMM can have it" ctl vm bind --uuid $vm --pid 1
}

json_is_what_the_api_says()
{
	start && ctl legacy on && ctl vm add --uuid $vm --tap tap0 --json >added &&
		ctl vm show $vm --json >shown && ctl vm list --json >listed && cat listed &&
		cmp added shown && grep -qF "\"uuid\": \"$vm\"" added &&
		[ "$(tr -d ' \n' <listed)" = "[$(tr -d ' \n' <shown)]" ]
}

refusals_are_one_line_and_exit_code_4()
{
	start && says 4 "vm add $vm: REST access is off: azattestctl legacy on" \
		ctl vm add --uuid $vm --tap tap0 && ctl legacy on &&
		says 4 "vm add $vm: tap-busy: refused" ctl vm add --uuid $vm --tap tap-busy &&
		says 4 "vm add $vm: tap-eio: refused" ctl vm add --uuid $vm --tap tap-eio &&
		says 4 "vm add $vm: pid: no process can have it" \
			ctl vm add --uuid $vm --tap tap0 --pid 4294967295 &&
		says 4 "vm add $vm: tap: an interface's name" \
			ctl vm add --uuid $vm --tap 1234567890123456
}

# What somebody else wrote moves no terminal's cursor.
foreign_text_is_printed_plainly()
{
	start && ctl legacy on &&
		ctl vm add --uuid $vm --tap tap0 --name $'a\e[2Jb\nc' &&
		ctl vm list >out && [ "$(wc -l <out)" = 2 ] && grep -qF 'a?[2Jb?c' out &&
		ctl vm show $vm >out && grep -qF 'a?[2Jb?c' out
}

wrong_usage_is_2()
{
	start && says 2 'takes on or off, not "maybe"' ctl legacy maybe &&
		says 2 'takes on or off: see' ctl legacy && says 2 'takes on or off: see' ctl legacy on off &&
		says 2 'takes --uuid and --tap, or names' ctl vm add --uuid $vm &&
		says 2 'takes --uuid and --tap, or names' ctl vm add --tap tap0 &&
		says 2 'is no UUID' ctl vm add --uuid 17 --tap tap0 &&
		says 2 'is no number' ctl vm add --uuid $vm --tap tap0 --pid x &&
		says 2 'is no UTF-8' ctl vm add --uuid $vm --tap $'\xff' &&
		says 2 'takes --uuid and --tap, or' ctl vm add --uuid $vm --tap tap0 x &&
		says 2 'takes VMs, or --all' ctl vm remove && says 2 'takes one UUID or name' ctl vm show &&
		says 4 'vm show ../status: no enrolled VM' ctl vm show ../status &&
		says 2 'takes no "x"' ctl vm list x && says 2 'no command "vm"' ctl vm &&
		says 2 'no command "vm ad"' ctl vm ad && says 2 'unrecognized option' ctl vm list --x
}

who_may_not_change_is_told_who_may()
{
	start || return 1
	local as=(setpriv --reuid "$nobody" --regid "$nobody" --clear-groups "$top/build/bin/azattestctl"
		--api "$work/api.sock")
	says 4 "only root and members of group azattest-admin may" "${as[@]}" legacy on &&
		says 4 "only root and" "${as[@]}" vm add --uuid $vm --tap tap0 &&
		says 4 "only root and" "${as[@]}" vm remove $vm && "${as[@]}" vm list
}

without_hostd_the_unit_is_named()
{
	local nothing=("$top/build/bin/azattestctl" --api "$work/nothing.sock")
	says 3 "No such file or directory: is azattest-hostd running? (systemctl status azattest-hostd)" \
		"${nothing[@]}" legacy on && says 3 "is azattest-hostd running?" "${nothing[@]}" vm list &&
		says 3 "is azattest-hostd running?" "${nothing[@]}" vm add --uuid $vm --tap tap0
}

status_shows_both_daemons()
{
	start Active && ctl legacy on && ctl status >out && cat out && grep -q '^host:  *Active ' out &&
		grep -qF 'rest:        degraded, 169.254.169.253 port 80 on azhost-imds, 1 of 8191 slots' out &&
		grep -qF 'problem:     bridge azhost-imds is down' out &&
		grep -qF 'restd:       process 712' out &&
		grep -qF 'VMs:         1 active, 2 waiting, 0 draining' out &&
		grep -qF 'drops:       unmarked 12' out && ctl status --json >out &&
		grep -q '"ok": true' out && grep -q '^  "hostd": {$' out && grep -q '"repairs": 2' out
}

status_goes_on_without_hostd()
{
	start Active && rm api.sock && ctl status >out 2>err && cat out && [ ! -s err ] &&
		grep -q '^host:  *Active ' out && [ "$(grep -c '^rest:' out)" = 1 ] &&
		grep -q '^rest:  *no answer: No such file.*is azattest-hostd running?' out &&
		ctl status --json >out && grep -q '^  "hostd": null,$' out
}

status_keeps_its_exit_codes()
{
	local code=0
	start Expired && ctl legacy on || return 1
	ctl status || code=$?
	[ "$code" = 5 ] && rm api.sock || return 1
	code=0
	ctl status --json || code=$?
	[ "$code" = 5 ] && start && says 3 "is azattestd running?" ctl status
}

a_proxy_in_the_environment_is_not_asked()
{
	start && http_proxy=http://127.0.0.1:9 ctl vm list && ALL_PROXY=socks5h://127.0.0.1:9 ctl vm list
}

promises="legacy_goes_on_and_off a_vm_is_added_shown_listed_and_removed
	a_running_vm_is_bound json_is_what_the_api_says
	refusals_are_one_line_and_exit_code_4 foreign_text_is_printed_plainly wrong_usage_is_2
	who_may_not_change_is_told_who_may without_hostd_the_unit_is_named status_shows_both_daemons
	status_goes_on_without_hostd status_keeps_its_exit_codes
	a_proxy_in_the_environment_is_not_asked"

set -- $promises
ktap_plan $#
for promise in "$@"; do
	if [ "$promise" = who_may_not_change_is_told_who_may ] && [ "$(id -u)" != 0 ]; then
		ktap_skip "$promise" "needs root, to ask as another"
	elif $promise >output 2>&1; then
		ktap_ok "$promise"
	else
		ktap_note "$(cat output)"
		ktap_not_ok "$promise"
	fi
done
ktap_end
