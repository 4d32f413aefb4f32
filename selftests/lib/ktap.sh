# SPDX-License-Identifier: GPL-2.0
# Owns how a test written in shell says its plan and its results (KTAP).
# shellcheck shell=sh

# . selftests/lib/ktap.sh
# ktap_plan 2
# ktap_check "node_mode_is_0660" [ "$(stat -c %a /dev/azattest)" = 660 ]
# ktap_skip "pin_survives_kexec" "this kernel has no kexec"
# ktap_end

ktap_number=0
ktap_failed=0
ktap_planned=0

# Says how many results will come; first of all.
ktap_plan()
{
	ktap_planned=$1
	echo "TAP version 13"
	echo "1..$1"
}

# For a test that cannot run here at all, instead of a plan. Ends the test.
ktap_skip_all()
{
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit 4
}

# For what a test needs and does not get. The project's own test host has it, so there it is a
# failure in the long run (AZ_LONG, AZ_VM); elsewhere a skip. Ends the test.
ktap_cannot()
{
	{ [ -n "${AZ_LONG:-}" ] && [ -n "${AZ_VM:-}" ]; } || ktap_skip_all "$@"
	ktap_plan 1
	ktap_note "$*"
	ktap_not_ok "this_test_host_has_what_the_test_needs"
	ktap_end
}

# ktap_cannot_start NAME LOG: what it said last tells why.
ktap_cannot_start()
{
	tail -n 40 "$2" | sed 's/^/# /'
	ktap_cannot "$1 does not start here"
}

# Asks the runner for more time than its default, in seconds.
ktap_timeout()
{
	echo "# timeout: $1"
}

# Declares a kernel log line that this test causes; it must then appear.
ktap_expect_klog()
{
	echo "# expect-klog: $*"
}

ktap_ok()
{
	ktap_number=$((ktap_number + 1))
	echo "ok $ktap_number - $*"
}

ktap_not_ok()
{
	ktap_number=$((ktap_number + 1))
	ktap_failed=$((ktap_failed + 1))
	echo "not ok $ktap_number - $*"
}

# ktap_skip NAME REASON
ktap_skip()
{
	ktap_number=$((ktap_number + 1))
	echo "ok $ktap_number - $1 # SKIP $2"
}

ktap_note()
{
	echo "$*" | sed 's/^/# /'
}

# ktap_check NAME COMMAND...: holds if the command succeeds; what it prints is
# shown only if not.
ktap_check()
{
	ktap_name=$1
	shift
	if ktap_said=$("$@" 2>&1); then
		ktap_ok "$ktap_name"
	else
		ktap_note "failed: $*"
		[ -z "$ktap_said" ] || ktap_note "$ktap_said"
		ktap_not_ok "$ktap_name"
	fi
}

# ktap_wait_for SECONDS COMMAND...: true once the command succeeds, false if it
# does not within that time. Tests wait for conditions, never for the clock.
ktap_wait_for()
{
	ktap_until=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$ktap_until" ] || return 1
		sleep 0.05
	done
}

# Three hooks of ktap_try, for tests that have more to say: prints why a promise
# cannot be tried here; does what each needs before it; and after a broken one.
ktap_why_not()
{
	:
}

ktap_before()
{
	:
}

ktap_after_broken()
{
	:
}

# ktap_try PROMISE...: the whole of a test once it is prepared. Each promise is the
# name of a function, run in this shell, so that what it starts stays its child.
ktap_try()
{
	ktap_output=$(mktemp) || exit 1
	ktap_plan $#
	for ktap_promise in "$@"; do
		ktap_reason=$(ktap_why_not "$ktap_promise")
		if [ -n "$ktap_reason" ]; then
			ktap_skip "$ktap_promise" "$ktap_reason"
			continue
		fi
		ktap_before "$ktap_promise"
		if "$ktap_promise" >"$ktap_output" 2>&1; then
			ktap_ok "$ktap_promise"
		else
			ktap_note "$(cat "$ktap_output")"
			ktap_not_ok "$ktap_promise"
			ktap_after_broken "$ktap_promise"
		fi
	done
	rm -f "$ktap_output"
	ktap_end
}

# Ends the test with the status that its results deserve.
ktap_end()
{
	[ "$ktap_number" -eq "$ktap_planned" ] ||
		ktap_note "planned $ktap_planned results, gave $ktap_number"
	[ "$ktap_failed" -eq 0 ] && [ "$ktap_number" -eq "$ktap_planned" ]
	exit
}
