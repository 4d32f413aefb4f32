/* SPDX-License-Identifier: GPL-2.0 */
/* What a VMM does with /dev/azattest, and what an operator does with limits. */
#ifndef SELFTESTS_LIB_AZBIND_H
#define SELFTESTS_LIB_AZBIND_H

#include <linux/azattest.h>
#include <linux/azattest_frame.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For main(): skips the whole program where the module is not loaded. */
void azbind_need_module(void);
bool azbind_present(void);

/* An open /dev/azattest (O_RDWR, O_CLOEXEC), or -errno. */
int azbind_open(void);

/* The UUID that tests give to VM `number`; two numbers, two UUIDs. */
void azbind_uuid(uint8_t uuid[AZATTEST_UUID_LEN], uint32_t number);

/* A valid request for VM `number`, without CID and life_fd; change at will. */
void azbind_fill(struct azattest_bind *b, uint32_t number);
void azbind_fill_cid(struct azattest_bind *b, uint32_t number, uint64_t cid, int vhost_fd);

/* The plain ioctls: 0 or -errno. */
int azbind_bind(int fd, struct azattest_bind *b);
int azbind_attach(int fd, const uint8_t uuid[AZATTEST_UUID_LEN], uint32_t transport);
int azbind_info(int fd, struct azattest_info *info);

/*
 * BIND with a new file. cid 0: none. life_fd -1: none. An open file that owns
 * the binding, or -errno; *generation may be NULL.
 */
int azbind_new(uint32_t number, uint32_t cid, int vhost_fd, int life_fd, uint64_t *generation);

/*
 * ATTEST ioctl. Negative: -errno. Else the status; with OK *len becomes the
 * length of the document in buf (in: size of buf). nonce_len 0: NO_NONCE.
 */
int azbind_attest(int fd, const void *nonce, size_t nonce_len, void *buf, uint32_t *len);

/* /sys/module/azattest/parameters/NAME; -errno, or the value, or 0. */
int64_t azbind_limit_get(const char *name);
int azbind_limit_set(const char *name, uint32_t value);

/*
 * For a promise that needs other limits: sets one, or breaks the promise. The
 * old value comes back when the promise ends, however it ends.
 */
void azbind_limit(const char *name, uint32_t value);

#endif /* SELFTESTS_LIB_AZBIND_H */
