# SPDX-License-Identifier: GPL-2.0
# Owns a real azattestd on the real module, for tests in shell, and how their promises are called.
# shellcheck shell=bash

# The including test sets $top; this sets $bin, $tests, $scale, and $dir: a folder of
# its own with conf, state, run and log. $daemon is the daemon's pid, or empty.

bin=${AZ_BIN:-$top/build/bin}
tests=${AZ_SELFTESTS:-$top/build/selftests}
scale=${AZ_TIMEOUT_SCALE:-1}

echo "TAP version 14"
if ! [ -e /dev/azattest-signer ]; then
	echo "1..0 # SKIP no /dev/azattest-signer: the module is not loaded"
	exit 4
fi

dir=$(mktemp -d)
chmod 0755 "$dir"
daemon=
kill_daemon()
{
	[ -n "$daemon" ] || return 0
	kill -KILL "$daemon" 2>/dev/null
	wait "$daemon" 2>/dev/null
	daemon=
}

cleanup()
{
	kill_daemon
	rm -rf "$dir"
}
trap cleanup EXIT

start()
{
	"$bin/azattestd" --config "$dir/conf" --state "$dir/state" --run "$dir/run" \
		2>> "$dir/log" &
	daemon=$!
}

ctl()
{
	"$bin/azattestctl" --socket "$dir/run/azattestd.sock" "$@"
}

# Waits until a command holds; a minute is a hang.
await()
{
	local end=$((SECONDS + 60 * scale))
	until "$@" > /dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

signers()
{
	ctl status --json | sed -n '/"pids"/,/\]/p' | grep -oE '[0-9]+'
}

number()
{
	ctl status --json | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" | head -n 1
}

number_is()
{
	[ "$(number "$1")" = "$2" ]
}

all_ready()
{
	ctl status && [ "$(number ready)" = "$(number wanted)" ]
}

ask()
{
	"$tests/azask" "$@" | tail -n 1
}

# Each promise is a function; those are called in turn, in this shell.
run_promises()
{
	local promise count=0 failed=0

	echo "1..$#"
	for promise in "$@"; do
		count=$((count + 1))
		if $promise > "$dir/output" 2>&1; then
			echo "ok $count - $promise"
		else
			failed=1
			sed 's/^/# /' "$dir/output"
			tail -n 20 "$dir/log" | sed 's/^/# log: /'
			echo "not ok $count - $promise"
		fi
	done
	return $failed
}
