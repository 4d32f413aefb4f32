// SPDX-License-Identifier: GPL-2.0
/* Loads and unloads the module, for promises about that. */
#include <selftests/lib/azmodule.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <selftests/lib/azbind.h>
#include <selftests/lib/tap.h>

/* AZ_MODULE, or the one that was built beside this program. */
static const char *module_path(void)
{
	static char path[PATH_MAX + 128];
	const char *given = getenv("AZ_MODULE");
	char self[PATH_MAX] = "";
	struct utsname u;

	if (given)
		return given;
	uname(&u);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || !strrchr(self, '/'))
		return NULL;
	*strrchr(self, '/') = 0;
	snprintf(path, sizeof(path), "%s/../kmod/%s/azattest.ko", self, u.release);
	return path;
}

void azmodule_need(void)
{
	const char *path = module_path();

	if (!path || access(path, R_OK))
		tap_skip("no azattest.ko to load again: set AZ_MODULE");
}

int azmodule_open(void)
{
	int fd = open(module_path(), O_RDONLY | O_CLOEXEC);

	tap_need(fd >= 0);
	return fd;
}

int azmodule_init_with(int fd, const char *parameters)
{
	return syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
}

int azmodule_init(int fd)
{
	return azmodule_init_with(fd, "");
}

int azmodule_unload(void)
{
	return syscall(SYS_delete_module, "azattest", O_NONBLOCK) ? -errno : 0;
}

void azmodule_load(void)
{
	int fd = azmodule_open();

	/* To selftests/run: these lines of the kernel log are wanted. */
	tap_diag("expect-klog: azattest: listening on vsock port");
	tap_need_eq(azmodule_init(fd), 0);
	close(fd);
	tap_need_wait(azbind_present());
}
