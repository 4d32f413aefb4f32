// SPDX-License-Identifier: GPL-2.0
// Owns a VM of its own for as long as it runs: binds it and asks for documents.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <selftests/lib/azbind.h>

/*
 * azask API-VERSION NONCE PROFILE [FILE [COUNT]]: prints how each request
 * ended, the last document goes to FILE. "-" for no nonce and no profile.
 */
static const char *const names[] = {
	"ok", "retry", "expired", "busy", "unbound", "denied", "bad-request", "unsupported", "fault",
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int bind_vm(const char *profile)
{
	struct azattest_bind bind;
	int fd = azbind_open();

	if (fd < 0)
		fail(AZATTEST_DEVICE);
	azbind_fill(&bind, (uint32_t)getpid());
	memset(bind.profile, 0, sizeof(bind.profile));
	if (strcmp(profile, "-"))
		snprintf((char *)bind.profile, sizeof(bind.profile), "%s", profile);
	if (azbind_bind(fd, &bind))
		fail("BIND");
	return fd;
}

static uint32_t ask(int fd, uint32_t version, const char *nonce, uint8_t *reply, uint32_t *length)
{
	struct azattest_attest attest = {
		.size = sizeof(attest), .api_version = version,
		.reply = (uintptr_t)reply, .reply_size = AZATTEST_FRAME_MAX,
	};

	if (!strcmp(nonce, "-")) {
		attest.flags = AZATTEST_ATTEST_NO_NONCE;
	} else {
		attest.nonce_len = (uint8_t)strlen(nonce);
		memcpy(attest.nonce, nonce, attest.nonce_len);
	}
	if (ioctl(fd, AZATTEST_IOC_ATTEST, &attest))
		fail("ATTEST");
	*length = attest.reply_size;
	return attest.status;
}

int main(int argc, char **argv)
{
	uint8_t reply[AZATTEST_FRAME_MAX];
	uint32_t length = 0, status = 0, count = argc > 5 ? (uint32_t)atoi(argv[5]) : 1;
	int fd;

	if (argc < 4 || strlen(argv[2]) > AZATTEST_NONCE_MAX)
		return 2;
	fd = bind_vm(argv[3]);
	while (count--) {
		status = ask(fd, (uint32_t)strtoul(argv[1], NULL, 10), argv[2], reply, &length);
		puts(status <= AZATTEST_STATUS_MAX ? names[status] : "?");
		fflush(stdout);
	}
	if (argc > 4 && status == AZATTEST_STATUS_OK) {
		FILE *out = fopen(argv[4], "w");

		if (!out || fwrite(reply, 1, length, out) != length || fclose(out))
			fail(argv[4]);
	}
	return status == AZATTEST_STATUS_OK ? 0 : 3;
}
