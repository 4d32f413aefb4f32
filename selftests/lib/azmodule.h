/* SPDX-License-Identifier: GPL-2.0 */
/* Loads and unloads the module, for promises about that. */
#ifndef SELFTESTS_LIB_AZMODULE_H
#define SELFTESTS_LIB_AZMODULE_H

/* Skips the promise if there is no azattest.ko to load: AZ_MODULE, or beside this program. */
void azmodule_need(void);

/* An open azattest.ko, O_CLOEXEC; breaks the promise if it cannot be opened. */
int azmodule_open(void);

/* The bare calls: 0 or -errno. */
int azmodule_init(int fd);
int azmodule_init_with(int fd, const char *parameters);
int azmodule_unload(void);

/* Both, and the device has come; breaks the promise otherwise. */
void azmodule_load(void);

#endif /* SELFTESTS_LIB_AZMODULE_H */
