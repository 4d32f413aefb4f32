#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattestctl's commands that change VMs, by name and many at once, on a hostd that is a fake.

# Promises are called by their names out of a list.
# shellcheck disable=SC2086,SC2094,SC2317 # UUIDs are one word

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/api/ctl-rig.sh
. "$top/selftests/api/ctl-rig.sh"

# start [STATE]: a fake hostd, new, with REST access on; with STATE an azattestd too
start()
{
	fake_host "$@" && ctl legacy on
}

# enrol: VMs web1 and web2
enrol()
{
	ctl vm add --uuid $vm --tap tap0 --pid 4711 --name web1 >/dev/null &&
		ctl vm add --uuid $vm2 --tap tap1 --pid 4712 --name web2 >/dev/null
}

count()
{
	ctl vm list --no-headers | wc -l
}

a_name_is_as_good_as_a_uuid()
{
	start && enrol && [ "$(ctl vm show web1)" = "$(ctl vm show $vm)" ] &&
		[ "$(ctl vm show web2 --json)" = "$(ctl vm show ${vm2^^} --json)" ] &&
		ctl vm remove web1 && [ "$(count)" = 1 ] && ctl vm list | grep -q "^$vm2 "
}

a_name_of_two_vms_is_refused()
{
	start && enrol && ctl vm add --uuid ${vm%a}c --tap tap2 --pid 4713 --name web1 >/dev/null &&
		says 4 'vm remove web1: 2 VMs have this name: give the UUID' ctl vm remove web1 &&
		says 4 'vm show web1: 2 VMs have this name' ctl vm show web1 &&
		says 4 'vm add web1: 2 VMs have this name' ctl vm add web1 && [ "$(count)" = 3 ]
}

a_name_of_no_vm_is_refused()
{
	start && enrol && says 4 'vm remove web: no enrolled VM has this name or UUID: azattestctl vm list' \
		ctl vm remove web && says 4 'vm show web3: no enrolled VM' ctl vm show web3 && [ "$(count)" = 2 ]
}

adding_again_is_harmless()
{
	start && enrol && [ "$(ctl vm add web1)" = "$vm: active" ] &&
		[ "$(ctl vm add $vm2 web1 | paste -sd' ')" = "$vm2: active $vm: active" ] && [ "$(count)" = 2 ]
}

# Those that are not enrolled are the module's to tell of.
without_the_module_only_enrolled_vms_are_known()
{
	start && enrol && says 3 'module azattest is not loaded' ctl vm add web3 &&
		says 3 'module azattest is not loaded' ctl vm add --all &&
		says 3 'module azattest is not loaded' ctl legacy on --add-vms && [ "$(count)" = 2 ]
}

remove_all_is_harmless_again()
{
	start && enrol && ctl vm remove --all | sort >out && cat out &&
		[ "$(paste -sd' ' out)" = "$vm: removed $vm2: removed" ] && [ "$(count)" = 0 ] &&
		[ -z "$(ctl vm remove --all 2>&1)" ]
}

one_failure_does_not_stop_the_others()
{
	local code=0
	start && enrol || return 1
	ctl vm remove web1 web9 web2 >out 2>err || code=$?
	[ $code = 4 ] && [ "$(wc -l <err)" = 1 ] && grep -q 'vm remove web9: no enrolled' err &&
		[ "$(paste -sd' ' out)" = "$vm: removed $vm2: removed" ] && [ "$(count)" = 0 ]
}

dry_run_says_and_does_nothing()
{
	start Active && enrol && ctl vm list >before || return 1
	[ "$(ctl vm remove web1 --dry-run)" = "$vm: would be removed" ] &&
		[ "$(ctl vm remove --dry-run --all | wc -l)" = 2 ] &&
		[ "$(ctl vm add --uuid ${vm%a}c --tap tap2 --dry-run)" = "${vm%a}c: would be enrolled with tap2" ] &&
		[ "$(ctl legacy off --keep-vms --dry-run)" = 'REST access would be turned off' ] &&
		[ "$(ctl legacy off --remove-vms --dry-run | wc -l)" = 3 ] &&
		[ "$(ctl vm bind --uuid ${vm^^} --pid 4711 --dry-run)" = "$vm: would be bound to process 4711" ] &&
		ctl status --json >status && grep -q '^  "bindings": \[\],$' status &&
		[ "$(ctl unbind $vm --dry-run)" = "would end the binding of $vm" ] &&
		ctl vm list | cmp - before && ctl vm add --uuid ${vm%a}c --tap tap2 >/dev/null &&
		[ "$(ctl legacy on --dry-run)" = 'REST access would be turned on' ]
}

