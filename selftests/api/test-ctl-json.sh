#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattestctl's JSON: it is what docs/schemas says, on a hostd that is a fake.

# Promises are called by their names out of a list.
# shellcheck disable=SC2086,SC2094,SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/api/ctl-rig.sh
. "$top/selftests/api/ctl-rig.sh"

command -v jsonschema >/dev/null || ktap_skip_all "no jsonschema: scripts/deps"

# start: both daemons are fakes
start()
{
	fake_host Active && ctl legacy on
}

# fits SCHEMA FILE
fits()
{
	cat "$2"
	jsonschema -i "$2" "$top/docs/schemas/$1.json"
}

status_fits_its_schema()
{
	start && ctl status --json >with && fits status with &&
		ctl vm bind --uuid $vm --pid 17 --name waits && ctl status --json >waits && fits status waits &&
		grep -q '"state": "waiting"' waits && ctl legacy off &&
		ctl status --json >off && fits status off && rm api.sock &&
		ctl status --json >without && fits status without
}

legacy_fits_its_schema()
{
	start && ctl legacy on --json >on && fits legacy on && ctl vm add --uuid $vm --tap tap0 --json >one &&
		ctl legacy off --remove-vms --json --dry-run >would && fits legacy would &&
		[ "$(tr -d ' \n' <would)" = '{"enabled":false,"dryRun":true,"vms":[{"uuid":"'$vm'","text":"wouldberemoved"}]}' ] &&
		ctl vm show $vm >/dev/null && ctl legacy off --remove-vms --json >off && fits legacy off &&
		[ "$(tr -d ' \n' <off)" = '{"enabled":false,"vms":[{"uuid":"'$vm'","text":"removed"}]}' ] &&
		ctl legacy on --dry-run --json >would && fits legacy would && [ "$(tr -d ' \n' <would)" = '{"enabled":true,"dryRun":true}' ]
}

dry_runs_of_one_vm_fit_their_schema()
{
	start && ctl vm add --uuid ${vm^^} --tap tap0 --json --dry-run >add && fits dry-run add &&
		ctl vm bind --uuid $vm --pid 4711 --json --dry-run >bind && fits dry-run bind &&
		grep -q "\"uuid\": \"$vm\"" add && grep -q 'would be bound to process 4711' bind
}

vms_fit_their_schemas()
{
	start && ctl vm list --json >none && fits vms none && ctl vm add --uuid $vm --tap tap0 --json >one &&
		fits vm one && ctl vm show $vm --json >shown && fits vm shown && ctl vm list --json >some && fits vms some
}

a_binding_and_the_doctor_fit_their_schemas()
{
	local got=0
	start && ctl vm bind --uuid $vm --pid 17 --json >bound && fits binding bound || return 1
	ctl doctor --json >doctor || got=$?
	[ "$got" = 8 ] && fits doctor doctor
}

# Each title names the commands whose JSON it is about.
every_command_with_json_has_a_schema()
{
	local command lines=0
	while read -r command; do
		lines=$((lines + 1))
		grep -h '^ "title"' "$top"/docs/schemas/*.json | grep -q "[ \"]$command --json" ||
			{ echo "no schema: $command"; return 1; }
	done < <(ctl help | sed -nE 's/^  ([a-z][a-z ]*[a-z]) .*--json.*/\1/p' | sed -E 's/^(legacy|vm vsock) .*/\1/')
	[ "$lines" -ge 15 ]
}

# What these would not see no schema would.
control_a_missing_member_and_a_wrong_type_are_seen()
{
	start && ctl vm add --uuid $vm --tap tap0 --json >one && fits vm one &&
		grep -v '"AttestationHost"' one >less && ! fits vm less &&
		sed 's/"slot": 1/"slot": "1"/' one >typed && ! cmp -s one typed && ! fits vm typed
}

promises="status_fits_its_schema legacy_fits_its_schema dry_runs_of_one_vm_fit_their_schema vms_fit_their_schemas
	a_binding_and_the_doctor_fit_their_schemas every_command_with_json_has_a_schema
	control_a_missing_member_and_a_wrong_type_are_seen"

ktap_try $promises
