// SPDX-License-Identifier: GPL-2.0
// Owns the words for every error code, and the one way to report one.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib.h"

struct code {
	int code;
	const char *name;
	const char *meaning;
	const char *hint;
};

#define ASK_HOST	"ask the host's operator"
#define NOT_OURS	"do not accept it: this is not the shape azattest signs"
#define CHECK_TRUST	"give the CA's root with --trust and its issuing " \
			"certificate with --issuer"

static const struct code codes[] = {
	{ AZATTEST_E_OK, "ok", "no failure", "nothing to do" },
	{ AZATTEST_E_ARGUMENT, "argument", "an argument breaks a rule",
	  "correct the argument" },
	{ AZATTEST_E_MEMORY, "memory", "no memory", "free some and try again" },
	{ AZATTEST_E_SYSTEM, "system", "a system call failed",
	  "see the reason given" },
	{ AZATTEST_E_NO_VSOCK, "no-vsock", "this machine has no way to a host",
	  "give the VM a vsock device, or load its driver" },
	{ AZATTEST_E_RESET, "reset", "the host hung up or does not listen",
	  "is azattest running on the host?" },
	{ AZATTEST_E_TIMEOUT, "timeout", "the host did not answer in time",
	  "try again; if it stays, " ASK_HOST },
	{ AZATTEST_E_REPLY, "reply", "the reply breaks the protocol",
	  "is something else listening there?" },
	{ AZATTEST_E_NO_ROUTE, "no-route", "this machine has no way to the REST "
	  "service", "give the network card that leads to the host an address in "
	  "169.254.0.0/16" },
	{ AZATTEST_E_RETRY, "retry", "the host cannot sign right now",
	  "try again; if it stays, " ASK_HOST },
	{ AZATTEST_E_EXPIRED, "expired", "the host has no valid certificate",
	  ASK_HOST " to renew it" },
	{ AZATTEST_E_BUSY, "busy", "this VM asks too often",
	  "ask less often" },
	{ AZATTEST_E_UNBOUND, "unbound", "the host does not know this VM",
	  ASK_HOST " to bind or enrol this VM" },
	{ AZATTEST_E_DENIED, "denied", "this VM is not allowed to ask this",
	  ASK_HOST },
	{ AZATTEST_E_BAD_REQUEST, "bad-request", "the host refuses the request",
	  "check nonce and version" },
	{ AZATTEST_E_UNSUPPORTED, "unsupported", "the host does not speak this",
	  "use a version of azattest that fits the host" },
	{ AZATTEST_E_FAULT, "fault", "the host failed",
	  ASK_HOST " to look at its journal" },
	{ AZATTEST_E_ENCODING, "encoding",
	  "neither DER, one line of base64, nor the JSON body",
	  "give the document as it was received" },
	{ AZATTEST_E_DER, "der", "not strict DER, or bytes after it",
	  NOT_OURS },
	{ AZATTEST_E_SIGNED_DATA, "signed-data",
	  "not a PKCS#7 SignedData version 1", NOT_OURS },
	{ AZATTEST_E_SIGNERS, "signers", "not exactly one signer", NOT_OURS },
	{ AZATTEST_E_DIGEST, "digest", "the digest is not SHA-256",
	  NOT_OURS },
	{ AZATTEST_E_ALGORITHM, "algorithm",
	  "the signature algorithm does not fit the key", NOT_OURS },
	{ AZATTEST_E_CONTENT_TYPE, "content-type", "the content is not id-data",
	  NOT_OURS },
	{ AZATTEST_E_DETACHED, "detached", "the content is not inside",
	  NOT_OURS },
	{ AZATTEST_E_ATTRIBUTES, "attributes", "the signer has attributes",
	  NOT_OURS },
	{ AZATTEST_E_REVOCATIONS, "revocations", "revocation lists inside",
	  NOT_OURS },
	{ AZATTEST_E_SIGNER_CERT, "signer-certificate",
	  "the signer's certificate is not inside exactly once", NOT_OURS },
	{ AZATTEST_E_SIGNATURE, "signature",
	  "the signature does not fit the content",
	  "do not accept it: it was altered or forged" },
	{ AZATTEST_E_ISSUER, "issuer", "an issuer's certificate is missing",
	  CHECK_TRUST },
	{ AZATTEST_E_UNTRUSTED, "untrusted", "the chain ends at no trust anchor",
	  CHECK_TRUST },
	{ AZATTEST_E_CERT_TIME, "certificate-time",
	  "a certificate is not valid at that time",
	  "check the clock; if it is right, do not accept it" },
	{ AZATTEST_E_CHAIN, "chain", "the certificate chain is bad",
	  "do not accept it" },
	{ AZATTEST_E_KEY, "key", "the signer's key is of a wrong kind or size",
	  "do not accept it" },
	{ AZATTEST_E_CA, "ca", "the signer's certificate is not CA:FALSE",
	  "do not accept it" },
	{ AZATTEST_E_KEY_USAGE, "key-usage",
	  "the signer's certificate is not for signatures",
	  "do not accept it" },
	{ AZATTEST_E_EXT_KEY_USAGE, "extended-key-usage",
	  "the signer's certificate is not for this purpose",
	  "do not accept it" },
	{ AZATTEST_E_NAME, "name", "the signer has another name",
	  "do not accept it: another owner of a certificate signed it" },
	{ AZATTEST_E_JSON, "json", "the content is not strict JSON",
	  "do not accept it" },
	{ AZATTEST_E_MEMBERS, "members",
	  "the content is not of the contract's shape", "do not accept it" },
	{ AZATTEST_E_NONCE, "nonce", "the document has another nonce",
	  "do not accept it: it was made for another question" },
	{ AZATTEST_E_FUTURE, "future", "the document is from the future",
	  "check the clocks here and on the host" },
	{ AZATTEST_E_STALE, "stale", "the document has expired",
	  "get a new one" },
	{ AZATTEST_E_LIFETIME, "lifetime", "the document lives too long",
	  "do not accept it" },
	{ AZATTEST_E_VM_ID, "vm-id", "the document is another VM's",
	  "do not accept it from this VM" },
	{ AZATTEST_E_SELF_ISSUED, "self-issued",
	  "the host issued its own certificate",
	  "have the host get one from the fleet's CA" },
	{ AZATTEST_E_TRUST, "trust", "the trust files are unusable",
	  "give PEM certificates, a self-signed root among them" },
};

static const struct code unknown = {
	-1, "unknown", "unknown error code", "use headers and library of one version"
};

static const struct code *find(int code)
{
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return &codes[i];
	return &unknown;
}

const char *azattest_code_name(int code)
{
	return find(code)->name;
}

const char *azattest_code_meaning(int code)
{
	return find(code)->meaning;
}

const char *azattest_code_hint(int code)
{
	return find(code)->hint;
}

bool azattest_code_retryable(int code)
{
	return code == AZATTEST_E_RESET || code == AZATTEST_E_RETRY ||
	       code == AZATTEST_E_BUSY || code == AZATTEST_E_UNBOUND;
}

int fault_set(struct azattest_fault *fault, int code, const char *format, ...)
{
	va_list args;

	if (!fault)
		return code;
	fault->code = code;
	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	return code;
}

/*
 * Text of a stranger for a sentence on a terminal: printable ASCII stays, all
 * else becomes '?', and what is too long ends in "...".
 */
void fault_quote(char *to, size_t size, const char *from, size_t len)
{
	size_t i, fits = len < size ? len : size - 1;

	for (i = 0; i < fits; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[fits] = '\0';
	if (fits < len && size > 4)
		strcpy(to + size - 4, "...");
}
