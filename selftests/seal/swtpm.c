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

static bool listens(struct swtpm *tpm, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/%s", tpm->dir, name);
	ret = connect(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return !ret;
}

void swtpm_start(struct swtpm *tpm)
{
	char state[120], server[160], control[160];

	snprintf(state, sizeof(state), "dir=%s", tpm->dir);
	snprintf(server, sizeof(server), "type=unixio,path=%s/socket", tpm->dir);
	snprintf(control, sizeof(control), "type=unixio,path=%s/socket.ctrl", tpm->dir);
	tpm->pid = fork();
	if (!tpm->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDERR_FILENO);
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server,
		       "--ctrl", control, "--flags", "not-need-init,startup-clear", NULL);
		_exit(126);
	}
	tap_need_wait(listens(tpm, "socket.ctrl") && listens(tpm, "socket"));
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
