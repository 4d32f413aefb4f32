/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What azattestd and azattest-keeper both have to know; always of one build.
 *
 * Descriptors of azattest-keeper, from its first instruction on:
 *
 *   3  read end: struct keeper_setup
 *   4  SOCK_SEQPACKET: struct seal_ask with a pipe's write end, which gets the
 *      grant; or is closed without one
 *   5  write end: struct keeper_report, once
 *   6  empty file, for a new wrapping key; anything if there is none
 *   7  and on: files of wrapping keys, struct keeper_setup says how many
 *
 * azattestd opens the files and never reads what is secret in them.
 */
#ifndef AZATTEST_KEEPER_H
#define AZATTEST_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include <userspace/seal/seal.h>

#define KEEPER_FD_SETUP		3
#define KEEPER_FD_ASK		4
#define KEEPER_FD_REPORT	5
#define KEEPER_FD_NEW		6
#define KEEPER_FD_KEKS		7

#define KEEPER_MAGIC		0x617a6b31u
#define KEEPER_KEKS		4	/* wrapping keys that may be in use at once */
#define KEEPER_PATH_MAX		255
#define KEEPER_NO_EXTEND	UINT32_MAX

/**
 * struct keeper_setup
 * @parent:     pid of azattestd: without it the keeper ends
 * @uid, @gid:  what to become; (uid_t)-1: stay
 * @level:      enum seal_level that is wanted; SEAL_FILE: make none
 * @require:    the least that a new one may have
 * @pcrs:       a bit for each
 * @extend:     PCR to extend after unsealing, or KEEPER_NO_EXTEND
 * @count:      files from KEEPER_FD_KEKS on
 * @required:   so many of them, the first ones, must open
 * @no_file:    0, or the errno that says why a new one cannot be written
 * @id:         of a new one
 * @tcti:       where the TPM is
 * @credential: file of the service manager's, "": none
 */
struct keeper_setup {
	uint32_t magic;
	uint32_t size;
	int32_t parent;
	uint32_t uid;
	uint32_t gid;
	uint32_t level;
	uint32_t require;
	uint32_t pcrs;
	uint32_t extend;
	uint32_t count;
	uint32_t required;
	uint32_t no_file;
	uint8_t id[SEAL_ID_LEN];
	char tcti[KEEPER_PATH_MAX + 1];
	char credential[KEEPER_PATH_MAX + 1];
};

#define KEEPER_WHY_MAX		400

/**
 * struct keeper_report - the keeper's only words
 * @ok:      it has opened what it must, has made what is wanted, and serves
 * @level:   of new blobs; SEAL_FILE: it gives no grant for new ones
 * @memory:  ARENA_SECRET or ARENA_LOCKED
 * @opened:  a bit for each of the files
 * @made:    there is a new one
 * @id:      of the wrapping key that new blobs get
 * @why:     the failure; or why @level is not better
 */
struct keeper_report {
	uint32_t magic;
	uint32_t ok;
	uint32_t level;
	uint32_t memory;
	uint32_t opened;
	uint32_t made;
	uint8_t id[SEAL_ID_LEN];
	char why[KEEPER_WHY_MAX];
};

#endif
