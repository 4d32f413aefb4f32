#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tests the program azattest as people and scripts meet it: its exit codes,
# its one-line sentences, its forms, against documents made with openssl alone.

set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
azattest=$top/build/bin/azattest
fake=$top/build/selftests/fake-host
work=$(mktemp -d)
host=
trap '[ -z "$host" ] || kill "$host" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1

vm=0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9
nonce=abc-123_XYZ

# ---- certificates and documents, by openssl alone ----

# request NAME SUBJECT
request()
{
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$1.key" -subj "$2" -out "$1.csr" 2>/dev/null
}

# issue NAME ISSUER EXTENSIONS
issue()
{
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -days 30 \
		-CAcreateserial -extfile <(printf '%b' "$3") -out "$1.pem" \
		2>/dev/null
}

# ca PREFIX ORGANIZATION: PREFIX-root, PREFIX-issuer, PREFIX-leaf
ca()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$1-root.key" -subj "/O=$2/CN=root" -days 100 \
		-addext keyUsage=critical,keyCertSign -out "$1-root.pem" \
		2>/dev/null
	request "$1-issuer" "/O=$2/CN=issuing CA"
	issue "$1-issuer" "$1-root" \
		'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'
	request "$1-leaf" "/CN=node1.attest.example.net"
	issue "$1-leaf" "$1-issuer" 'basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth,emailProtection
subjectAltName=DNS:node1.attest.example.net\n'
}

# document PREFIX SECONDS-FROM-NOW >DER
document()
{
	local from until
	from=$(date -u -d "@$(($(date +%s) + $2))" '+%m/%d/%y %H:%M:%S -0000')
	until=$(date -u -d "@$(($(date +%s) + $2 + 21600))" \
		'+%m/%d/%y %H:%M:%S -0000')
	printf '{"licenseType":"","nonce":"%s","plan":{"name":"","product":"","publisher":""},"sku":"","subscriptionId":"","timeStamp":{"createdOn":"%s","expiresOn":"%s"},"vmId":"%s"}' \
		"$nonce" "$from" "$until" "$vm" |
		openssl smime -sign -binary -nodetach -noattr -md sha256 \
			-outform DER -signer "$1-leaf.pem" -inkey "$1-leaf.key"
}

# ---- harness ----

count=0 failed=0

