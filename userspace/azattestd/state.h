/* SPDX-License-Identifier: GPL-2.0 */
/* The state directory: who may own it, folders that appear whole, durable writes. */
#ifndef AZATTESTD_STATE_H
#define AZATTESTD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <userspace/daemon/daemon.h>

/* state.c */

struct state {
	char path[256];
	int dir;
	int lock;
};

/* Of the whole directory. Another layout is another number, and takes over those before it. */
#define STATE_FORMAT		1

#define STATE_LEAF_NAME		32

/* What was opened is ours and nobody else's: owner and mode. */
int state_check(int fd, const char *path, struct failure *failure);
/* Makes it (0700) if need be; refuses another's, and one that others may enter. */
int state_open(struct state *state, const char *path, struct failure *failure);
void state_close(struct state *state);
/*
 * A folder is filled under the name "NAME.new" and appears as NAME at once and
 * whole. begin() removes what a crash left and returns a descriptor.
 */
int state_begin(struct state *state, const char *name, struct failure *failure);
int state_publish(struct state *state, const char *name, int dir, struct failure *failure);
/* A new file in a folder that was begun, 0600, open for writing. */
int state_create(int dir, const char *name, struct failure *failure);
int state_write(int dir, const char *name, const void *bytes, size_t length,
		struct failure *failure);
/* Removes what begin() made, or a folder; that it cannot is no failure. */
void state_abandon(struct state *state, const char *name);
void state_drop(struct state *state, const char *name);
/* Overwrites all files of a folder and removes it: 0 when nothing of it is left. */
int state_destroy(struct state *state, const char *name, struct failure *failure);
/* The same for each folder that may hold a key. */
int state_destroy_keys(struct state *state, struct failure *failure);
/* An existing folder; -ENOENT without a failure's text. */
int state_folder(struct state *state, const char *name, struct failure *failure);
/* Bytes of a file; refuses another's, and one that others may read. */
int state_read(struct state *state, const char *folder, const char *name, void *buf, size_t size,
	       struct failure *failure);
/* A file beside the folders, for notes that are no secret: the older or the new one, whole. */
int state_replace(struct state *state, const char *name, const void *bytes, size_t length,
		  struct failure *failure);
/* The same file, open for reading. */
int state_open_file(struct state *state, const char *folder, const char *name,
		    struct failure *failure);
/* A file of a folder takes the place of another, at once and durable. */
int state_move_in(struct state *state, const char *folder, const char *name, const void *bytes,
		  size_t length, struct failure *failure);
/* Removes a file, if it is there. */
void state_remove(struct state *state, const char *folder, const char *name);
void state_each(struct state *state,
		void (*each)(struct state *state, const char *name, void *arg), void *arg);
/* Number of the newest leaf folder, 0 if there is none. */
uint64_t state_newest_leaf(struct state *state);
/* The newest below @number, 0 if there is none. */
uint64_t state_older_leaf(struct state *state, uint64_t number);
void state_leaf_name(uint64_t number, char name[STATE_LEAF_NAME]);
/* Removes all leaf folders but @keep, and what crashes left. */
void state_prune(struct state *state, uint64_t keep);
/* Called before each step that a crash may separate; tests replace it. */
void state_step(void);

#endif
