// SPDX-License-Identifier: GPL-2.0
/* What a VMM does with /dev/azattest, and what an operator does with limits. */
#include <selftests/lib/azbind.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <selftests/lib/tap.h>

bool azbind_present(void)
{
	return access(AZATTEST_DEVICE, F_OK) == 0;
}

void azbind_need_module(void)
{
	if (!azbind_present())
		tap_skip_all("no %s: the module is not loaded", AZATTEST_DEVICE);
}

int azbind_open(void)
{
	int fd = open(AZATTEST_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void azbind_uuid(uint8_t uuid[AZATTEST_UUID_LEN], uint32_t number)
{
	static const uint8_t base[AZATTEST_UUID_LEN] = {
		0x0a, 0x27, 0xa7, 0x7e, 0x57, 0xfa, 0x4e, 0x00, 0x8e, 0x00, 0x7e, 0x57,
	};

	memcpy(uuid, base, AZATTEST_UUID_LEN);
	for (int i = 0; i < 4; i++)
		uuid[12 + i] = number >> (24 - 8 * i);
}

void azbind_fill(struct azattest_bind *b, uint32_t number)
{
	memset(b, 0, sizeof(*b));
	b->size = sizeof(*b);
	b->vhost_fd = -1;
	b->life_fd = -1;
	azbind_uuid(b->uuid, number);
	snprintf((char *)b->name, sizeof(b->name), "vm-%u", number);
}

void azbind_fill_cid(struct azattest_bind *b, uint32_t number, uint64_t cid, int vhost_fd)
{
	azbind_fill(b, number);
	b->flags = AZATTEST_BIND_CID;
	b->cid = cid;
	b->vhost_fd = vhost_fd;
}

int azbind_bind(int fd, struct azattest_bind *b)
{
	return ioctl(fd, AZATTEST_IOC_BIND, b) < 0 ? -errno : 0;
}

int azbind_attach(int fd, const uint8_t uuid[AZATTEST_UUID_LEN], uint32_t transport)
{
	struct azattest_attach a = { .size = sizeof(a), .transport = transport };

	memcpy(a.uuid, uuid, sizeof(a.uuid));
	return ioctl(fd, AZATTEST_IOC_ATTACH, &a) < 0 ? -errno : 0;
}

int azbind_info(int fd, struct azattest_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return ioctl(fd, AZATTEST_IOC_INFO, info) < 0 ? -errno : 0;
}

int azbind_new(uint32_t number, uint32_t cid, int vhost_fd, int life_fd, uint64_t *generation)
{
	struct azattest_bind b;
	int fd = azbind_open();
	int err;

	if (fd < 0)
		return fd;
	if (cid)
		azbind_fill_cid(&b, number, cid, vhost_fd);
	else
		azbind_fill(&b, number);
	b.life_fd = life_fd;
	err = azbind_bind(fd, &b);
	if (err) {
		close(fd);
		return err;
	}
	if (generation)
		*generation = b.generation;
	return fd;
}

int azbind_attest(int fd, const void *nonce, size_t nonce_len, void *buf, uint32_t *len)
{
	struct azattest_attest a = {
		.size = sizeof(a),
		.flags = nonce_len ? 0 : AZATTEST_ATTEST_NO_NONCE,
		.api_version = 20181001,
		.nonce_len = nonce_len,
		.reply = (uintptr_t)buf,
		.reply_size = *len,
	};

	if (nonce_len)
		memcpy(a.nonce, nonce, nonce_len);
	if (ioctl(fd, AZATTEST_IOC_ATTEST, &a) < 0)
		return -errno;
	*len = a.reply_size;
	return a.status;
}

static void limit_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "/sys/module/azattest/parameters/%s", name);
}

static int limit_open(const char *name, int flags)
{
	char path[128];
	int fd;

	limit_path(path, sizeof(path), name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int64_t azbind_limit_get(const char *name)
{
	int fd = limit_open(name, O_RDONLY);
	char text[32] = "";
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? (int64_t)strtoull(text, NULL, 10) : -EIO;
}

int azbind_limit_set(const char *name, uint32_t value)
{
	int fd = limit_open(name, O_WRONLY);
	char text[32];
	int n, err = 0;

	if (fd < 0)
		return fd;
	n = snprintf(text, sizeof(text), "%u\n", value);
	if (write(fd, text, n) != n)
		err = -errno;
	close(fd);
	return err;
}

void azbind_limit(const char *name, uint32_t value)
{
	char path[128];

	limit_path(path, sizeof(path), name);
	tap_need_msg(azbind_limit_get(name) >= 0, "no limit \"%s\"", name);
	tap_restore(path);
	tap_need_msg(azbind_limit_set(name, value) == 0, "limit \"%s\" refuses %u", name, value);
}
