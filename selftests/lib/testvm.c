// SPDX-License-Identifier: GPL-2.0
/* A VM of a test: fake guest, binding, and documents that must be its own. */
#include <selftests/lib/ask.h>

#include <stdlib.h>
#include <unistd.h>

#include <selftests/lib/azbind.h>
#include <selftests/lib/fakesigner.h>
#include <selftests/lib/frames.h>
#include <selftests/lib/tap.h>

uint32_t testvm_port(void)
{
	int64_t port = azbind_limit_get("port");

	return port > 0 ? port : AZATTEST_VSOCK_PORT;
}

static struct testvm *start(uint32_t number, uint32_t cid)
{
	struct testvm *vm = calloc(1, sizeof(*vm));

	tap_need(vm);
	vm->number = number;
	vm->cid = cid;
	vm->fd = -1;
	vm->guest = fakeguest_start(cid);
	return vm;
}

void testvm_bind(struct testvm *vm)
{
	vm->fd = azbind_new(vm->number, vm->cid, fakeguest_vhost_fd(vm->guest), -1,
			    &vm->generation);
	tap_need_msg(vm->fd >= 0, "VM %u: BIND: errno %d", vm->number, -vm->fd);
}

struct testvm *testvm_start_cid(uint32_t number, uint32_t cid)
{
	struct testvm *vm = start(number, cid);

	testvm_bind(vm);
	return vm;
}

struct testvm *testvm_start(uint32_t number)
{
	return testvm_start_cid(number, TESTVM_CID(number));
}

struct testvm *testvm_start_unbound(uint32_t number)
{
	return start(number, TESTVM_CID(number));
}

void testvm_unbind(struct testvm *vm)
{
	close(vm->fd);
	vm->fd = -1;
}

void testvm_stop(struct testvm *vm)
{
	if (vm->fd >= 0)
		close(vm->fd);
	fakeguest_close(vm->guest);
	free(vm);
}

struct fakeguest_conn *testvm_connect(struct testvm *vm)
{
	struct fakeguest_conn *c = fakeguest_connect(vm->guest, 0, testvm_port());

	tap_need_msg(c, "VM %u: connect: errno %d", vm->number, errno);
	return c;
}

void testvm_attest_on_at(struct testvm *vm, struct fakeguest_conn *c, const char *nonce,
			 const char *file, int line)
{
	static uint32_t id;
	struct fakesigner_document doc;
	struct ask_reply r;
	int err = ask_attest(c, ++id, nonce, strlen(nonce), &r);

	if (err)
		tap_fail(file, line, "VM %u: attest: errno %d", vm->number, -err);
	if (r.status != AZATTEST_STATUS_OK)
		tap_fail(file, line, "VM %u: attest: %s", vm->number,
			 frames_status_name(r.status));
	if (!fakesigner_parse(r.payload, r.length, &doc))
		tap_fail(file, line, "VM %u: no document", vm->number);
	if (!fakesigner_is_for(r.payload, r.length, vm->number, nonce, strlen(nonce)))
		tap_fail(file, line, "VM %u: another's document, or another nonce", vm->number);
	if (doc.request.generation != vm->generation || doc.request.cid != vm->cid ||
	    doc.request.transport != AZATTEST_TRANSPORT_VSOCK)
		tap_fail(file, line, "VM %u: generation %llu (not %llu), CID %llu, transport %u",
			 vm->number, (unsigned long long)doc.request.generation,
			 (unsigned long long)vm->generation,
			 (unsigned long long)doc.request.cid, doc.request.transport);
}

void testvm_attest_at(struct testvm *vm, const char *nonce, const char *file, int line)
{
	struct fakeguest_conn *c = testvm_connect(vm);

	testvm_attest_on_at(vm, c, nonce, file, line);
	fakeguest_hangup(c);
}
