// SPDX-License-Identifier: GPL-2.0
// Owns the test's half of the fake module: asking, and looking at answers.

#include <selftests/azattestd/fakemodule.h>

#include <fcntl.h>
#include <linux/futex.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct fakemodule *fakemodule_make(const char *path)
{
	struct fakemodule *module = MAP_FAILED;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return NULL;
	if (!ftruncate(fd, sizeof(*module)))
		module = mmap(NULL, sizeof(*module), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (module == MAP_FAILED)
		return NULL;
	module->version = AZATTEST_SIGNER_VERSION;
	return module;
}

void fakemodule_wake(struct fakemodule *module)
{
	__atomic_add_fetch(&module->wake, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &module->wake, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int fakemodule_queue(struct fakemodule *module, const struct azattest_signer_request *request)
{
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++) {
		struct fakemodule_request *r = &module->request[i];

		if (r->state != FAKE_FREE)
			continue;
		r->request = *request;
		r->request.cookie = ++module->next_round * FAKEMODULE_REQUESTS + (uint64_t)i;
		memset(&r->answer, 0, sizeof(r->answer));
		__atomic_store_n(&r->state, FAKE_QUEUED, __ATOMIC_SEQ_CST);
		fakemodule_wake(module);
		return i;
	}
	return -1;
}

int fakemodule_ask(struct fakemodule *module, uint32_t api_version, const char *nonce,
		   const char *profile)
{
	struct azattest_signer_request request = {
		.generation = 7, .cid = 42, .uuid = { 0xaa, 0xbb, 1 },
		.type = AZATTEST_FRAME_ATTEST, .transport = AZATTEST_TRANSPORT_VSOCK,
		.attempt = 1, .deadline_ms = 5000, .api_version = api_version,
		.name = "test vm",
	};

	request.nonce_len = (uint8_t)strlen(nonce);
	memcpy(request.nonce, nonce, request.nonce_len);
	memcpy(request.profile, profile, strlen(profile));
	return fakemodule_queue(module, &request);
}

bool fakemodule_answered(const struct fakemodule *module, int place)
{
	return __atomic_load_n(&module->request[place].state, __ATOMIC_SEQ_CST) == FAKE_ANSWERED;
}

void fakemodule_requeue(struct fakemodule *module, pid_t holder)
{
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++) {
		struct fakemodule_request *r = &module->request[i];

		if (r->state == FAKE_TAKEN && r->holder == holder) {
			r->request.attempt++;
			__atomic_store_n(&r->state, FAKE_QUEUED, __ATOMIC_SEQ_CST);
		}
	}
	fakemodule_wake(module);
}

void fakemodule_free(struct fakemodule *module, int place)
{
	__atomic_store_n(&module->request[place].state, FAKE_FREE, __ATOMIC_SEQ_CST);
}
