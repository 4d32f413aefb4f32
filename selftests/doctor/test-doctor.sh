#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattestctl doctor as a command, on this host with daemons that are fakes or not there.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
bin=${AZ_BIN:-$top/build/bin}
patience=$((60 * ${AZ_TIMEOUT_SCALE:-1}))
nobody=65534

work=$(mktemp -d)
chmod 0755 "$work"
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1

ctl()
{
	"$bin/azattestctl" --socket "$work/azattestd.sock" --api "$work/api.sock" "$@"
}

start()
{
	[ -z "$pid" ] || { kill "$pid"; wait "$pid"; } 2>/dev/null
	rm -f api.sock azattestd.sock
	"$top/build/selftests/fake-hostd" "$work" "$(id -g)" Active >fake.log 2>&1 &
	pid=$!
	ktap_wait_for "$patience" ctl vm list >/dev/null 2>&1 &&
		ktap_wait_for "$patience" [ -S azattestd.sock ]
}

lines_are_whole()
{
	grep -vE '^(PASS|WARN|FAIL)  [a-z0-9-]+ +[^ ]|^ {23}fix: .|^[0-9]+ PASS, [0-9]+ WARN, [0-9]+ FAIL$' out
	[ $? = 1 ] && [ "$(grep -cE '^(WARN|FAIL)' out)" = "$(grep -c '^ *fix: ' out)" ] &&
		[ "$(grep -cE '^(PASS|WARN|FAIL)' out)" -ge 20 ]
}

nothing_running_is_told_without_a_word_on_standard_error()
{
	local got=0
	ctl doctor >out 2>err || got=$?
	cat out err
	[ "$got" = 8 ] && [ ! -s err ] && lines_are_whole &&
		grep -q '^FAIL  azattestd .*No such file or directory' out &&
		grep -q '^WARN  certificate .*not known' out
}

nobody_may_ask_and_is_told_what_he_cannot_see()
{
	local got=0
	setpriv --reuid "$nobody" --regid "$nobody" --clear-groups "$bin/azattestctl" \
		--socket "$work/azattestd.sock" --api "$work/api.sock" doctor >out 2>err || got=$?
	cat out err
	[ "$got" = 8 ] && [ ! -s err ] && lines_are_whole && grep -q 'sudo azattestctl doctor' out
}

json_has_the_same_checks()
{
	ctl doctor >out
	ctl doctor --json >json
	cat json
	sed -n 's/^      "check": "\(.*\)",$/\1/p' json >got
	sed -nE 's/^(PASS|WARN|FAIL)  ([^ ]+) .*/\2/p' out >want
	[ -s want ] && diff want got && grep -q '^  "verdict": "FAIL",$' json
}

daemons_that_answer_are_judged()
{
	start && { ctl legacy on; ctl vm bind --uuid c0ffee42-0000-4000-8000-00000000002a --pid 17 --name waits
		   ctl doctor >out; cat out; } &&
		grep -q '^WARN  bindings  *1 of 1 VMs without identity: waits: azattest-take' out &&
		grep -q '^PASS  host  *Active' out && grep -q '^PASS  azattest-hostd ' out &&
		grep -q '^FAIL  bridge  *bridge azhost-imds is down: somebody set it so' out &&
		grep -q '^PASS  firewall ' out
}

# Other commands wait two minutes for it; who looks for what is wrong does not.
a_hostd_that_hangs_is_told_soon()
{
	local got=0
	start || return 1
	kill -STOP "$pid"
	timeout "$patience" "$bin/azattestctl" --socket "$work/azattestd.sock" --api "$work/api.sock" \
		doctor >out || got=$?
	kill -CONT "$pid"
	cat out
	[ "$got" = 8 ] && lines_are_whole && grep -qE '^(WARN|FAIL)  azattest-hostd .*Timeout' out
}

wrong_usage_is_2()
{
	local got=0
	ctl doctor now >out 2>err || got=$?
	[ "$got" = 2 ] && [ "$(wc -l <err)" = 1 ] && [ ! -s out ]
}

promises="nothing_running_is_told_without_a_word_on_standard_error
	nobody_may_ask_and_is_told_what_he_cannot_see json_has_the_same_checks
	daemons_that_answer_are_judged a_hostd_that_hangs_is_told_soon wrong_usage_is_2"

ktap_why_not()
{
	[ "$1" != nobody_may_ask_and_is_told_what_he_cannot_see ] || [ "$(id -u)" = 0 ] ||
		echo "needs root, to ask as another"
}

# shellcheck disable=SC2086 # one word each
ktap_try $promises
