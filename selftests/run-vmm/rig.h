/* SPDX-License-Identifier: GPL-2.0 */
/* The door for VMMs with a Unix socket; the test is its VMs, and its device too. */
#ifndef SELFTESTS_RUN_VMM_RIG_H
#define SELFTESTS_RUN_VMM_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/azattest_frame.h>
#include <selftests/lib/tap.h>

#define RIG_HEADER	sizeof(struct azattest_frame)

/* A door in a process of its own; the device's other end is the test's. */
struct rig {
	int device;
	struct sockaddr_un address;
	socklen_t len;
	pid_t door;
	int64_t frame_ms;
	int door_device, listener;
};

/* With another time for a frame, or a small buffer towards the device; 0: as it is. */
void rig_start_at(struct rig *rig, int64_t frame_ms, int door_buffer);
void rig_start(struct rig *rig);
/* The child kept a copy of our end, so the binding "ends" by its shutdown. */
void rig_stop(struct rig *rig);

/* ---- a VM ---- */

int rig_vm_connect(const struct rig *rig);
void rig_put(int fd, const void *data, size_t len);
/* A header alone, into @to; its length. */
size_t rig_request(unsigned char *to, uint8_t type, uint32_t id,
		   uint32_t length);
/* A whole request. */
void rig_ask(int fd, uint32_t id);
/* Reads exactly @len bytes, or the end: then false. */
bool rig_vm_read(int fd, void *to, size_t len);
/* A whole reply; its header. */
struct azattest_frame rig_vm_reply(int fd);
bool rig_vm_closed(int fd);

/* ---- the device ---- */

/* The next request the device gets; every one of them must be sound. */
size_t rig_device_take(const struct rig *rig, struct azattest_frame *h,
		       unsigned char frame[256]);
struct azattest_frame rig_device_next(const struct rig *rig);
/* Nothing comes for a while. */
bool rig_device_idle(const struct rig *rig);
void rig_device_reply(const struct rig *rig, const struct azattest_frame *to,
		      uint16_t status, const void *data, size_t len);

#endif
