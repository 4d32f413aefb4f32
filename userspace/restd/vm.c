// SPDX-License-Identifier: GPL-2.0
// Owns the slots: which VM stands behind a peer's address, and the file that speaks for it.

#include "restd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct {
	uint32_t base, count;
	struct vm **at;
} slots;

/* Nobody is told about it but its connections, which are reset. */
static void forget(uint32_t slot)
{
	struct vm *vm = slots.at[slot];

	if (!vm)
		return;
	slots.at[slot] = NULL;
	vm_end(vm);
	json_decref(vm->facts);
	free(vm);
}

void vm_end(struct vm *vm)
{
	vm->ended = true;
	watch_close(&vm->file);
	while (vm->first)
		conn_reset(vm->first);
}

int vm_set_slots(uint32_t base, uint32_t count)
{
	struct vm **at;

	if (!count || count > VM_SLOTS_MAX || base > UINT32_MAX - count)
		return -EINVAL;
	if (slots.at && slots.base == base && slots.count == count)
		return 0;
	at = calloc(count, sizeof(*at));
	if (!at)
		return -ENOMEM;
	for (uint32_t i = 0; slots.at && i < slots.count; i++)
		forget(i);
	free(slots.at);
	slots.base = base;
	slots.count = count;
	slots.at = at;
	return 0;
}

struct vm *vm_of_peer(struct in_addr peer)
{
	uint32_t slot = ntohl(peer.s_addr) - slots.base;
	struct vm *vm = slot < slots.count ? slots.at[slot] : NULL;

	return vm && !vm->ended ? vm : NULL;
}

bool vm_take_token(struct vm *vm)
{
	const struct restlink_config *config = conn_config();
	int64_t full = config->request_burst * 1000LL, now = watch_now_ms();

	if (!config->request_rate)
		return true;
	vm->tokens += (now - vm->filled) * config->request_rate;
	if (vm->tokens > full)
		vm->tokens = full;
	vm->filled = now;
	if (vm->tokens < 1000)
		return false;
	vm->tokens -= 1000;
	return true;
}

static bool same(const struct restlink_vm *a, const struct restlink_vm *b)
{
	return a->slot == b->slot && a->generation == b->generation &&
	       !memcmp(a->uuid, b->uuid, sizeof(a->uuid));
}

static int watch_file(struct vm *vm, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	vm->file = (struct watch){ .fd = fd, .ready = ask_ready, .owner = vm };
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return watch_add(&vm->file, EPOLLIN);
}

static int grant_new(const struct restlink_vm *id, json_t *facts, int fd)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int ret;

	forget(id->slot);
	if (!vm)
		return -ENOMEM;
	vm->id = *id;
	ret = watch_file(vm, fd);
	if (ret) {
		free(vm);
		return ret;
	}
	vm->named = true;
	vm->facts = json_incref(facts);
	slots.at[id->slot] = vm;
	return 0;
}

static void name_again(struct vm *vm, json_t *facts)
{
	json_decref(vm->facts);
	vm->facts = json_incref(facts);
	vm->named = true;
}

static int grant(const struct restlink_vm *id, json_t *facts, int fd)
{
	struct vm *vm = slots.at[id->slot];
	int ret;

	/* The file of one that has ended speaks for nobody, even if its number came again. */
	if (vm && !vm->ended && same(&vm->id, id)) {
		close(fd);
		name_again(vm, facts);
		return 0;
	}
	ret = grant_new(id, facts, fd);
	if (ret)
		close(fd);
	return ret;
}

/* What it was before must not speak on; of a VM that goes on only the text is new. */
static int grant_without_file(const struct restlink_vm *id, json_t *facts)
{
	struct vm *vm = slots.at[id->slot];

	if (vm && !vm->ended && same(&vm->id, id)) {
		name_again(vm, facts);
		return 0;
	}
	forget(id->slot);
	return -EMFILE;
}

int vm_grant(const struct restlink_vm *id, const char *text, int fd)
{
	json_t *facts = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int ret = -EINVAL;

	if ((fd >= 0 || fd == -EMFILE) && id->slot < slots.count && json_is_object(facts))
		ret = fd >= 0 ? grant(id, facts, fd) : grant_without_file(id, facts);
	else if (fd >= 0)
		close(fd);
	json_decref(facts);
	return ret;
}

void vm_revoke(const struct restlink_vm *id)
{
	struct vm *vm = id->slot < slots.count ? slots.at[id->slot] : NULL;

	if (!vm || vm->id.generation != id->generation)
		return;
	count_up(COUNT_revoked);
	forget(id->slot);
}

void vm_begin_session(void)
{
	for (uint32_t i = 0; i < slots.count; i++)
		if (slots.at[i])
			slots.at[i]->named = false;
}

void vm_end_unnamed(void)
{
	for (uint32_t i = 0; i < slots.count; i++)
		if (slots.at[i] && !slots.at[i]->named)
			forget(i);
}
