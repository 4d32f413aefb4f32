# SPDX-License-Identifier: GPL-2.0
# Owns a line of what the bench has counted on a test host: a value, its goal, whether it is met.
# shellcheck shell=bash

# . selftests/speed/row.sh; row WHAT VALUE GOAL; ...; [ -z "$missed" ]

# shellcheck disable=SC2034 # for who reads this
missed=''

# row WHAT VALUE GOAL: at most
row()
{
	awk -v what="$1" -v value="$2" -v goal="$3" 'BEGIN {
		met = value + 0 <= goal + 0
		printf "%-72s %10s   <=%s  %s\n", what, value, goal, met ? "met" : "NOT MET"
		exit !met
	}' || missed=1
}
