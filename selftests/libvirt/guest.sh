# SPDX-License-Identifier: GPL-2.0
# Owns what a guest of libvirt's runs: it asks its host from its initramfs on, again and again, at each door it has.
# shellcheck shell=sh

# The nonce says the door and how often it was asked: it tells a document from those before it.
ask()
{
	if azattest get --via "$1" --wait 0 --nonce "$1-$count" --output /tmp/document 2>/tmp/words; then
		echo "AZ document $1-$count $(cat /tmp/document) ."
	else
		sed "s/^/AZ $1-$count /" /tmp/words
	fi
}

# A card may come later; all guests give themselves the same address, once.
has_card()
{
	[ -e /sys/class/net/eth0 ] && ip link set eth0 up &&
		{ ip address add 169.254.10.10/16 dev eth0 2>/dev/null || true; }
}

# Nothing else can be pressed: a host that asks a VM to shut down presses its power button.
shuts_down_when_asked()
{
	for event in /dev/input/event*; do
		{ head -c 1 "$event" >/dev/null && poweroff -f; } &
	done
}

shuts_down_when_asked
count=0
while count=$((count + 1)); do
	ask vsock
	! has_card || ask rest
	usleep 200000
done
