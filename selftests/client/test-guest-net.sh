#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of packaging/guest: with those files a guest's card gets an address and the route.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
guest=$top/packaging/guest
patience=$((60 * ${AZ_TIMEOUT_SCALE:-1}))
networkd=/lib/systemd/systemd-networkd

# All of it in namespaces of its own: this machine's network is not touched.
if [ "${1-}" != inside ]; then
	[ "$(id -u)" = 0 ] || ktap_skip_all "needs root, for a network of its own"
	exec unshare --net --mount --propagation private -- "$0" inside
fi

work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || { kill "$pid"; wait "$pid"; }; rm -rf "$work"' EXIT
ip link set lo up

# The card as a guest has it, under the name and MAC of the examples.
card()
{
	ip link del ens4 2>/dev/null
	ip link add ens4 address 52:54:00:00:00:02 type veth peer name host && ip link set host up
}

has_address()
{
	ip -4 addr show dev ens4 | grep -q 'inet 169\.254\..*/16 '
}

has_route()
{
	ip route show 169.254.169.253 | grep -q '^169.254.169.253 dev ens4 .*scope link'
}

nothing_else()
{
	[ "$(ip route show | grep -vc '^169\.254\.')" = 0 ] &&
		[ "$(ip -4 addr show dev ens4 | grep -c inet)" = 1 ]
}

# No udev here, as in a container: networkd knows that by a read-only /sys.
start_networkd()
{
	mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /etc/systemd/network &&
		mount -t sysfs -o ro sysfs /sys && mkdir -p /run/systemd/netif &&
		chown systemd-network: /run/systemd/netif &&
		cp "$guest/70-azattest.network" /etc/systemd/network/ || return 1
	SYSTEMD_LOG_TARGET=console "$networkd" >"$work/networkd" 2>&1 &
	pid=$!
}

networkd_gives_address_and_route()
{
	card && start_networkd && ktap_wait_for "$patience" has_address &&
		ktap_wait_for "$patience" has_route && nothing_else
	local got=$?
	cat "$work/networkd"
	ip addr show dev ens4
	ip route
	kill "$pid" && wait "$pid"
	pid=
	[ "$got" = 0 ] && ! grep -qE 'Unknown|Failed to parse|Invalid|ignoring' "$work/networkd"
}

ifupdown_gives_address_and_route()
{
	card && mkdir -p "$work/ifstate" &&
		ifup --no-scripts --state-dir "$work/ifstate" -i "$guest/azattest.interfaces" ens4 &&
		has_address && has_route && nothing_else
}

# Only those of what NetworkManager would write itself are left.
networkmanager_knows_each_line()
{
	nmcli --offline connection modify connection.id azattest <"$guest/azattest.nmconnection" \
		>"$work/known" && diff <(settings "$guest/azattest.nmconnection") <(settings "$work/known")
}

settings()
{
	grep -E '^[a-z].*=' "$1" | sort
}

# promise NAME COMMAND REASON: skipped where there is no such program
promise()
{
	if command -v "$2" >/dev/null; then
		ktap_check "$1" "$1"
	else
		ktap_skip "$1" "$3 is not installed"
	fi
}

ktap_plan 3
promise networkd_gives_address_and_route "$networkd" systemd-networkd
promise ifupdown_gives_address_and_route ifup ifupdown
promise networkmanager_knows_each_line nmcli NetworkManager
ktap_end
