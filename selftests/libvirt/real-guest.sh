# SPDX-License-Identifier: GPL-2.0
# Owns a domain with a real guest, which asks its host again and again (guest.sh), and what it was answered.
# shellcheck shell=bash

# . selftests/libvirt/real-guest.sh; guest_define NAME UUID CID; virsh start NAME; guest_hears NAME UUID vsock
#
# Its documents are judged with this host's own root: another host's are not heard.

guest_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
guest_bin=${AZ_BIN:-$guest_top/build/bin}
guest_dir=/run/virt-guest

# Its files, at the same path on each host. Whatever user QEMU has may write the console.
guest_prepare()
{
	install -d -m 0755 $guest_dir &&
		install -m 0644 "$guest_top/build/libvirt-guest/kernel" "$guest_top/build/libvirt-guest/initrd" \
			$guest_dir && install -m 0666 /dev/null "$guest_dir/$1.console"
}

# A card may be plugged in: that needs the ACPI that other guests boot faster without.
guest_kernel_line()
{
	"$guest_top/selftests/vm/guest-run" --print . none | sed -n '/^-append$/{n;s/acpi=off //;p}'
}

# guest_xml NAME UUID CID
guest_xml()
{
	cat <<-END
		<domain type='qemu'>
		  <name>$1</name><uuid>$2</uuid><memory unit='MiB'>192</memory>
		  <os><type arch='x86_64' machine='pc'>hvm</type>
		    <kernel>$guest_dir/kernel</kernel><initrd>$guest_dir/initrd</initrd>
		    <cmdline>$(guest_kernel_line)</cmdline></os>
		  <features><acpi/><apic/></features>
		  <cpu mode='custom' match='exact' check='none'><model>qemu64</model>
		    <feature policy='require' name='rdrand'/></cpu>
		  <devices>
		    <emulator>/usr/bin/qemu-system-x86_64</emulator>
		    <controller type='usb' model='none'/><memballoon model='none'/>
		    <vsock model='virtio'><cid auto='no' address='$3'/></vsock>
		    <serial type='file'><source path='$guest_dir/$1.console'/></serial>
		  </devices>
		</domain>
	END
}

guest_define()
{
	guest_prepare "$1" && guest_xml "$@" >"$1.xml" && virsh -q define "$1.xml"
}

# guest_trust AZATTESTCTL...: whose documents count from now on
guest_trust()
{
	install -d -m 0755 $guest_dir && "$@" trust --output "$guest_dir/root.pem" && "$@" trust --issuer --output "$guest_dir/issuer.pem"
}

# guest_last NAME DOOR: "NONCE DOCUMENT" of the last answer there
guest_last()
{
	tr -d '\r' <"$guest_dir/$1.console" | sed -n "s/^AZ document \($2-[0-9]* [^ ]*\) \.\$/\1/p" | tail -n 1
}

# guest_asked NAME DOOR: how often it had asked by then
guest_asked()
{
	guest_last "$1" "$2" | sed 's/^[a-z]*-\([0-9]*\) .*/\1/'
}

# guest_hears NAME UUID DOOR [AFTER]: this host's document of that VM, asked for later than that
guest_hears()
{
	local nonce document

	read -r nonce document < <(guest_last "$1" "$3") || return 1
	[ "${nonce#"$3"-}" -gt "${4:-0}" ] &&
		printf '%s' "$document" | "$guest_bin/azattest" verify --trust "$guest_dir/root.pem" \
			--issuer "$guest_dir/issuer.pem" --nonce "$nonce" --vm-id "$2" >"$guest_dir/verdict" 2>&1
}

# For a failure: the end of what it said.
guest_says()
{
	tr -d '\r' <"$guest_dir/$1.console" | cut -c 1-160 | tail -n 12
	cat "$guest_dir/verdict"
}
