// SPDX-License-Identifier: GPL-2.0
// Owns attempts of a process that is no VM at the vsock door and at the module's device.

#include "isolation.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/azattest_frame.h>
#include <linux/vm_sockets.h>

/* A request for a document without a nonce: the shortest that there is. */
struct request {
	struct azattest_frame frame;
	struct azattest_frame_attest attest;
};

static void make_request(struct request *request)
{
	*request = (struct request) {
		.frame = {
			.magic = htole32(AZATTEST_FRAME_MAGIC),
			.version = AZATTEST_FRAME_VERSION,
			.type = AZATTEST_FRAME_ATTEST,
			.length = htole32(sizeof(request->attest)),
			.id = htole32(1),
		},
		.attest = {
			.flags = htole32(AZATTEST_ATTEST_NO_NONCE),
			.api_version = htole32(20200901),
		},
	};
}

/* A refusal is no reply: it says that there is no VM. */
static enum outcome judge(const char *reply, ssize_t length, struct said *line)
{
	struct azattest_frame frame;

	if (length <= 0)
		return said(line, OUTCOME_PASS, "%s", length ? strerror(errno) : "closed without a word");
	if ((size_t)length < sizeof(frame))
		return said(line, OUTCOME_FAIL, "%zd bytes came back", length);
	memcpy(&frame, reply, sizeof(frame));
	if (le16toh(frame.status) == AZATTEST_STATUS_UNBOUND)
		return said(line, OUTCOME_PASS, "refused: no VM is bound to it");
	return said(line, OUTCOME_FAIL, "a reply with status %u and %u bytes came back",
		    le16toh(frame.status), le32toh(frame.length));
}

static enum outcome ask(int fd, struct said *line)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct request request;
	char reply[AZATTEST_FRAME_MAX];

	make_request(&request);
	if (write(fd, &request, sizeof(request)) < 0)
		return said(line, OUTCOME_PASS, "%s", strerror(errno));
	if (poll(&ready, 1, ISOLATION_PATIENCE_MS) <= 0)
		return said(line, OUTCOME_PASS, "no answer");
	return judge(reply, read(fd, reply, sizeof(reply)), line);
}

static enum outcome connect_and_ask(unsigned int from, unsigned int to, unsigned int port,
				    struct said *line)
{
	struct sockaddr_vm own = { .svm_family = AF_VSOCK, .svm_cid = from,
				   .svm_port = VMADDR_PORT_ANY };
	struct sockaddr_vm host = { .svm_family = AF_VSOCK, .svm_cid = to, .svm_port = port };
	struct timeval patience = { .tv_sec = ISOLATION_PATIENCE_MS / 1000 };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum outcome outcome;

	if (fd < 0)
		return said(line, OUTCOME_SKIP, "no vsock: %s", strerror(errno));
	setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof(patience));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)))
		outcome = said(line, OUTCOME_PASS, "CID %u cannot be had: %s", from, strerror(errno));
	else if (connect(fd, (struct sockaddr *)&host, sizeof(host)))
		outcome = said(line, OUTCOME_PASS, "%s", strerror(errno));
	else
		outcome = ask(fd, line);
	close(fd);
	return outcome;
}

/* As the host itself, by the loopback if the host has one. */
enum outcome isolation_loopback(const struct isolation *host, struct said *line)
{
	if (!host->port)
		return said(line, OUTCOME_SKIP, "the module does not listen");
	return connect_and_ask(VMADDR_CID_ANY, VMADDR_CID_HOST, host->port, line);
}

/* As a VM that is none: a CID that no VMM would choose. */
enum outcome isolation_forged_cid(const struct isolation *host, struct said *line)
{
	if (!host->port)
		return said(line, OUTCOME_SKIP, "the module does not listen");
	return connect_and_ask(0x7ffffff1, VMADDR_CID_HOST, host->port, line);
}

/* With a file that was never bound. */
enum outcome isolation_device(const struct isolation *host, struct said *line)
{
	int fd = open(host->device, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	enum outcome outcome;

	if (fd < 0)
		return said(line, OUTCOME_SKIP, "%s: %s", host->device, strerror(errno));
	outcome = ask(fd, line);
	close(fd);
	return outcome;
}
