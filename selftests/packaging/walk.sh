# SPDX-License-Identifier: GPL-2.0
# Owns how the README's walk is read and run: its steps, and guests that take commands as a person's terminal does.
# shellcheck shell=bash

# . selftests/packaging/walk.sh, behind ktap.sh and virt.sh; walk_step 1; ...

walk_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
walk=/run/walk

# ---- the README ----

# walk_text N: the N-th numbered step
walk_text()
{
	awk -v step="**$1. " '
		/^## / { walk = /A walk over a host/ }
		walk && /^\*\*[0-9]/ { on = index($0, step) == 1 }
		walk && on' "$walk_top/README.md"
}

# walk_block N WORD: what stands between ```WORD and ```; commands that go on in the next line are one
walk_block()
{
	walk_text "$1" | awk -v fence="\`\`\`$2" '
		/^```/ { inside = !inside; on = inside && $0 == fence; next }
		on' |
		sed -e ':a' -e '/\\$/N; s/\\\n[ \t]*//; ta'
}

# Commands as root's are, and apt's as a program's that nobody answers.
walk_sudo()
{
	mkdir -p "$walk/bin"
	# shellcheck disable=SC2016 # the script's own
	printf '%s\n' '#!/bin/sh' '[ "$1" != apt ] || { shift; set -- apt-get -y "$@"; }' \
		'exec env DEBIAN_FRONTEND=noninteractive "$@"' >"$walk/bin/sudo"
	chmod +x "$walk/bin/sudo"
}

# walk_step N: its commands, where a reader types them; the first that fails ends it
walk_step()
{
	local command

	walk_block "$1" sh >"$walk/step"
	[ -s "$walk/step" ] || { echo "the README has no step $1"; return 1; }
	while read -r command <&3; do
		echo "\$ $command"
		case $command in
		azattest\ *) walk_in web1 "$command" ;;
		curl\ *) walk_in old1 "$command" ;;
		*) (cd "$walk_top/build/packages" && PATH=$walk/bin:$PATH bash -euc "$command" </dev/null) ;;
		esac || return 1
	done 3<"$walk/step"
}

# ---- guests ----

# walk_domain NAME UUID DEVICES: its terminal is a pair of pipes, which QEMU's user may open
walk_domain()
{
	local line

	[ -e kernel ] || cp -L "$walk_top"/build/walk/{kernel,initrd} . || return 1
	line=$("$walk_top/selftests/vm/guest-run" --print . none | grep -A 1 -x -e -append | tail -n 1)
	mkfifo -m 0666 "$1.in" "$1.out" && chmod 0666 "$1.in" "$1.out" || return 1
	cat >"$1.xml" <<-END
		<domain type='qemu'>
		  <name>$1</name><uuid>$2</uuid><memory unit='MiB'>192</memory>
		  <os><type arch='x86_64' machine='pc'>hvm</type><kernel>$PWD/kernel</kernel>
		    <initrd>$PWD/initrd</initrd><cmdline>$line</cmdline></os>
		  <cpu mode='custom' match='exact' check='none'><model fallback='allow'>qemu64</model>
		    <feature policy='require' name='rdrand'/></cpu>
		  <devices>
		    <emulator>/usr/bin/qemu-system-x86_64</emulator>
		    <controller type='usb' model='none'/><memballoon model='none'/>
		    <serial type='pipe'><source path='$PWD/$1'/></serial>
		    $3
		  </devices>
		</domain>
	END
	# As a writer too: libvirt, which locks what it labels, opens and closes the pipe before QEMU does.
	virsh -q define "$1.xml" && { cat <>"$1.out" >"$1.log" & }
}

# A guest in a guest is slow: who looks too often takes its processor away. Patience as of virt_guest_becomes.
walk_await()
{
	local end=$((SECONDS + 3 * ${virt_patience:?}))

	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || { echo "never came true: $*"; return 1; }
		sleep 1
	done
}

# Its verifier's root is what a person would bring along.
walk_up()
{
	walk_await grep -q '^AZ ready' "$1.log" || { tail "$1.log"; return 1; }
	[ -e "$1.up" ] && return
	touch "$1.up"
	walk_in "$1" "echo $(base64 -w 0 /etc/azattest/ca-trust.pem) | base64 -d >root.pem"
}

walk_ended()
{
	[ "$(grep -c '^AZ end' "$1.log")" -gt "$2" ]
}

# walk_in NAME COMMAND: its words and its status
walk_in()
{
	local before

	walk_up "$1" || return 1
	before=$(grep -c '^AZ end' "$1.log")
	printf '%s\n' "$2" >"$1.in"
	walk_await walk_ended "$1" "$before" || return 1
	tr -d '\r' <"$1.log" | awk -v n="$before" '
		seen == n && sub(/^AZ said /, "")
		/^AZ end/ { if (seen++ == n) code = $3 }
		END { exit code }'
}
