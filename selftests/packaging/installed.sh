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

# As dkms leaves it, which test-deb has build one.
install_module()
{
	[ -e /run/lib/modules ] || few_modules || return 1
	mkdir -p "/lib/modules/$(uname -r)/updates" &&
		cp "$installed_top/build/kmod/$(uname -r)/azattest.ko" "/lib/modules/$(uname -r)/updates" && depmod
}

# What selftests/packaging/packages has built, as apt takes it without a network.
need_packages()
{
	[ -n "${AZ_LONG:-}" ] || ktap_skip_all "installs packages only with AZ_LONG=1"
	[ -d "$installed_top/build/packages/next" ] ||
		ktap_skip_all "no packages: selftests/packaging/packages build/packages"
	# What an earlier test has installed by make install is in the packages' way.
	[ ! -e /run/installed ] || ktap_skip_all "make install was here: on a test host of its own"
	echo 'APT::Install-Recommends "false";' >/etc/apt/apt.conf.d/99test
	# An index of all manual pages takes minutes here, at each installation.
	rm -f /var/lib/man-db/auto-update
	# Nothing is to be had but what is there: apt need not read all that Debian has.
	rm -f /var/lib/apt/lists/*Packages*
	# The machine's own word that packages start nothing is not this host's.
	rm -f /usr/sbin/policy-rc.d
}

# A VMM as any other starts it, with a guest that stands still; its process is $qemu.
start_qemu()
{
	qemu-system-x86_64 -nodefaults -display none -accel tcg -m 32 -S -uuid "$(rig_uuid "$1")" \
		-device "vhost-vsock-pci,guest-cid=$2" >/run/qemu.log 2>&1 &
	qemu=$!
	rig_await has_vsock "$qemu"
}

has_vsock()
{
	find "/proc/$1/fd" -lname /dev/vhost-vsock | grep .
}

not()
{
	! "$@"
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
