# SPDX-License-Identifier: GPL-2.0
# What a real guest runs: gets a document through every door it has, and verifies it.

service=169.254.169.253

say()
{
	echo "AZ $*"
}

# said WORD COMMAND...: its lines on standard error become "AZ words".
said()
{
	word=$1
	shift
	if "$@" 2>/tmp/words; then
		say "$word" ok
	else
		say "$word" failed $?
	fi
	sed 's/^/AZ words /' /tmp/words
}

# lines WORD FILE: its lines become "AZ WORD", the last one too if it has no end.
lines()
{
	sed "s/^/AZ $1 /" "$2"
	echo
}

# All guests give themselves the same address, as guests without DHCP may.
network()
{
	ip link set lo up
	ip link set eth0 up
	ip address add 169.254.10.10/16 dev eth0
}

by_vsock()
{
	azattest get --via vsock --nonce guest-4711 >/tmp/document
}

by_rest()
{
	azattest get --via rest --nonce guest-4712 >/tmp/rest-document
}

by_any()
{
	azattest get --nonce guest-4713 >/tmp/any-document
}

# It asks again, as azattest does: a nested guest has very little of a processor.
by_curl()
{
	curl -sS --noproxy '*' --fail --max-time 20 --retry 10 --retry-all-errors --retry-delay 1 \
		-H 'Metadata: true' --output /tmp/curl-document \
		"http://$service/metadata/attested/document?api-version=2018-10-01&nonce=guest-4714"
}

verify()
{
	azattest verify --trust /az/root.pem --issuer /tmp/issuer.pem "$@" >/tmp/verdict 2>&1
}

say nonce guest-4711
said network network
if [ -e /az/vsock ]; then
	said get by_vsock
	lines document /tmp/document
	azattest issuer --pem >/tmp/issuer.pem && say issuer ok || say issuer failed $?
	said any by_any
else
	said any by_any
	azattest issuer --via rest --pem >/tmp/issuer.pem && say issuer ok || say issuer failed $?
	cp /tmp/any-document /tmp/document
fi
sed "s/^/AZ issuer-pem /" /tmp/issuer.pem
said rest by_rest
lines rest-document /tmp/rest-document
said curl by_curl
lines curl-document /tmp/curl-document
verify --nonce guest-4712 /tmp/rest-document && say verify ok || say verify failed $?
sed 's/^/AZ verdict /' /tmp/verdict
verify --nonce another /tmp/document && say othernonce accepted || say othernonce refused
