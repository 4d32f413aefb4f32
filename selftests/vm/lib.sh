# SPDX-License-Identifier: GPL-2.0
# Owns what both virtual machines need: finding kernels, packing initramfs.
# shellcheck shell=bash

# The kernel's folder: "debug", a name that scripts/kernels knows, or a path.
kernel_dir()
{
	local top=$1 name=$2

	case $name in
	*/*) ;;
	debug)
		"$top/scripts/debug-kernel" >&2 || return 1
		name=$top/build/kernels/$name
		;;
	*)
		"$top/scripts/kernels" "$name" >&2 || return 1
		name=$top/build/kernels/$name
		;;
	esac
	[ -e "$name/release" ] || {
		echo "$name: holds no kernel" >&2
		return 1
	}
	realpath "$name"
}

# The image QEMU starts fastest: ELF, entered through PVH, if there is one.
kernel_image()
{
	if [ -e "$1/vmlinux" ]; then
		echo "$1/vmlinux"
	else
		echo "$1/vmlinuz"
	fi
}

# Puts modules and what they depend on, unpacked, into ROOT/modules, and
# their names in loading order into ROOT/modules/order.
initrd_modules()
{
	local root=$1 kernel=$2 release name path module
	shift 2

	release=$(< "$kernel/release")
	mkdir -p "$root/modules"
	: > "$root/modules/order"
	for module; do
		modprobe -d "$kernel" -S "$release" -q --show-depends "$module" ||
			{ echo "$release: no module $module" >&2; return 1; }
	done | while read -r verb path _; do
		[ "$verb" = insmod ] || continue
		name=${path##*/}
		name=${name%%.ko*}.ko
		[ ! -e "$root/modules/$name" ] || continue
		case $path in
		*.xz) xz -dc "$path" > "$root/modules/$name" ;;
		*.zst) zstd -dcq "$path" > "$root/modules/$name" ;;
		*) cp "$path" "$root/modules/$name" ;;
		esac
		echo "$name" >> "$root/modules/order"
	done
	[ "${PIPESTATUS[0]}" -eq 0 ]
}

# A root with busybox and the given init, for the two functions around it.
initrd_root()
{
	local root=$1 init=$2

	mkdir -p "$root/bin"
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "$init" "$root/init"
	chmod 755 "$root/init" "$root/bin/busybox"
}

# Not compressed: unpacking costs an emulated processor more than reading.
initrd_pack()
{
	(cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet) > "$2"
}

# One argument as a word of any POSIX shell.
quote()
{
	printf "'%s'" "${1//\'/\'\\\'\'}"
}
