# SPDX-License-Identifier: GPL-2.0
# What the real guest runs: gets a document from its host, and verifies it.

say()
{
	echo "AZ $*"
}

say nonce guest-4711
if azattest get --nonce guest-4711 >/tmp/document 2>/tmp/words; then
	say get ok
else
	say get failed $?
fi
sed 's/^/AZ words /' /tmp/words
while read -r line; do
	say document "$line"
done </tmp/document
if azattest issuer --pem >/tmp/issuer.pem; then
	sed "s/^/AZ issuer-pem /" /tmp/issuer.pem
	say issuer ok
else
	say issuer failed $?
fi
if azattest verify --trust /az/root.pem --issuer /tmp/issuer.pem --nonce guest-4711 /tmp/document \
	>/tmp/verdict 2>&1; then
	say verify ok
else
	say verify failed $?
fi
sed 's/^/AZ verdict /' /tmp/verdict
azattest verify --trust /az/root.pem --issuer /tmp/issuer.pem --nonce another /tmp/document \
	>/tmp/verdict 2>&1 && say othernonce accepted || say othernonce refused