# promise NAME: judges the status of the command before it
promise()
{
	local status=$?
	count=$((count + 1))
	if [ $status = 0 ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		sed 's/^/# out: /' out
		sed 's/^/# err: /' err
		failed=$((failed + 1))
	fi
}

# exits CODE COMMAND...: its exit code; on failure one line, with its name
exits()
{
	local want=$1 got
	shift
	"$@" >out 2>err
	got=$?
	[ $got = "$want" ] || echo "exit code $got, not $want" >>err
	[ $got = "$want" ]
}

# serve WORD...: a fake host at "host"
serve()
{
	[ -z "$host" ] || { kill "$host" 2>/dev/null; wait "$host" 2>/dev/null; }
	rm -f host started
	"$fake" host "$@" >started &
	host=$!
	for _ in {1..1000}; do
		grep -qs listening started && return
		sleep 0.01
	done
	echo "Bail out! no fake host"
	exit 1
}

get()
{
	"$azattest" get --connect unix:host "$@"
}

verify()
{
	"$azattest" verify --trust fleet-root.pem --issuer fleet-issuer.pem "$@"
}

lines()
{
	[ "$(wc -l <"$1")" = "$2" ]
}

ca fleet Example
ca own 'azattest self-issued'
document fleet 0 >good.der
document own 0 >own.der
document fleet -30000 >old.der
document fleet 4000 >early.der
base64 -w0 good.der >good.b64
printf '{"encoding":"pkcs7","signature":"%s"}' "$(cat good.b64)" >good.json
if ! [ -s good.der ] || ! [ -s own.der ]; then
	echo 'Bail out! openssl'
	exit 1
fi

echo TAP version 13
echo 1..55

# ---- verify ----

for form in der b64 json; do
	exits 0 verify --nonce $nonce --vm-id $vm \
		--name .attest.example.net good.$form &&
		grep -q "\"vmId\":\"$vm\"" out && lines out 1 && lines err 1
	promise "verify_prints_content_of_$form"
done
exits 0 verify --nonce $nonce --name .example.net - <good.der
promise verify_reads_standard_input
exits 0 verify good.der && grep -q 'nonce was not checked' err &&
	grep -q 'name was not checked' err
promise verify_says_what_was_not_checked
exits 0 verify --json --nonce $nonce good.der &&
	grep -q '"verdict": "verified"' out &&
	grep -q '"selfIssued": false' out && grep -q '"nonce": true' out
promise verify_json_verdict
exits 38 verify --json --nonce other good.der &&
	grep -q '"check": "nonce"' out && grep -q '"exit": 38' out
promise verify_json_refusal

# one CODE WORD-OF-SENTENCE PROMISE ARGS...: refused in exactly one line
one()
{
	local code=$1 word=$2 name=$3
	shift 3
	exits "$code" "$@" && lines err 1 && lines out 0 &&
		grep -q "^azattest .*($word): " err
	promise "$name"
}

one 38 nonce other_nonce_has_its_exit_code verify --nonce other good.der
one 40 vm-id other_vm_has_its_exit_code \
	verify --vm-id 11111111-2222-3333-4444-555555555555 good.der
one 36 name other_name_has_its_exit_code verify --name .other.net good.der
one 39 stale old_document_has_its_exit_code verify --at "@$(date +%s)" old.der
one 39 future early_document_has_its_exit_code verify early.der
exits 0 verify --skew 4100 early.der
promise skew_is_the_callers
one 39 stale time_is_the_callers \
	verify --at "$(date -u -d '+7 hours' +%Y-%m-%dT%H:%M:%SZ)" good.der
one 34 certificate-time old_certificate_has_its_exit_code \
	verify --at 2035-01-01T00:00:00Z good.der
one 33 issuer missing_issuer_has_its_exit_code \
	"$azattest" verify --trust fleet-root.pem good.der
one 33 issuer foreign_root_has_its_exit_code \
	"$azattest" verify --trust own-root.pem good.der
one 42 trust trust_without_root_has_its_exit_code \
	"$azattest" verify --trust fleet-issuer.pem good.der
one 42 trust trust_that_is_no_certificate_has_its_exit_code \
	"$azattest" verify --trust good.json good.der
sed 's/nonce/mince/' good.der >altered.der
one 32 signature altered_content_has_its_exit_code verify altered.der
{ cat good.der; echo; } >longer.der
one 30 der trailing_byte_has_its_exit_code verify longer.der
echo hello >no.der
one 30 encoding no_document_has_its_exit_code verify no.der
: >empty
one 30 encoding empty_file_has_its_exit_code verify empty
openssl smime -sign -binary -nodetach -md sha256 -outform DER -in good.json \
	-signer fleet-leaf.pem -inkey fleet-leaf.key >attributes.der
one 31 attributes other_envelope_has_its_exit_code verify attributes.der
openssl smime -sign -binary -nodetach -noattr -md sha256 -outform DER \
	-in good.json -signer fleet-leaf.pem -inkey fleet-leaf.key >content.der
one 37 members other_content_has_its_exit_code verify content.der
openssl smime -sign -binary -nodetach -noattr -md sha256 -outform DER \
	-in good.json -signer fleet-issuer.pem -inkey fleet-issuer.key >byca.der
one 35 ca ca_as_signer_has_its_exit_code verify byca.der
own()
{
	"$azattest" verify --trust own-root.pem --issuer own-issuer.pem "$@"
}
exits 0 own --nonce $nonce --name .example.net own.der &&
	grep -q 'self-issued' err
promise self_issued_is_said
one 41 self-issued self_issued_is_refused_when_asked \
	own --require-issued own.der
exits 0 verify --require-issued good.der
promise fleet_issued_passes_require_issued

# ---- usage ----

exits 2 "$azattest"; promise no_command_is_usage
exits 2 "$azattest" nonsense; promise unknown_command_is_usage
exits 2 "$azattest" verify good.der; promise trust_must_be_given
exits 2 verify --at yesterday good.der; promise bad_time_is_usage
exits 2 verify --skew -1 good.der; promise bad_skew_is_usage
exits 2 verify --nonce 'a b' good.der; promise bad_nonce_is_usage
exits 1 verify nowhere.der; promise missing_file_has_its_exit_code
exits 0 "$azattest" help && exits 0 "$azattest" get --help &&
	exits 0 "$azattest" verify --help && exits 0 "$azattest" exits
promise help_is_no_failure

# Every code the program can give is in its own list.
"$azattest" exits >table
grep -o 'exits [0-9]*\|^one [0-9]*' "$top/selftests/client/test-cli.sh" |
	grep -o '[0-9]*' | sort -u | while read -r code; do
	grep -q "^ *$code " table || echo "$code"
done >out
exits 0 test ! -s out; promise tested_codes_are_listed

# The manual's table is the program's, line by line.
sed -n '/^# EXIT CODES/,/^# EXAMPLES/s/^[|:]  //p' \
	"$top/userspace/man/azattest.1.scd" | paste - - |
	awk -F '\t' '{ printf "%3d  %s\n", $1, $2 }' | sort >manual
exits 0 diff manual <(sort table); promise manual_lists_the_same_codes

# ---- get ----

serve ok:good.der ok:good.der ok:good.der
exits 0 get --nonce $nonce --wait 0 && cmp -s out <(cat good.b64; echo) &&
	exits 0 get --nonce $nonce --wait 0 --json &&
	cmp -s out <(cat good.json; echo) &&
	exits 0 get --nonce $nonce --wait 0 --der --output got.der &&
	cmp -s got.der good.der
promise get_gives_three_forms
serve ok:good.der
exits 0 get --wait 0 && grep -Eq '^azattest get: nonce [A-Za-z0-9_-]{32}$' err
promise get_makes_and_says_a_nonce
serve refused:4 status:1 status:3 reset ok:good.der
exits 0 get --nonce $nonce --wait 60 && lines err 4 &&
	grep -q '(unbound): trying again' err &&
	grep -q '(retry): trying again' err &&
	grep -q '(busy): trying again' err && grep -q '(reset): trying again' err
promise get_retries_what_may_heal_and_says_which
serve refused:4 refused:4 refused:4 ok:good.der
exits 0 get --nonce $nonce --wait 60 && lines err 1
promise get_says_it_once

code=14
for status in 1 2 3 4 5 6 7 8; do
	serve status:$status
	exits $code get --nonce $nonce --wait 0 && lines err 1
	promise "status_${status}_has_its_exit_code"
	code=$((code + 1))
done
serve garbage
one 13 reply garbage_has_its_exit_code get --nonce $nonce --wait 0
serve reset
one 11 reset reset_has_its_exit_code get --nonce $nonce --wait 0
exits 2 get --nonce 'a b' --wait 0 && lines err 1
promise bad_nonce_is_refused_before_asking

# ---- issuer ----

openssl x509 -in fleet-issuer.pem -outform DER -out issuer.der
serve ok:issuer.der ok:issuer.der ok:good.der
exits 0 "$azattest" issuer --connect unix:host --wait 0 --output got.pem &&
	cmp -s <(openssl x509 -in got.pem -outform DER) issuer.der &&
	exits 0 "$azattest" issuer --connect unix:host --wait 0 --der &&
	cmp -s out issuer.der &&
	exits 13 "$azattest" issuer --connect unix:host --wait 0
promise issuer_is_fetched_and_must_be_a_certificate

[ $failed = 0 ]
