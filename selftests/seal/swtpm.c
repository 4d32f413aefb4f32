// SPDX-License-Identifier: GPL-2.0
// Owns the TPMs of tests.

#include "swtpm.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <selftests/lib/tap.h>

/*
 * Sockets that listen before swtpm runs: who connects early waits in their queue.
 * To try whether it is up would take one of the connections it serves in turn.
 */
static int listen_at(struct swtpm *tpm, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/%s", tpm->dir, name);
	unlink(address.sun_path);
	tap_need(!bind(fd, (struct sockaddr *)&address, sizeof(address)) && !listen(fd, 4));
	return fd;
}

static void exec_swtpm(struct swtpm *tpm, int server, int control)
{
	char state[120], server_is[40], control_is[40];

	snprintf(state, sizeof(state), "dir=%s", tpm->dir);
	snprintf(server_is, sizeof(server_is), "type=unixio,fd=%d", dup(server));
	snprintf(control_is, sizeof(control_is), "type=unixio,fd=%d", dup(control));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDERR_FILENO);
	execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server_is,
	       "--ctrl", control_is, "--flags", "not-need-init,startup-clear", NULL);
	_exit(126);
}

void swtpm_start(struct swtpm *tpm)
{
	int server = listen_at(tpm, "socket"), control = listen_at(tpm, "socket.ctrl");

	tpm->pid = fork();
	if (!tpm->pid)
		exec_swtpm(tpm, server, control);
	close(server);
	close(control);
}

void swtpm_stop(struct swtpm *tpm)
{
	kill(tpm->pid, SIGKILL);
	tap_need(waitpid(tpm->pid, NULL, 0) == tpm->pid);
}

void swtpm_reboot(struct swtpm *tpm)
{
	swtpm_stop(tpm);
	swtpm_start(tpm);
}

void swtpm_make(struct swtpm *tpm, const char *dir)
{
	if (system("command -v swtpm tpm2_pcrextend >/dev/null"))
		tap_skip("needs swtpm and tpm2-tools");
	snprintf(tpm->dir, sizeof(tpm->dir), "%s", dir);
	snprintf(tpm->tcti, sizeof(tpm->tcti), "swtpm:path=%.79s/socket", dir);
	tap_need(!mkdir(dir, 0755));
	swtpm_start(tpm);
}

int swtpm_tool(struct swtpm *tpm, const char *command)
{
	char line[400];
	int status;

	snprintf(line, sizeof(line), "TPM2TOOLS_TCTI=%s tpm2_%s >/dev/null 2>&1", tpm->tcti, command);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void swtpm_extend(struct swtpm *tpm, unsigned int pcr)
{
	char command[80];

	snprintf(command, sizeof(command), "pcrextend %u:sha256=$(printf %%064d 1)", pcr);
	tap_need_eq(swtpm_tool(tpm, command), 0);
}
