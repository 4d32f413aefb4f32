#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattestctl as a client of the host's API, on a hostd that is a fake.

# Promises are called by their names out of a list.
# shellcheck disable=SC2086,SC2317 # UUIDs are one word

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/api/ctl-rig.sh
. "$top/selftests/api/ctl-rig.sh"
nobody=65534

# quietly COMMAND...: success, and not a word
quietly()
{
	"$@" >out 2>&1 && [ ! -s out ]
}

legacy_goes_on_and_off()
{
	fake_host Active && quietly ctl legacy on && ctl status | grep -q '^rest:  *degraded, ' &&
		quietly ctl legacy on && quietly ctl legacy off &&
		ctl status | grep -qF 'rest:        off (azattestctl legacy on)' &&
		[ "$(ctl legacy on --json | tr -d ' \n')" = '{"enabled":true}' ]
}

a_vm_is_added_shown_listed_and_removed()
{
	fake_host && ctl legacy on || return 1
	[ "$(ctl vm add --uuid "${vm^^}" --tap tap0)" = "$vm: active" ] &&
		[ "$(ctl vm add --uuid $vm --tap tap0)" = "$vm: active" ] &&
		ctl vm add --uuid $vm2 --tap tap1 --pid 4711 --name 'wéb 1' --profile silver &&
		ctl vm list >out && cat out && [ "$(wc -l <out)" = 3 ] &&
		grep -qE '^UUID +NAME +TAP +STATE +BINDING +CID +PID +LAST +SLOT +IN +OUT +DROPPED$' out &&
		grep -qE "^$vm2  wéb 1 +tap1 +active +hostd +0 +4711 +rest +1 +10 +9 +3$" out &&
		ctl vm show $vm2 >out && cat out && grep -qE '^name +wéb 1$' out &&
		grep -qE '^  rate +3$' out && grep -qE '^pid +4711$' out &&
		quietly ctl vm remove $vm2 && [ "$(ctl vm list | wc -l)" = 2 ] &&
		says 4 "vm remove $vm2: VM $vm2 is not enrolled: azattestctl vm list" ctl vm remove $vm2 &&
		says 4 "vm show $vm2: VM $vm2 is not enrolled" ctl vm show $vm2
}

a_running_vm_is_bound()
{
	fake_host || return 1
	[ "$(ctl vm bind --uuid "${vm^^}" --pid 4711 --cid 42)" = "$vm: bound: CID 42, process 4711" ] &&
		ctl vm bind --uuid $vm2 --pid 4712 --name 'wéb 1' --profile silver --json >out && cat out &&
		grep -qF '"name": "wéb 1"' out && grep -qF '"profile": "silver"' out &&
		says 2 'vm bind: needs --uuid and --pid' ctl vm bind --uuid $vm &&
		says 2 'vm bind: needs --uuid and --pid' ctl vm bind --pid 4711 &&
		says 2 'vm bind: --cid "x" is no number' ctl vm bind --uuid $vm --pid 4711 --cid x &&
		says 2 'vm bind: "x" is no UUID' ctl vm bind --uuid x --pid 4711 &&
		says 4 "vm bind $vm: pid: no VMM can have it" ctl vm bind --uuid $vm --pid 1
}

json_is_what_the_api_says()
{
	fake_host && ctl legacy on && ctl vm add --uuid $vm --tap tap0 --json >added &&
		ctl vm show $vm --json >shown && ctl vm list --json >listed && cat listed &&
		cmp added shown && grep -qF "\"uuid\": \"$vm\"" added &&
		[ "$(tr -d ' \n' <listed)" = "[$(tr -d ' \n' <shown)]" ]
}

refusals_are_one_line_and_exit_code_4()
{
	fake_host && says 4 "vm add $vm: REST access is off: azattestctl legacy on" \
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
	fake_host && ctl legacy on &&
		ctl vm add --uuid $vm --tap tap0 --name $'a\e[2Jb\nc' &&
		ctl vm list >out && [ "$(wc -l <out)" = 2 ] && grep -qF 'a?[2Jb?c' out &&
		ctl vm show $vm >out && grep -qF 'a?[2Jb?c' out
}

wrong_usage_is_2()
{
	fake_host && says 2 'takes on or off, not "maybe"' ctl legacy maybe &&
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
	fake_host || return 1
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
	fake_host Active && ctl legacy on && ctl status >out && cat out && grep -q '^host:  *Active ' out &&
		grep -qF 'rest:        degraded, 169.254.169.253 port 80 on azhost-imds, 1 of 8191 slots, repairs: 2' out &&
		grep -qF 'problem:     bridge azhost-imds is down' out &&
		grep -qF 'restd:       process 712' out &&
		grep -qF 'VMs:         1 active, 2 waiting, 0 draining' out &&
		grep -qF 'drops:       unmarked 12' out && ctl status --json >out &&
		grep -q '"ok": true' out && grep -q '^  "hostd": {$' out && grep -q '"repairs": 2' out
}

status_names_a_vm_that_waits_for_its_identity()
{
	fake_host Active && ctl status >out && ! grep -qE '^(bindings|waiting):' out &&
		ctl vm bind --uuid $vm --pid 4711 --name web1 && ctl status >out && cat out &&
		grep -qx 'bindings:    1 bound by azattest-hostd, 0 waiting' out && ! grep -q '^waiting:' out &&
		fake_host Active && ctl vm bind --uuid $vm --pid 4711 --name waits && ctl status >out && cat out &&
		grep -qx 'bindings:    0 bound by azattest-hostd, 1 waiting' out &&
		grep -qx 'waiting:     waits: azattest-take: ?does not answer' out
}

status_goes_on_without_hostd()
{
	fake_host Active && rm api.sock && ctl status >out 2>err && cat out && [ ! -s err ] &&
		grep -q '^host:  *Active ' out && [ "$(grep -c '^rest:' out)" = 1 ] &&
		grep -q '^rest:  *no answer: No such file.*is azattest-hostd running?' out &&
		ctl status --json >out && grep -q '^  "hostd": null,$' out && grep -q '^  "bindings": null,$' out
}

status_keeps_its_exit_codes()
{
	local code=0
	fake_host Expired && ctl legacy on || return 1
	ctl status || code=$?
	[ "$code" = 5 ] && rm api.sock || return 1
	code=0
	ctl status --json || code=$?
	[ "$code" = 5 ] && fake_host && says 3 "is azattestd running?" ctl status
}

a_proxy_in_the_environment_is_not_asked()
{
	fake_host && http_proxy=http://127.0.0.1:9 ctl vm list && ALL_PROXY=socks5h://127.0.0.1:9 ctl vm list
}

promises="legacy_goes_on_and_off a_vm_is_added_shown_listed_and_removed
	a_running_vm_is_bound json_is_what_the_api_says
	refusals_are_one_line_and_exit_code_4 foreign_text_is_printed_plainly wrong_usage_is_2
	who_may_not_change_is_told_who_may without_hostd_the_unit_is_named status_shows_both_daemons
	status_names_a_vm_that_waits_for_its_identity status_goes_on_without_hostd status_keeps_its_exit_codes
	a_proxy_in_the_environment_is_not_asked"

ktap_why_not()
{
	[ "$1" != who_may_not_change_is_told_who_may ] || [ "$(id -u)" = 0 ] ||
		echo "needs root, to ask as another"
}

ktap_try $promises
