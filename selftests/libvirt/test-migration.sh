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
		virt_remote "kill_incoming web1 && nft delete table inet shut" ||
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

# there_hears DOOR AFTER: the other host's documents are verified there
there_hears()
{
	virt_guest_becomes virt_remote "virt_hears $1 $2" && return
	virt_remote 'guest_says web9; tail -n 20 agent.log hostd.log restd.log'
	return 1
}

# How long it may stand still, in ms: it never rests, and the network is emulated.
patient="virsh -q migrate-setmaxdowntime web9 20000"

no_card()
{
	! ip -o link | grep -q ': azt'
}

# Its card is in its definition, and the wish to use it in its metadata.
a_guest_with_rest_access_goes_on_asking_where_it_is()
{
	local asked
	virt_define_guest && virt_ctl vm add web9 && virsh -q start web9 &&
		virt_guest_becomes virt_hears vsock && virt_guest_becomes virt_hears rest || return 1
	$patient && migrate web9 --live --undefinesource --persistent && asked=$(guest_asked web9 vsock) &&
		virt_becomes virt_unbound 9 && virt_becomes virt_not_enrolled && virt_becomes no_card &&
		there_hears vsock "$asked" && there_hears rest "$asked"
}

it_goes_on_when_it_has_come_back()
{
	local asked
	asked=$(virt_remote 'guest_asked web9 vsock')
	virt_remote "$patient && virsh -q migrate --p2p --live --undefinesource --persistent web9 $(here)" &&
		virt_guest_becomes virt_hears vsock "$asked" && virt_guest_becomes virt_hears rest "$asked" &&
		virt_becomes virt_remote 'virt_unbound 9 && virt_not_enrolled'
}

# The last that it has asked before it was stopped is asked for.
it_goes_on_when_its_move_is_rolled_back()
{
	local asked
	virt_remote shut_migrations || return 1
	migrate web9 >migrate.log 2>&1 &
	virt_becomes virt_state 9 'paused (migrating)' && virt_becomes virt_unbound 9 &&
		virt_becomes virt_not_enrolled || return 1
	asked=$(guest_asked web9 vsock)
	virt_remote 'kill_incoming web9 && nft delete table inet shut' && ! wait $! &&
		virt_guest_becomes virt_hears vsock $((asked + 1)) &&
		virt_guest_becomes virt_hears rest $((asked + 1))
}

virt_need
ktap_timeout 2400
[ -d /sys/class/net/eth0 ] || ktap_cannot "no other host: run by selftests/libvirt/migrate"
virt_listen=--listen
virt_start
virt_rest || { sed 's/^/# /' azattestd.log hostd.log restd.log; exit 1; }
virt_pair 1
trap 'virt_remote "touch over"; virt_stop' EXIT
ktap_wait_for $((virt_patience * 3)) there_answers || ktap_cannot "the other host does not answer"
virt_run a_migrated_domain_is_bound_there_and_no_longer_here it_comes_back_with_a_new_generation \
	one_that_is_rolled_back_is_bound_again_with_a_new_generation \
	one_that_cannot_come_there_keeps_its_generation \
	one_that_leaves_while_the_agent_is_away_is_settled_when_it_comes \
	a_guest_with_rest_access_goes_on_asking_where_it_is it_goes_on_when_it_has_come_back \
	it_goes_on_when_its_move_is_rolled_back