legacy_off_is_refused_while_vms_are_enrolled()
{
	start && enrol && says 4 'legacy off: 2 VMs are enrolled: --remove-vms removes them, --keep-vms' \
		ctl legacy off && ctl vm remove web1 && says 4 'legacy off: 1 VM is enrolled' ctl legacy off &&
		ctl vm add $vm2 && ctl legacy off --keep-vms && [ "$(count)" = 1 ] &&
		says 4 'REST access is off' ctl vm add --uuid $vm --tap tap0 && ctl legacy on &&
		ctl legacy off --remove-vms && [ "$(count)" = 0 ] && ctl legacy off
}

hosts_without_documents_take_no_vms()
{
	local state
	for state in Expired Inactive; do
		start $state && says 5 "vm add: host $(uname -n) is $state: azattestctl status tells" \
			ctl vm add --uuid $vm --tap tap0 && says 5 "vm add: host $(uname -n) is $state" ctl vm add web1 &&
			says 5 "vm add: host $(uname -n) is $state" ctl vm add --all && ctl legacy off &&
			says 5 "legacy on --add-vms: host $(uname -n) is $state" ctl legacy on --add-vms &&
			says 4 'REST access is off' env "${hasty[@]}" vm add --uuid $vm --tap tap0 || return 1
	done
}
# Without azattestd nothing speaks against it; what is refused then is refused by hostd.
hasty=("$top/build/bin/azattestctl" --socket "$work/none" --api "$work/api.sock")

hosts_in_any_state_lose_vms()
{
	start Expired && "${hasty[@]}" vm add --uuid $vm --tap tap0 >/dev/null && ctl vm remove $vm &&
		[ "$(count)" = 0 ] && start Error && ctl vm add --uuid $vm --tap tap0
}

wrong_usage_is_2()
{
	start && says 2 'takes --uuid and --tap, or names, or --all' ctl vm add &&
		says 2 'takes --uuid and --tap' ctl vm add --all web1 && says 2 'or --all' ctl vm add web1 --tap tap0 &&
		says 2 'or --all' ctl vm add web1 --json && says 2 'takes VMs, or --all' ctl vm remove --all web1 &&
		says 2 'takes --add-vms with on' ctl legacy off --add-vms &&
		says 2 'takes --add-vms with on' ctl legacy on --keep-vms &&
		says 2 'takes --add-vms with on' ctl legacy off --keep-vms --remove-vms
}

# member FILE NAME: its value, as jansson prints it
member()
{
	sed -n "s/^ *\"$2\": \(.*[^,]\),*$/\1/p" "$1"
}

the_cmdlets_names_are_members()
{
	start Active && enrol && ctl status --json >status && ctl vm show web1 --json >one &&
		ctl vm list --json >list && cat status one || return 1
	[ "$(member status ComputerName)" = "\"$(uname -n)\"" ] && [ "$(member status Status)" = '"Active"' ] &&
		[ "$(member status Expiration)" = null ] &&
		[ "$(member status AttestationSwitchId)" = '"azhost-imds"' ] &&
		[ "$(member status LegacyOsSupport)" = '"Enabled"' ] &&
		[ "$(member status IMDSAttestation)" = '"Enabled"' ] &&
		[ "$(member one Name)" = '"web1"' ] && [ "$(member one Status)" = '"Connected"' ] &&
		[ "$(member one AttestationHost)" = "\"$(uname -n)\"" ] &&
		[ "$(tr -d ' \n' <one | grep -o '"SupportedVersions":[^]]*')" = '"SupportedVersions":["V1"' ] &&
		[ "$(member list Name | sort | paste -sd' ')" = '"web1" "web2"' ] && ctl legacy off --keep-vms &&
		ctl status --json >status && [ "$(member status LegacyOsSupport)" = '"Disabled"' ] &&
		[ "$(member status AttestationSwitchId)" = null ] && rm api.sock && ctl status --json >status &&
		[ "$(member status LegacyOsSupport)" = null ]
}

promises="a_name_is_as_good_as_a_uuid a_name_of_two_vms_is_refused a_name_of_no_vm_is_refused
	adding_again_is_harmless without_the_module_only_enrolled_vms_are_known
	remove_all_is_harmless_again one_failure_does_not_stop_the_others dry_run_says_and_does_nothing
	legacy_off_is_refused_while_vms_are_enrolled hosts_without_documents_take_no_vms
	hosts_in_any_state_lose_vms wrong_usage_is_2 the_cmdlets_names_are_members"

ktap_why_not()
{
	[ "$1" != without_the_module_only_enrolled_vms_are_known ] ||
		! [ -e /dev/azattest ] || echo "the module is loaded"
}

ktap_try $promises
