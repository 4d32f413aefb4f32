// SPDX-License-Identifier: GPL-2.0
// Owns the exit codes: one table, which the manual and "azattest exits" show.
#include <string.h>

#include "cli.h"

struct exit_class {
	int exit;
	const char *meaning;
	int first, last;	/* library codes */
};

/* A code of the host or the way to it has an exit code of its own. */
static const struct exit_class classes[] = {
	{ 0, "success", AZATTEST_E_OK, AZATTEST_E_OK },
	{ 2, "wrong usage", AZATTEST_E_ARGUMENT, AZATTEST_E_ARGUMENT },
	{ 1, "this machine failed: memory, files, system calls",
	  AZATTEST_E_MEMORY, AZATTEST_E_SYSTEM },

	{ 10, "no vsock: this machine has no way to a host",
	  AZATTEST_E_NO_VSOCK, AZATTEST_E_NO_VSOCK },
	{ 11, "reset: the host hung up or does not listen",
	  AZATTEST_E_RESET, AZATTEST_E_RESET },
	{ 12, "timeout: the host did not answer in time",
	  AZATTEST_E_TIMEOUT, AZATTEST_E_TIMEOUT },
	{ 13, "reply: the host's reply breaks the protocol",
	  AZATTEST_E_REPLY, AZATTEST_E_REPLY },
	{ 14, "retry: the host could not sign in time",
	  AZATTEST_E_RETRY, AZATTEST_E_RETRY },
	{ 15, "expired: the host has no valid certificate",
	  AZATTEST_E_EXPIRED, AZATTEST_E_EXPIRED },
	{ 16, "busy: this VM asks too often",
	  AZATTEST_E_BUSY, AZATTEST_E_BUSY },
	{ 17, "unbound: the host does not know this VM",
	  AZATTEST_E_UNBOUND, AZATTEST_E_UNBOUND },
	{ 18, "denied: this VM may not ask this",
	  AZATTEST_E_DENIED, AZATTEST_E_DENIED },
	{ 19, "bad-request: the host refuses the request",
	  AZATTEST_E_BAD_REQUEST, AZATTEST_E_BAD_REQUEST },
	{ 20, "unsupported: the host does not speak this version",
	  AZATTEST_E_UNSUPPORTED, AZATTEST_E_UNSUPPORTED },
	{ 21, "fault: the host failed",
	  AZATTEST_E_FAULT, AZATTEST_E_FAULT },
	{ 22, "no-route: this machine has no way to the REST service",
	  AZATTEST_E_NO_ROUTE, AZATTEST_E_NO_ROUTE },

	{ 30, "encoding: not DER, base64 or the JSON body; or not strict DER",
	  AZATTEST_E_ENCODING, AZATTEST_E_DER },
	{ 31, "envelope: not the one shape that is accepted",
	  AZATTEST_E_SIGNED_DATA, AZATTEST_E_SIGNER_CERT },
	{ 32, "signature: does not fit the content",
	  AZATTEST_E_SIGNATURE, AZATTEST_E_SIGNATURE },
	{ 33, "chain: does not lead to the trusted root",
	  AZATTEST_E_ISSUER, AZATTEST_E_UNTRUSTED },
	{ 34, "certificate: not valid at that time",
	  AZATTEST_E_CERT_TIME, AZATTEST_E_CERT_TIME },
	{ 33, NULL, AZATTEST_E_CHAIN, AZATTEST_E_CHAIN },
	{ 35, "certificate: wrong key, CA flag, key usage or purpose",
	  AZATTEST_E_KEY, AZATTEST_E_EXT_KEY_USAGE },
	{ 36, "name: the signer's certificate has another name",
	  AZATTEST_E_NAME, AZATTEST_E_NAME },
	{ 37, "content: not strict JSON of the contract's shape",
	  AZATTEST_E_JSON, AZATTEST_E_MEMBERS },
	{ 38, "nonce: made for another question",
	  AZATTEST_E_NONCE, AZATTEST_E_NONCE },
	{ 39, "time: from the future, expired, or living too long",
	  AZATTEST_E_FUTURE, AZATTEST_E_LIFETIME },
	{ 40, "vm-id: another VM's document",
	  AZATTEST_E_VM_ID, AZATTEST_E_VM_ID },
	{ 41, "self-issued: by the host's own CA, and --require-issued given",
	  AZATTEST_E_SELF_ISSUED, AZATTEST_E_SELF_ISSUED },
	{ 42, "trust: the trust files hold no usable certificate or root",
	  AZATTEST_E_TRUST, AZATTEST_E_TRUST },
};

#define CLASSES	(sizeof(classes) / sizeof(classes[0]))

int exits_code(int code)
{
	size_t i;

	for (i = 0; i < CLASSES; i++)
		if (code >= classes[i].first && code <= classes[i].last)
			return classes[i].exit;
	return 1;
}

int exits_run(const struct command *self, int argc, char **argv)
{
	size_t i;

	if (argc > 1) {
		if (!strcmp(argv[1], "--help")) {
			main_command_help(self, stdout);
			return 0;
		}
		return main_usage_error(self);
	}
	for (i = 0; i < CLASSES; i++)
		if (classes[i].meaning)
			printf("%3d  %s\n", classes[i].exit, classes[i].meaning);
	return 0;
}
