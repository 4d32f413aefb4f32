# SPDX-License-Identifier: GPL-2.0
# Owns the judgement of the kernel log: what appeared since a mark, what is bad.
# shellcheck shell=bash

# A mark is a line of our own in the kernel log, so that the log need not be
# compared as a whole. klog-bad is the one list of bad lines.

klog_lib=$(dirname "${BASH_SOURCE[0]}")

# Whether marks can be written and the log can be read here.
klog_usable()
{
	[ -w /dev/kmsg ] && dmesg > /dev/null 2>&1
}

klog_mark()
{
	echo "selftests: $1" > /dev/kmsg
}

# The lines after the mark; all of them, and 1, if the mark itself was overwritten.
klog_since()
{
	dmesg -t | awk -v mark="selftests: $1" '
		{ line[NR] = $0 }
		$0 == mark { from = NR }
		END { for (i = from + 1; i <= NR; i++) print line[i]; exit !from }'
}

# Reads log lines, prints those that no test may cause: the list, and whatever
# the module prints, because guests must not be able to make it print.
klog_bad()
{
	grep -Ef <(grep -v '^#' "$klog_lib/klog-bad"; echo '^azattest:')
}
