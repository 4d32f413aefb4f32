#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises about a domain that moves between two hosts: it has its identity where its CPUs run, and nowhere else.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
# shellcheck source=selftests/libvirt/virt.sh
. "$top/selftests/libvirt/virt.sh"
cid=4200

there_bound()
{
	virt_remote "virt_bound 1 $cid"
}

there_unbound()
{
	virt_remote "virt_unbound 1"
}

there_answers()
{
	virt_remote true 2>/dev/null
}

# migrate DOMAIN OPTION...
migrate()
{
	virsh -q migrate --p2p "$@" "qemu+tcp://$virt_there/system" \
		--migrateuri "tcp://$virt_there"
}

# The other host's words for this one
here()
{
	echo "qemu+tcp://$virt_here/system --migrateuri tcp://$virt_here"
}

# Asked in this order: one that is bound there and then still here is bound twice.
bound_there_alone()
{
	there_bound || return 1
	virt_unbound 1 || { echo twice >>twice; return 1; }
}

# ---- promises ----

a_migrated_domain_is_bound_there_and_no_longer_here()
{
	virt_define 1 "$cid" && virsh -q start web1 && virt_becomes virt_bound 1 "$cid" && there_unbound ||
		return 1
	virt_generation 1 >first
	migrate web1 --live --undefinesource --persistent >migrate.log 2>&1 &
	virt_becomes bound_there_alone && wait $! && ! [ -e twice ] && virt_unbound 1
}

it_comes_back_with_a_new_generation()
{
	virt_remote "virsh -q migrate --p2p --live --undefinesource --persistent web1 $(here)" &&
		virt_becomes virt_newer 1 "$(cat first)" && virt_becomes there_unbound
}

# Paused for the move it has no identity. The other QEMU dies before it has the guest.
one_that_is_rolled_back_is_bound_again_with_a_new_generation()
{
	local before
	before=$(virt_generation 1)
	virt_remote "shut_migrations" || return 1
	migrate web1 >migrate.log 2>&1 &
	virt_becomes virt_state 1 'paused (migrating)' && virt_becomes virt_unbound 1 && there_unbound &&
		virt_remote "kill_incoming && nft delete table inet shut" ||
		return 1
	! wait $! && virt_becomes virt_newer 1 "$before" && virt_state 1 running && there_unbound
}

# Its CID is another's there: it never leaves.
one_that_cannot_come_there_keeps_its_generation()
{
	local before
	before=$(virt_binding 1)
	virt_xml 2 "$cid" >web2.xml
	virsh -q -c "qemu+tcp://$virt_there/system" create web2.xml &&
		virt_becomes virt_remote "virt_bound 2 $cid" && ! migrate web1 --live 2>migrate.log &&
		[ "$(virt_binding 1)" = "$before" ] && virt_remote "virt_bound 2 $cid" &&
		virt_remote 'virsh -q destroy web2'
}

# libvirt has lost sight of it in between: what it is found to be counts, not what was told.
one_that_leaves_while_the_agent_is_away_is_settled_when_it_comes()
{
	virt_end agent && migrate web1 --live --undefinesource --persistent && virt_agent &&
		virt_becomes there_bound && virt_becomes virt_unbound 1
}

virt_need
ktap_timeout 1500
[ -d /sys/class/net/eth0 ] || ktap_skip_all "no other host: run by selftests/libvirt/migrate"
virt_listen=--listen
virt_start
virt_pair 1
trap 'virt_remote "touch over"; virt_stop' EXIT
ktap_wait_for $((virt_patience * 3)) there_answers || ktap_skip_all "the other host does not answer"
virt_run a_migrated_domain_is_bound_there_and_no_longer_here it_comes_back_with_a_new_generation \
	one_that_is_rolled_back_is_bound_again_with_a_new_generation \
	one_that_cannot_come_there_keeps_its_generation \
	one_that_leaves_while_the_agent_is_away_is_settled_when_it_comes
