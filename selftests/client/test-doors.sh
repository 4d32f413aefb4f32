#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Promises of azattest about the two doors: which is asked, which answer counts, what is said.

# Promises are called by their names out of a list.
# shellcheck disable=SC2317

set -u

top=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=selftests/lib/ktap.sh
. "$top/selftests/lib/ktap.sh"
azattest=$top/build/bin/azattest
patience=$((60 * ${AZ_TIMEOUT_SCALE:-1}))

work=$(mktemp -d)
vsock=() rest=()
stop()
{
	kill "${vsock[@]}" "${rest[@]}" 2>/dev/null
	wait "${vsock[@]}" "${rest[@]}" 2>/dev/null
	vsock=() rest=()
}
trap 'stop; rm -rf "$work"' EXIT
cd "$work" || exit 1

# Two documents that can be told apart, and an issuer's certificate.
printf '\x30\x03\x02\x01\x01' >vsock.der
printf '\x30\x03\x02\x01\x02' >rest.der
printf '{"encoding":"pkcs7","signature":"%s"}' "$(base64 -w0 rest.der)" >rest.json
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key \
	-subj /CN=issuer -days 10 -outform DER -out issuer.der 2>/dev/null

# vsock WORD...: a fake host at the door where vsock leads; without words nobody
vsock()
{
	rm -f host
	[ $# != 0 ] || return 0
	"$top/build/selftests/fake-host" host "$@" >vsock.out &
	vsock=($!)
	ktap_wait_for "$patience" grep -qs listening vsock.out
}

port()
{
	sed -n 's/^listening //p' rest.out
}

# rest WORD...: a fake REST service; without words nobody listens at its port
rest()
{
	if [ $# = 0 ]; then
		rest reset && exec 3<>"/dev/tcp/127.0.0.1/$(port)" && exec 3>&- &&
			wait "${rest[@]}"
		return
	fi
	rm -f rest.out
	"$top/build/selftests/fake-rest" "$@" >rest.out &
	rest=($!)
	ktap_wait_for "$patience" grep -qs listening rest.out
}

# get WORD...: from both doors; its exit code is in $code
get()
{
	code=0
	"$azattest" get --connect unix:host --address "127.0.0.1:$(port)" --nonce abc --wait 0 \
		--der "$@" >out 2>err || code=$?
	echo "exit code $code:"
	cat err
}

# from CODE DOOR: that exit code, and with success the document of that door
from()
{
	[ "$code" = "$1" ] || return 1
	if [ "$code" = 0 ]; then
		cmp out "$2.der"
	else
		[ ! -s out ] && [ "$(wc -l <err)" = 1 ]
	fi
}

asked_rest()
{
	grep -q '^GET' rest.out
}

vsock_is_asked_first_and_said()
{
	vsock ok:vsock.der && rest ok:rest.json && get && from 0 vsock && ! asked_rest &&
		grep -qx 'azattest get: answered over vsock' err
}

# falls_back WORD NAME: what vsock does, and what is said of it
falls_back()
{
	stop
	# shellcheck disable=SC2086 # no word: nobody
	vsock $1 && rest ok:rest.json && get && from 0 rest && [ "$(wc -l <err)" = 1 ] &&
		grep -q "answered over REST, as over vsock: .* ($2)$" err
}

rest_is_asked_where_vsock_leads_to_nobody_who_knows_the_vm()
{
	falls_back "" reset && falls_back reset reset && falls_back refused:4 unbound &&
		falls_back status:4 unbound
}

# What the host says over vsock of this VM it would say over REST too.
an_answer_over_vsock_is_final()
{
	local status code_of=14
	for status in 1 2 3 5 6 7 8; do
		[ "$status" != 5 ] || code_of=18
		stop
		vsock "status:$status" && rest ok:rest.json && get && from "$code_of" vsock &&
			! asked_rest || return 1
		code_of=$((code_of + 1))
	done
	stop
	vsock garbage && rest ok:rest.json && get && from 13 vsock && ! asked_rest
}

each_status_of_rest_has_its_exit_code()
{
	local row
	for row in 400:19 403:18 404:20 410:14 429:16 500:21 503:15 405:13 502:13; do
		stop
		vsock && rest "status:${row%:*}" && get --via rest && from "${row#*:}" rest &&
			grep -q "the host answers ${row%:*}: said so" err || return 1
	done
}

what_no_rest_service_does_has_its_exit_code()
{
	rest redirect && get --via rest && from 13 rest && stop &&
		rest garbage && get --via rest && from 13 rest && stop &&
		rest reset && get --via rest && from 11 rest && stop &&
		rest && get --via rest && from 11 rest &&
		get --via rest --interface az-none && from 22 rest
}

# both VSOCK REST CODE: what each does, and which failure is told
both()
{
	stop
	# shellcheck disable=SC2086 # no word: nobody
	vsock $1 && rest $2 && get && from "$3" none && grep -q '; over REST: ' err
}

of_two_failures_what_a_host_said_is_told()
{
	both reset status:503 15 && both refused:4 status:403 18 && both refused:4 reset 17 &&
		both refused:4 garbage 17 && both reset garbage 11 && both "" "" 11
}

via_forces_a_door()
{
	vsock ok:vsock.der reset && rest ok:rest.json && get --via rest && from 0 rest &&
		[ ! -s err ] && get --via vsock && from 0 vsock && [ ! -s err ] &&
		get --via vsock && from 11 vsock && [ "$(grep -c ^GET rest.out)" = 1 ]
}

# It must not go elsewhere: here the service's own address would be asked.
an_address_for_one_door_forces_it()
{
	vsock reset && rest ok:rest.json || return 1
	code=0
	"$azattest" get --connect unix:host --wait 0 --nonce abc >out 2>err || code=$?
	from 11 vsock && ! grep -q REST err || return 1
	"$azattest" get --address "127.0.0.1:$(port)" --wait 0 --nonce abc --json >out 2>err &&
		[ ! -s err ] && [ "$(cat out)" = "$(cat rest.json)" ]
}

both_doors_are_asked_in_each_try()
{
	vsock reset reset refused:4 && rest status:410 reset ok:rest.json &&
		get --wait "$patience" && from 0 rest && [ "$(wc -l <err)" = 3 ] &&
		grep -q '(retry): trying again' err && grep -q '(reset): trying again' err &&
		tail -n 1 err | grep -q 'answered over REST, as over vsock: .*(unbound)$'
}

the_nonce_and_version_are_asked_for()
{
	rest ok:rest.json ok:rest.json && get --via rest --nonce x-Y_9 --api-version 2018-10-01 &&
		from 0 rest &&
		grep -qx 'GET /metadata/attested/document?api-version=2018-10-01&nonce=x-Y_9 HTTP/1.1' rest.out &&
		"$azattest" get --address "127.0.0.1:$(port)" --no-nonce --wait 0 >out &&
		grep -qx 'GET /metadata/attested/document?api-version=2020-09-01 HTTP/1.1' rest.out
}

the_issuer_comes_over_rest_too()
{
	vsock reset && rest ok:issuer.der ok:issuer.der ok:rest.json || return 1
	"$azattest" issuer --connect unix:host --address "127.0.0.1:$(port)" --wait 0 --der >out 2>err &&
		cmp out issuer.der && grep -q 'answered over REST' err &&
		grep -qx 'GET /metadata/attested/issuer.cer HTTP/1.1' rest.out &&
		"$azattest" issuer --address "127.0.0.1:$(port)" --wait 0 >out &&
		cmp <(openssl x509 -in out -outform DER) issuer.der || return 1
	code=0
	"$azattest" issuer --address "127.0.0.1:$(port)" --wait 0 >out 2>err || code=$?
	from 13 rest
}

wrong_usage_is_2()
{
	local words
	rest reset
	for words in "--via ftp" "--address localhost" "--address 127.0.0.1:" \
		"--address 127.0.0.1:0" "--address 127.0.0.1:65536" "--address 127.0.0.1:8x" \
		"--address [::1]:80" "--address 1.2.3.4.5" "--interface a234567890123456"; do
		code=0
		# shellcheck disable=SC2086 # words
		"$azattest" get --via rest --address 127.0.0.1:1 --wait 0 --nonce abc $words \
			>out 2>err || code=$?
		cat err
		from 2 none || return 1
	done
	code=0
	"$azattest" hello --via rest >out 2>err || code=$?
	[ "$code" = 2 ]
}

ktap_before()
{
	stop
}

promises="vsock_is_asked_first_and_said rest_is_asked_where_vsock_leads_to_nobody_who_knows_the_vm
	an_answer_over_vsock_is_final each_status_of_rest_has_its_exit_code
	what_no_rest_service_does_has_its_exit_code of_two_failures_what_a_host_said_is_told
	via_forces_a_door an_address_for_one_door_forces_it both_doors_are_asked_in_each_try
	the_nonce_and_version_are_asked_for the_issuer_comes_over_rest_too wrong_usage_is_2"

# shellcheck disable=SC2086 # one word each
ktap_try $promises
