#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises about a real guest of libvirt's, on a test host: through each door it gets documents of its own while it runs.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
# shellcheck source=selftests/libvirt/virt.sh
. "$top/selftests/libvirt/virt.sh"

# ---- promises ----

a_guest_that_asks_from_its_initramfs_on_gets_a_document_of_its_own()
{
	virt_define_guest && virsh -q start web9 && virt_guest_becomes virt_hears vsock &&
		! guest_hears web9 "$(virt_uuid 1)" vsock
}

it_goes_on_while_libvirtd_is_restarted()
{
	local before asked
	before=$(virt_binding 9)
	asked=$(guest_asked web9 vsock)
	virt_end libvirtd && virt_guest_becomes virt_hears vsock "$asked" && virt_libvirtd &&
		asked=$(guest_asked web9 vsock) && virt_guest_becomes virt_hears vsock "$asked" &&
		[ "$(virt_binding 9)" = "$before" ]
}

a_card_that_is_plugged_in_serves_it_over_rest()
{
	virt_ctl vm add web9 && virt_guest_becomes virt_hears rest
}

# What it had on the way when it was saved is lost; it asks again.
it_gets_documents_again_when_it_is_restored()
{
	local before asked
	before=$(virt_generation 9)
	asked=$(guest_asked web9 vsock)
	virsh -q managedsave web9 && virt_becomes virt_unbound 9 && virt_becomes virt_not_enrolled &&
		guest_prepare web9 && virsh -q start web9 && virt_guest_becomes virt_hears vsock "$asked" && virt_newer 9 "$before" &&
		virt_guest_becomes virt_hears rest "$asked"
}

# What it has asked at the other door by then was asked before, or is not answered.
a_card_that_is_taken_away_serves_it_no_more()
{
	local asked
	virt_ctl vm remove web9 && virt_becomes virt_not_enrolled || return 1
	asked=$(guest_asked web9 vsock)
	virt_guest_becomes virt_hears vsock $((asked + 1)) && [ "$(guest_asked web9 rest)" -le "$asked" ]
}

# QEMU's command line has the CID of the device that is gone; libvirt chooses another.
a_vsock_device_that_is_plugged_in_anew_is_bound_by_its_new_cid()
{
	local asked before
	before=$(virt_generation 9)
	virt_ctl vm vsock off web9 && virt_guest_becomes virt_unbound 9 && virt_becomes has_no_vsock &&
		asked=$(guest_asked web9 vsock) && virt_ctl vm vsock on web9 && virt_becomes virt_newer 9 "$before" &&
		! virt_bound 9 $virt_guest_cid && virt_guest_becomes virt_hears vsock "$asked"
}

has_no_vsock()
{
	! virsh dumpxml web9 | grep -q '<vsock'
}

it_gets_one_again_when_its_killed_qemu_is_started_anew()
{
	local before
	before=$(virt_generation 9)
	kill -KILL "$(cat /run/libvirt/qemu/web9.pid)" && virt_becomes virt_unbound 9 &&
		virt_becomes virt_state 9 'shut off (crashed)' && guest_prepare web9 && virsh -q start web9 &&
		virt_guest_becomes virt_hears vsock && virt_newer 9 "$before"
}

one_that_shuts_down_when_it_is_asked_is_unbound()
{
	virsh -q shutdown web9 --mode acpi && virt_guest_becomes virt_state 9 'shut off (shutdown)' &&
		virt_becomes virt_unbound 9
}

virt_need
ktap_timeout 1500
virt_start
virt_rest || { sed 's/^/# /' azattestd.log hostd.log restd.log; exit 1; }
virt_run a_guest_that_asks_from_its_initramfs_on_gets_a_document_of_its_own \
	it_goes_on_while_libvirtd_is_restarted \
	a_card_that_is_plugged_in_serves_it_over_rest it_gets_documents_again_when_it_is_restored \
	a_card_that_is_taken_away_serves_it_no_more a_vsock_device_that_is_plugged_in_anew_is_bound_by_its_new_cid it_gets_one_again_when_its_killed_qemu_is_started_anew \
	one_that_shuts_down_when_it_is_asked_is_unbound
