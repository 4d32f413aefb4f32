# SPDX-License-Identifier: GPL-2.0
# What a guest of the README's walk runs: the lines that come by its serial port, one after another.

stty -echo
cd /tmp || exit 1
ip link set lo up
if ip link set eth0 up 2>/dev/null; then
	ip address add 169.254.10.10/16 dev eth0
fi
echo "AZ ready"
while read -r line; do
	# In a shell of its own, as a person's commands are.
	sh -c "$line" </dev/null >said 2>&1
	code=$?
	sed 's/^/AZ said /' said
	echo
	echo "AZ end $code"
done
