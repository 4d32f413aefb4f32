# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Owns what tests of azattestctl share: a folder to be in, the fakes it talks to.
# Sourced by bash; $top is the project's folder.

# shellcheck source=selftests/lib/ktap.sh disable=SC2154
. "$top/selftests/lib/ktap.sh"
patience=$((60 * ${AZ_TIMEOUT_SCALE:-1}))
# shellcheck disable=SC2034 # VMs of tests
vm=c0ffee42-0000-4000-8000-00000000002a vm2=c0ffee42-0000-4000-8000-00000000002b

work=$(mktemp -d)
chmod 0755 "$work"
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1

ctl()
{
	"$top/build/bin/azattestctl" --socket "$work/azattestd.sock" --api "$work/api.sock" "$@"
}

# fake_host [STATE]: a fake hostd, new; with STATE an azattestd too
fake_host()
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
