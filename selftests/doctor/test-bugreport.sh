#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattestctl bugreport as a command, on this host with daemons that are fakes or not there.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
bin=${AZ_BIN:-$top/build/bin}
patience=$((60 * ${AZ_TIMEOUT_SCALE:-1}))

work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1

ctl()
{
	"$bin/azattestctl" --socket "$work/azattestd.sock" --api "$work/api.sock" "$@"
}

start()
{
	"$top/build/selftests/fake-hostd" "$work" "$(id -g)" Active >fake.log 2>&1 &
	pid=$!
	ktap_wait_for "$patience" ctl vm list >/dev/null 2>&1 &&
		ktap_wait_for "$patience" [ -S azattestd.sock ]
}

a_host_without_daemons_has_a_report()
{
	ctl bugreport >out && cat out && grep -q '^== doctor$' out &&
		grep -q '^FAIL  azattestd ' out && grep -q '^== /etc/azattest/azattestd.conf$' out &&
		grep -q 'is azattest-hostd running?' out
}

what_daemons_say_is_in_it()
{
	start && ctl bugreport >out && cat out && grep -q '"state": "Active"' out &&
		grep -q '"problems": \[' out && grep -q '^== azattestd: certificate$' out
}

a_file_is_new_and_its_owners_alone()
{
	local got=0
	ctl bugreport --output report >out && [ ! -s out ] && [ "$(stat -c %a report)" = 600 ] &&
		grep -q '^== doctor$' report || return 1
	ctl bugreport --output report 2>err || got=$?
	cat err
	ln -s elsewhere link
	[ "$got" = 1 ] && grep -q 'give a name that is not there yet' err &&
		! ctl bugreport --output link 2>err && [ ! -e elsewhere ]
}

what_cannot_be_written_is_told()
{
	local got=0
	ctl bugreport >/dev/full 2>err || got=$?
	[ "$got" = 1 ] && grep -q 'standard output: No space left' err
}

wrong_usage_is_2()
{
	local got=0
	ctl bugreport now >out 2>err || got=$?
	[ "$got" = 2 ] && [ ! -s out ]
}

promises="a_host_without_daemons_has_a_report what_daemons_say_is_in_it
	a_file_is_new_and_its_owners_alone what_cannot_be_written_is_told wrong_usage_is_2"

# shellcheck disable=SC2086 # one word each
ktap_try $promises
