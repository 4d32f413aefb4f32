# SPDX-License-Identifier: GPL-2.0
# Owns a host as an administrator installs it, for tests under a true systemd: its files, its units, its VMs.
# shellcheck shell=bash

# . selftests/packaging/installed.sh, behind ktap.sh; skips the test where it may not install.

[ "$(cat /proc/1/comm)" = systemd ] || ktap_skip_all "process 1 is not systemd"
[ -n "${AZ_VM:-}" ] || ktap_skip_all "installs: only on a test host (selftests/vm/boot --systemd)"
installed_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck source=selftests/rest/rig.sh
. "$installed_top/selftests/rest/rig.sh"
# shellcheck disable=SC2034 # the rig's
rig_bin=/usr/bin
config=/etc/azattest/azattestd.conf
# shellcheck disable=SC2034 # for who reads this
units="azattestd azattest-hostd azattest-restd"

rig_ctl()
{
	azattestctl "$@"
}

# systemctl show -P
property()
{
	systemctl show --property "$2" --value "$1"
}

is()
{
	[ "$(property "$1" "$2")" = "$3" ]
}

configure()
{
	printf '%s\n' "$@" >"$config"
}

generation()
{
	rig_ctl bindings --json | tr -d ' \n' | grep -o "{[^{}]*$(rig_uuid "$1")[^{}]*}" |
		sed -n 's/.*"generation":"\{0,1\}\([0-9]*\).*/\1/p'
}

# The kernel's modules are read-only here, and depmod reads all that there are.
few_modules()
{
	local release modules=/run/modules

	release=$(uname -r)
	modprobe -a --show-depends vhost_vsock bridge veth tun sch_ingress cls_bpf tcp_diag |
		sed -n 's/^insmod //p' | xargs cp --parents -t /run/ && mkdir -p "$modules" || return 1
	cp /lib/modules/"$release"/modules.{builtin,order}* /run/lib/modules/"$release"/ &&
		mount --bind /run/lib/modules /usr/lib/modules
}

# make install; its words are kept in /run/installed. What an earlier test installed is there already.
install_host()
{
	[ -e /run/installed ] && return
	few_modules && PREFIX=/usr "$installed_top/packaging/install" >/run/installed &&
		systemctl restart systemd-modules-load && [ -d /sys/module/azattest ]
}

# installed_run PROMISES: each in this shell, so that what one starts is known to the next.
installed_run()
{
	local promise

	# shellcheck disable=SC2086 # one word each
	ktap_plan "$(set -- $1; echo $#)"
	mkdir -p "$rig_dir"
	for promise in $1; do
		if "$promise" >/run/promise 2>&1; then
			ktap_ok "$promise"
		else
			ktap_note "$(cat /run/promise)"
			ktap_not_ok "$promise"
		fi
	done
	ktap_end
}
