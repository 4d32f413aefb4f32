// SPDX-License-Identifier: GPL-2.0
// Owns the ways to the host: where each door is, and which of them is taken.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"

#define ADDRESS_SIZE	32

static int connect_unix(const char *path, int *fd, struct azattest_fault *fault)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (s >= 0 && !connect(s, (struct sockaddr *)&address, sizeof(address))) {
		*fd = s;
		return 0;
	}
	fault->code = errno == ECONNREFUSED || errno == ENOENT ?
		      AZATTEST_E_RESET : AZATTEST_E_SYSTEM;
	snprintf(fault->text, sizeof(fault->text),
		 "cannot connect to unix:%.108s: %s", path, strerror(errno));
	if (s >= 0)
		close(s);
	return fault->code;
}

static int connect_vsock(const struct door *door, int *fd,
			 struct azattest_fault *fault)
{
	unsigned int cid = AZATTEST_CONNECT_CID, port = AZATTEST_CONNECT_PORT;
	int end = 0;

	if (door->connect && !strncmp(door->connect, "unix:", 5))
		return connect_unix(door->connect + 5, fd, fault);
	if (door->connect &&
	    (sscanf(door->connect, "vsock:%u:%u%n", &cid, &port, &end) != 2 ||
	     door->connect[end])) {
		fault->code = AZATTEST_E_ARGUMENT;
		snprintf(fault->text, sizeof(fault->text), "--connect %.100s: "
			 "neither vsock:CID:PORT nor unix:PATH", door->connect);
		return fault->code;
	}
	return azattest_connect(cid, port, door->timeout_ms, fd, fault);
}

/* ADDRESS or ADDRESS:PORT; what an address is, the library knows. */
static int connect_rest(const struct door *door, int *fd,
			struct azattest_fault *fault)
{
	char address[ADDRESS_SIZE] = AZATTEST_REST_ADDRESS;
	unsigned int port = AZATTEST_REST_PORT;
	int end = 0;

	if (door->address &&
	    (strlen(door->address) >= sizeof(address) ||
	     (sscanf(door->address, "%31[0-9.]%n:%5u%n", address, &end, &port,
		     &end) < 1 || door->address[end] || !port))) {
		fault->code = AZATTEST_E_ARGUMENT;
		snprintf(fault->text, sizeof(fault->text), "--address %.100s: "
			 "not ADDRESS[:PORT], IPv4", door->address);
		return fault->code;
	}
	return azattest_rest_connect(address, port, door->interface,
				     AZATTEST_REST_CONNECT_MS, fd, fault);
}

static int ask_at(enum door_kind kind, const struct door *door,
		  door_question *question, void *arg,
		  struct azattest_fault *fault)
{
	int fd = -1, rc;

	rc = kind == DOOR_VSOCK ? connect_vsock(door, &fd, fault) :
				  connect_rest(door, &fd, fault);
	if (rc)
		return rc;
	rc = question(kind, fd, door->timeout_ms, arg, fault);
	close(fd);
	return rc;
}

/* Nobody spoke there who knows this VM: the other door may lead to one. */
static bool may_be_elsewhere(int code)
{
	return code == AZATTEST_E_NO_VSOCK || code == AZATTEST_E_RESET ||
	       code == AZATTEST_E_TIMEOUT || code == AZATTEST_E_UNBOUND;
}

static bool host_spoke(int code)
{
	return code >= AZATTEST_E_RETRY && code <= AZATTEST_E_FAULT;
}

/* Which of two failures is told: what a host said, else the way that there is. */
static bool rest_counts(int vsock, int rest)
{
	if (host_spoke(rest) || host_spoke(vsock))
		return host_spoke(rest);
	return vsock == AZATTEST_E_NO_VSOCK && rest != AZATTEST_E_NO_ROUTE;
}

static int join_faults(struct azattest_fault *fault,
		       const struct azattest_fault *rest)
{
	struct azattest_fault vsock = *fault;

	if (rest_counts(vsock.code, rest->code))
		fault->code = rest->code;
	snprintf(fault->text, sizeof(fault->text), "%.220s; over REST: %.220s",
		 vsock.text, rest->text);
	return fault->code;
}

static int ask_both(const struct door *door, door_question *question, void *arg,
		    struct azattest_fault *fault)
{
	struct azattest_fault rest;
	int rc = ask_at(DOOR_VSOCK, door, question, arg, fault);

	if (!rc)
		report_note(door->command, "answered over vsock");
	if (!may_be_elsewhere(rc))
		return rc;
	if (ask_at(DOOR_REST, door, question, arg, &rest))
		return join_faults(fault, &rest);
	report_note(door->command, "answered over REST, as over vsock: %s (%s)",
		    fault->text, azattest_code_name(rc));
	return 0;
}

/*
 * --via says which door; else an address given for one of them alone does;
 * else both are tried, vsock first, in each try of the time to wait.
 */
int door_ask(const struct door *door, door_question *question, void *arg,
	     struct azattest_fault *fault)
{
	bool rest = door->address || door->interface;

	if (door->via)
		return ask_at(strcmp(door->via, "rest") ? DOOR_VSOCK : DOOR_REST,
			      door, question, arg, fault);
	if (rest != !!door->connect)
		return ask_at(rest ? DOOR_REST : DOOR_VSOCK, door, question,
			      arg, fault);
	return ask_both(door, question, arg, fault);
}

int door_check(const struct door *door)
{
	if (!door->via || !strcmp(door->via, "vsock") || !strcmp(door->via, "rest"))
		return 0;
	return report_usage(door->command, "--via %s: neither vsock nor rest",
			    door->via);
}

bool door_take_option(struct door *door, int option, const char *value)
{
	switch (option) {
	case 'V':
		door->via = value;
		return true;
	case 'c':
		door->connect = value;
		return true;
	case 'A':
		door->address = value;
		return true;
	case 'I':
		door->interface = value;
		return true;
	default:
		return false;
	}
}
