#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattestctl's table of commands: help, the manual and completion say the same.

# Promises are called by their names out of a list.
# shellcheck disable=SC2086,SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/api/ctl-rig.sh
. "$top/selftests/api/ctl-rig.sh"

# What the completion scripts start; $api is a fake hostd's socket.
mkdir bin
cat >bin/azattestctl <<END
#!/bin/sh
exec "$top/build/bin/azattestctl" --api "$work/api.sock" "\$@"
END
chmod 0755 bin/azattestctl
PATH=$work/bin:$PATH

# start: a fake hostd with two VMs; the name of one is no shell's friend
start()
{
	[ -z "$pid" ] || return 0
	fake_host && azattestctl legacy on &&
		azattestctl vm add --uuid $vm --tap tap0 --pid 4711 --name web1 >/dev/null &&
		azattestctl vm add --uuid ${vm%a}b --tap tap1 --pid 4712 \
			--name 'web 2 $(touch pwned)' >/dev/null &&
		azattestctl vm add --uuid ${vm%a}c --tap tap2 --pid 4713 --name $'web\n3' >/dev/null
}

# offers WORDS WANTED: the line completes to these words and no others
offers()
{
	local words
	read -ra words <<<"$1"
	case $1 in '' | *' ') words+=('') ;; esac
	[ "$(azattestctl complete -- "${words[@]}" 2>/dev/null | sort | paste -sd' ')" = "$2" ] && return
	echo "$1: $(azattestctl complete -- "${words[@]}" 2>&1 | paste -sd' '), not $2"
	return 1
}

# names: each command's name, one a line
names()
{
	azattestctl help | sed -n 's/^  \([a-z]\)/\1/p' | LC_ALL=C sed -E 's/^([a-z]+( [a-z]+)?)( [^a-z].*)?$/\1/' |
		sed -E 's/^(vm vsock|legacy|completion) .*/\1/'
}

# The synopsis of each command, as the manual has it.
the_manual_has_each_command()
{
	sed -n '/^# COMMANDS/,/^# OPTIONS/{/^\*/{s/\*//g;p}}' \
		"$top/userspace/man/azattestctl.1.scd" | sort >manual
	azattestctl help | sed -n 's/^  \([a-z]\)/\1/p' | sort >table
	[ -s table ] && diff table manual
}

each_command_helps()
{
	local name
	names >names && grep -qx 'vm add' names && grep -qx legacy names || return 1
	while read -r name; do
		azattestctl help $name >one && azattestctl $name --help >two && cmp one two &&
			grep -q "^usage: azattestctl $name" one && [ "$(wc -l <one)" -ge 2 ] || return 1
	done <names
	azattestctl help vm >one && azattestctl vm --help | cmp - one &&
		grep -q '^usage: azattestctl vm remove VM' one && ! grep -q '^usage: .* status' one
}

help_of_what_is_not_there_is_refused()
{
	local code=0
	azattestctl help vm ad >out 2>err || code=$?
	[ $code = 2 ] && [ ! -s out ] && grep -qF 'no command "vm ad": azattestctl help' err || return 1
	code=0
	azattestctl help v >out 2>err || code=$?
	[ $code = 2 ] && ! azattestctl help status x 2>/dev/null && ! azattestctl v --help 2>/dev/null
}

commands_and_options_complete()
{
	offers 'st' status && offers 'vm a' add && offers 'vm li' list && offers 'help vm sho' show &&
		offers 'legacy ' 'off on' && offers 'legacy on ' '' && offers 'completion z' zsh &&
		offers 'trust --' '--help --issuer --output' && offers 'vm add --t' --tap &&
		offers '--so' --socket && offers '--socket ' :files && offers '--socket /x sta' status &&
		offers 'audit verify ' :files && offers 'trust --output ' :files && offers 'nothing ' '' &&
		offers 'vm add x y z' ''
}

each_option_of_the_manual_completes()
{
	local name option
	names | while read -r name; do
		azattestctl help $name | sed -n "s/^usage: azattestctl $name//p" | grep -oE -- '--[a-z-]+' |
			while read -r option; do
				offers "$name $option" "$option" || exit 1
			done || exit 1
	done
}

operands_complete_to_what_is_there()
{
	start && offers 'unbind c' "$vm ${vm%a}b ${vm%a}c" && offers 'vm show web1' web1 &&
		offers "vm remove web1 $vm" $vm && offers 'vm show c' "$vm ${vm%a}b ${vm%a}c" && offers "vm remove ${vm}" $vm &&
		offers 'vm remove d' '' && offers 'vm add --tap lo' lo && offers 'grant --uid roo' root &&
		offers 'vm add --tap = lo' lo && offers "vm show $vm " '' &&
		ctl vm bind --uuid ${vm%a}d --pid 4711 --name bound >/dev/null && offers "unbind ${vm%a}d" ${vm%a}d &&
		offers 'vm add bou' bound && offers 'vm show bou' '' &&
		[ "$(azattestctl complete -- grant --name web)" = $'web1\nweb 2 $(touch pwned)' ]
}

without_hostd_there_is_silence()
{
	[ -z "$("$top/build/bin/azattestctl" --api "$work/nobody" complete -- vm show '' 2>&1)" ]
}

# in_bash LINE: what bash makes of the line, as its readline would
in_bash()
{
	# shellcheck disable=SC2016 # for the bash in there
	bash -euc 'source <(azattestctl completion bash); read -ra COMP_WORDS <<<"$1"
		case $1 in *" ") COMP_WORDS+=("") ;; esac
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); compopt() { echo "compopt $*"; }
		_azattestctl; printf "%s\n" ${COMPREPLY[@]+"${COMPREPLY[@]}"}' sh "$1"
}

bash_completes_and_runs_no_name()
{
	start && [ "$(in_bash 'azattestctl vm sho')" = show ] &&
		[ "$(in_bash 'azattestctl grant --name web' | paste -sd'|')" = \
		'web1|web\ 2\ \$\(touch\ pwned\)' ] && [ ! -e pwned ] &&
		[ "$(in_bash 'azattestctl trust --output ' | head -n 1)" = 'compopt -o default' ]
}

# zsh's own completion builtins, replaced: what would be offered.
in_zsh()
{
	# shellcheck disable=SC2016 # for the zsh in there
	zsh -fc 'compadd() { [[ $1 == -a ]] && print -rl -- ${(P)2}; }; _files() { print files; }
		words=(${=1}); [[ $1 == *" " ]] && words+=(""); CURRENT=$#words
		eval "$(azattestctl completion zsh)"' sh "$1"
}

zsh_completes_and_runs_no_name()
{
	start && [ "$(in_zsh 'azattestctl vm sho')" = show ] &&
		[ "$(in_zsh 'azattestctl grant --name web' | paste -sd'|')" = 'web1|web 2 $(touch pwned)' ] &&
		[ ! -e pwned ] && [ "$(in_zsh 'azattestctl trust --output ')" = files ]
}

no_other_shell_is_promised()
{
	local code=0
	azattestctl completion fish 2>err || code=$?
	[ $code = 2 ] && grep -qF 'there is none for "fish"' err
}

promises="the_manual_has_each_command each_command_helps help_of_what_is_not_there_is_refused
	commands_and_options_complete each_option_of_the_manual_completes
	operands_complete_to_what_is_there without_hostd_there_is_silence
	bash_completes_and_runs_no_name zsh_completes_and_runs_no_name no_other_shell_is_promised"

ktap_why_not()
{
	[ "$1" != zsh_completes_and_runs_no_name ] || command -v zsh >/dev/null ||
		echo "no zsh: scripts/deps"
}

ktap_try $promises
