# SPDX-License-Identifier: GPL-2.0
# Owns the configuration of a libvirtd of the test's own: without Debian's libvirt-daemon-system, which has its units.
# shellcheck shell=bash

# It looks this user up before it reads that it is to be another.
libvirtd_make_user()
{
	getent passwd libvirt-qemu >/dev/null && return
	libvirtd_add_line passwd 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin' &&
		libvirtd_add_line group 'libvirt-qemu:x:64055:'
}

# On a test host in its own /etc, elsewhere in this mount namespace.
libvirtd_add_line()
{
	[ -z "${AZ_VM:-}" ] || { printf '%s\n' "$2" >>"/etc/$1"; return; }
	{ cat "/etc/$1" && printf '%s\n' "$2"; } >"$1" && chmod 0644 "$1" && mount --bind "$1" "/etc/$1"
}

# libvirtd_configure LINE...: libvirtd.conf in this folder, and LINEs for qemu.conf. No log daemon, no cgroups:
# a test host has none of systemd's other daemons.
libvirtd_configure()
{
	libvirtd_make_user || return 1
	mkdir -p /etc/libvirt /run/libvirt
	printf '%s\n' 'unix_sock_group = "root"' 'auth_unix_ro = "none"' 'auth_unix_rw = "none"' \
		'log_outputs = "3:stderr"' >libvirtd.conf
	printf '%s\n' 'security_driver = "none"' 'cgroup_controllers = []' 'stdio_handler = "file"' \
		'remember_owner = 0' "$@" >/etc/libvirt/qemu.conf
}
