// SPDX-License-Identifier: GPL-2.0
// Owns a new key's birth as seen from here: azattest-signer makes it, a request comes back.

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>

static int read_request(int fd, X509_REQ **request)
{
	uint8_t der[4096];
	const unsigned char *p = der;
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, der + length, sizeof(der) - length)) > 0)
		length += (size_t)n;
	if (n < 0 || !length || length == sizeof(der))
		return -EIO;
	*request = d2i_X509_REQ(NULL, &p, (long)length);
	ERR_clear_error();
	return *request && p == der + length ? 0 : -EINVAL;
}

static pid_t start_make_key(const struct source_host *host, int key_file, int request, int grant)
{
	const struct config *config = host->config;
	char uid[16], gid[16];
	char *const argv[] = {
		(char *)"azattest-signer",
		(char *)"--make-key", (char *)keytype_name(config->key_type),
		(char *)"--name", (char *)config->name,
		(char *)"--uid", uid, (char *)"--gid", gid,
		grant >= 0 ? (char *)"--sealed" : NULL, NULL
	};
	struct spawn spawn = {
		.path = host->signer, .argv = argv, .fds = { key_file, request, grant },
		.count = 3,
	};

	snprintf(uid, sizeof(uid), "%u", config->uid);
	snprintf(gid, sizeof(gid), "%u", config->gid);
	return spawn_signer(&spawn);
}

static int make_key(const struct source_host *host, int key_file, int grant, X509_REQ **request,
		    struct failure *failure)
{
	int pipe[2], status = 0, ret;
	pid_t pid;

	if (pipe2(pipe, O_CLOEXEC))
		return failure_set(failure, EXIT_FAILURE, -errno, "pipe: %s", strerror(errno));
	pid = start_make_key(host, key_file, pipe[1], grant);
	close(pipe[1]);
	ret = pid < 0 ? pid : read_request(pipe[0], request);
	close(pipe[0]);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status)
		ret = -EIO;
	if (!ret)
		return 0;
	return failure_set(failure, EXIT_FAILURE, ret,
			   "%s --make-key: no key was made (%s %d): see the lines before",
			   host->signer, WIFSIGNALED(status) ? "signal" : "exit code",
			   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* Here and not in the key's maker, which can only end: a full disk has a name. */
static int reserve(int key_file, const char *name, struct failure *failure)
{
	if (!fallocate(key_file, FALLOC_FL_KEEP_SIZE, 0, SETUP_KEY_MAX) || errno == EOPNOTSUPP)
		return 0;
	return failure_set(failure, EXIT_STATE, -errno, "%s: cannot be written: %s", name,
			   strerror(errno));
}

/* It goes on to the key's maker, unread. */
static int ask_grant(const struct source_host *host, int *grant, struct failure *failure)
{
	const struct seal_ask ask = { 0 };

	*grant = seal_grant_ask(host->keeper, &ask);
	if (*grant >= 0)
		return 0;
	return failure_set(failure, EXIT_FAILURE, *grant, "azattest-keeper: cannot be asked: %s",
			   strerror(-*grant));
}

int request_make(const struct source_host *host, int dir, X509_REQ **request,
		 struct failure *failure)
{
	const char *name = host->sealed ? "key.sealed" : "key.pem";
	int key_file = state_create(dir, name, failure);
	int grant = -1, ret;

	if (key_file < 0)
		return key_file;
	ret = reserve(key_file, name, failure);
	if (!ret && host->sealed)
		ret = ask_grant(host, &grant, failure);
	if (!ret)
		ret = make_key(host, key_file, grant, request, failure);
	if (grant >= 0)
		close(grant);
	close(key_file);
	if (ret)
		return ret;
	if (keytype_of(X509_REQ_get0_pubkey(*request)) == (int)host->config->key_type &&
	    X509_REQ_verify(*request, X509_REQ_get0_pubkey(*request)) == 1)
		return 0;
	ERR_clear_error();
	return failure_set(failure, EXIT_FAILURE, -EINVAL,
			   "%s --make-key: made a request that its key did not sign", host->signer);
}
