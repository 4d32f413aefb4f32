#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of the options that azattestctl's commands share, on a hostd that is a fake.

# Promises are called by their names out of a list.
# shellcheck disable=SC2086,SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/api/ctl-rig.sh
. "$top/selftests/api/ctl-rig.sh"

# start: both daemons are fakes, one VM is enrolled
start()
{
	fake_host Active && ctl legacy on && ctl vm add --uuid $vm --tap tap0 >/dev/null
}

no_headers_leaves_the_rows()
{
	start && ctl vm list | grep -q ^UUID && ctl vm list --no-headers >out && cat out &&
		[ "$(wc -l <out)" = 1 ] && grep -q "^$vm  -  *tap0  active  " out &&
		[ "$(ctl vm list --no-headers --json)" = "$(ctl vm list --json)" ]
}

# Without titles a column is as wide as what is in it.
no_headers_keeps_no_room_for_titles()
{
	start && ctl vm list --no-headers | grep -q "^$vm  -  tap0  active  vmm  0  0  rest  1  10  9  3$"
}

# The pipe's end ends it: it would print for ever.
watch_prints_again_and_again()
{
	start && [ "$(ctl vm list --no-headers --watch=0.1 | head -n 5 | grep -c "^$vm")" = 3 ] &&
		[ "$(ctl vm list --no-headers --watch=0.1 | head -n 2 | tail -n 1)" = '' ]
}

# The fakes are ended, and others begun, while it runs.
watch_goes_on_when_a_daemon_is_back()
{
	start || return 1
	"$top/build/bin/azattestctl" --socket "$work/azattestd.sock" --api "$work/api.sock" \
		status --watch=0.1 >watched 2>&1 &
	local watching=$! good=1
	ktap_wait_for "$patience" grep -q '^host: ' watched && kill "$pid" && rm -f azattestd.sock &&
		ktap_wait_for "$patience" grep -q 'is azattestd running' watched && : >watched &&
		start && ktap_wait_for "$patience" grep -q '^host: ' watched && good=0
	kill $watching && wait $watching 2>/dev/null
	return $good
}

watch_ends_when_it_cannot_print()
{
	local code=0
	start && ctl vm list --watch=0.1 >/dev/full 2>err || code=$?
	[ $code = 1 ] && grep -q 'standard output: No space left' err
}

wrong_watch_is_refused()
{
	start || return 1
	local seconds
	for seconds in '' x 0 0.01 -1 86401 1e9 nan 2s; do
		says 2 "vm list: --watch \"$seconds\": write seconds, 0.1 to 86400" \
			ctl vm list --watch=$seconds || return 1
	done
	says 2 'takes one UUID' ctl vm show --watch
}

what_a_command_has_not_is_no_option()
{
	start && says 2 "unrecognized option '--watch'" ctl trust --watch &&
		says 2 "unrecognized option '--no-headers'" ctl vm show $vm --no-headers &&
		says 2 "unrecognized option '--dry-run'" ctl vm list --dry-run &&
		says 2 'takes no "--watch"' ctl metrics --watch &&
		says 2 'takes no "--no-headers"' ctl vm list -- --no-headers
}

# Each that shows how things stand, as the manual's table of commands has it.
host_is_reserved()
{
	local command count=0
	start || return 1
	while read -r command; do
		says 2 "$command: --host: this release asks its own host alone: ssh HOST azattestctl $command" \
			ctl $command --host node2 && says 2 "$command: --host:" ctl $command --host=node2 || return 1
		count=$((count + 1))
	done < <(ctl help | grep -F -- '[--host NAME]' | LC_ALL=C sed 's/^  //; s/ [^a-z].*//; s/ UUID.*//')
	[ $count -ge 5 ]
}

# on_terminal ENVIRONMENT...: the table, as a terminal gets it
on_terminal()
{
	env -u NO_COLOR TERM=xterm "$@" script -qec "$top/build/bin/azattestctl --api $work/api.sock vm list" \
		/dev/null </dev/null | tr -d '\r'
}

green=$'\e[32mactive\e[0m'

colour_only_on_a_terminal()
{
	start && on_terminal >out && cat -v out && grep -qF "$green" out && ! ctl vm list | grep -q $'\e'
}

no_color_is_honoured()
{
	start && ! on_terminal NO_COLOR=1 | grep -q $'\e' && ! on_terminal TERM=dumb | grep -q $'\e' &&
		! on_terminal -u TERM | grep -q $'\e' && on_terminal NO_COLOR= | grep -qF "$green"
}

verdicts_have_colours_too()
{
	start && env -u NO_COLOR TERM=xterm script -qec "'$top/build/bin/azattestctl' --socket '$work/none' --api '$work/api.sock' doctor" /dev/null \
		</dev/null >out
	cat -v out
	grep -qF $'\e[31mFAIL\e[0m  ' out && ! ctl doctor | grep -q $'\e'
}

# Colours take no room.
columns_stand_with_colours()
{
	start && on_terminal >out && [ "$(sed 's/\x1b\[[0-9]*m//g' out)" = "$(ctl vm list)" ]
}

each_shared_option_is_in_the_manual()
{
	local option
	for option in --json --no-headers --watch --dry-run --host; do
		sed -n '/^# OPTIONS/,/^# EXIT/p' "$top/userspace/man/azattestctl.1.scd" |
			grep -q "^\*$option\*" || return 1
	done
}

promises="no_headers_leaves_the_rows no_headers_keeps_no_room_for_titles watch_prints_again_and_again
	watch_goes_on_when_a_daemon_is_back watch_ends_when_it_cannot_print wrong_watch_is_refused
	what_a_command_has_not_is_no_option host_is_reserved colour_only_on_a_terminal verdicts_have_colours_too
	no_color_is_honoured columns_stand_with_colours each_shared_option_is_in_the_manual"

ktap_try $promises
