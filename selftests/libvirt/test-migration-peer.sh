#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The second host of a migration: does what the first one asks, until it says that it is over.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
# shellcheck source=selftests/libvirt/virt.sh
. "$top/selftests/libvirt/virt.sh"

# Nothing of a guest comes in.
shut_migrations()
{
	nft add table inet shut &&
		nft add chain inet shut in '{ type filter hook input priority 0; }' &&
		nft add rule inet shut in tcp dport 49152-49215 drop
}

# kill_incoming DOMAIN
kill_incoming()
{
	kill -KILL "$(cat "/run/libvirt/qemu/$1.pid")"
}

# One command for each connection: nobody else is on this network.
the_first_host_asks_and_says_that_it_is_over()
{
	virt_pair 2
	guest_prepare web9 || return 1
	cat >door <<-END
		#!/bin/bash
		exec 2>&1
		virt_dir=$virt_dir
		cd "$virt_dir" && . "$top/selftests/lib/ktap.sh" && . "$top/selftests/libvirt/virt.sh"
		$(declare -f shut_migrations kill_incoming)
		read -r command
		eval "\$command"
		echo "status \$?"
	END
	chmod 0755 door
	systemd-socket-activate --accept --inetd -l "$virt_here:$virt_door" "$virt_dir/door" >door.log 2>&1 &
	virt_pid[door]=$!
	ktap_wait_for $((virt_patience * 20)) [ -e over ]
}

virt_need
ktap_timeout 2400
virt_listen=--listen
virt_start
virt_rest || { sed 's/^/# /' azattestd.log hostd.log restd.log; exit 1; }
virt_run the_first_host_asks_and_says_that_it_is_over
