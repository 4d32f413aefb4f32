#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of the real azattestd on the real module: documents, reload, dead signers.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/azattestd/realdaemon.sh
. "$top/selftests/azattestd/realdaemon.sh"
echo "# timeout: 400"

configure()
{
	printf '[host]\nname = node1.test\n[signer]\nuser = nobody\nprocesses = 2\nkey-type = %s\n%s\n' \
		"$1" "${2:-}" > "$dir/conf"
}

daemon_becomes_active()
{
	configure p-256
	start
	await all_ready && ctl status | grep -q 'embedded (self-issued)' &&
		ctl status | grep -qE '^key: *(tpm|host-key)'
}

document_verifies_by_the_documented_commands()
{
	[ "$(ask 20201001 abc-_123 - "$dir/document")" = ok ] &&
		ctl trust --output "$dir/root.pem" &&
		ctl trust --issuer --output "$dir/both.pem" &&
		openssl smime -verify -inform DER -in "$dir/document" -noverify |
			grep -q '"nonce":"abc-_123"' &&
		openssl smime -verify -inform DER -in "$dir/document" -CAfile "$dir/both.pem" |
			grep -q '"vmId":"' &&
		openssl pkcs7 -inform DER -in "$dir/document" -print_certs -out "$dir/leaf.pem"
}

refusals_are_told_apart_and_counted()
{
	[ "$(ask 20201001 a silver)" = denied ] && [ "$(ask 20180402 a -)" = unsupported ] &&
		[ "$(ask 20181001 - -)" = ok ] &&
		await number_is denied 1 && await number_is unsupported 1 &&
		grep -q 'refused vm=.*status=denied' "$dir/log"
}

killed_signers_are_replaced()
{
	local before
	before=$(signers)
	# shellcheck disable=SC2086 # one word each
	kill -KILL $before
	[ "$(ask 20201001 a -)" = ok ] && await all_ready &&
		[ "$(number restarts)" -ge 2 ] &&
		[ -z "$(comm -12 <(sort <<< "$before") <(signers | sort))" ]
}

bad_reload_keeps_the_running_configuration()
{
	local before
	before=$(signers)
	echo bogus >> "$dir/conf"
	kill -HUP "$daemon"
	await grep -q 'reload refused' "$dir/log" && [ "$(signers)" = "$before" ] &&
		[ "$(ask 20201001 a -)" = ok ]
}

good_reload_goes_live_without_a_gap()
{
	local before ended
	before=$(signers)
	configure p-256 '[profile silver]'
	"$tests/azask" 20201001 a - "$dir/document" 15 > "$dir/asked" &
	kill -HUP "$daemon"
	await grep -q '^azattestd: reloaded' "$dir/log" || return 1
	wait $!
	ended=$(sort "$dir/asked" | uniq -c | tr -s ' ')
	[ "$ended" = " 15 ok" ] && await all_ready && [ "$(signers)" != "$before" ] &&
		[ "$(ask 20201001 a silver)" = ok ]
}

another_key_type_is_a_new_generation()
{
	configure rsa-2048
	kill -HUP "$daemon"
	await number_is generation 2 && await all_ready &&
		[ "$(ask 20201001 a - "$dir/document")" = ok ] &&
		ctl trust --issuer --output "$dir/both.pem" &&
		openssl smime -verify -inform DER -in "$dir/document" -CAfile "$dir/both.pem" |
			grep -q '"nonce":"a"'
}

second_daemon_is_refused()
{
	"$bin/azattestd" --config "$dir/conf" --state "$dir/state" --run "$dir/run2" 2> "$dir/second"
	[ $? = 4 ] && grep -q 'another azattestd' "$dir/second"
}

term_ends_with_zero_and_guests_hear_retry()
{
	kill -TERM "$daemon"
	wait "$daemon" || return 1
	daemon=
	[ "$(ask 20201001 a -)" = retry ] && ! ctl status 2> "$dir/error" &&
		grep -q 'is azattestd running' "$dir/error"
}

restart_keeps_the_certificate()
{
	local serial
	serial=$(openssl x509 -in "$dir/state/leaf-000002/cert.pem" -noout -serial)
	start
	await all_ready && number_is generation 2 && [ "$(ask 20201001 a -)" = ok ] &&
		[ "$serial" = "$(openssl x509 -in "$dir/state/leaf-000002/cert.pem" -noout -serial)" ]
}

promises="daemon_becomes_active document_verifies_by_the_documented_commands
	refusals_are_told_apart_and_counted killed_signers_are_replaced
	bad_reload_keeps_the_running_configuration good_reload_goes_live_without_a_gap
	another_key_type_is_a_new_generation second_daemon_is_refused
	term_ends_with_zero_and_guests_hear_retry restart_keeps_the_certificate"

# shellcheck disable=SC2086 # one word each
run_promises $promises
