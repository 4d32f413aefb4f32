// SPDX-License-Identifier: GPL-2.0
// Owns the signer's half of the fake module: ioctl() and write() on the device, without a kernel.

#include <selftests/azattestd/fakemodule.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <userspace/common/common.h>

int __wrap_ioctl(int fd, unsigned long command, ...);
ssize_t __wrap_write(int fd, const void *buf, size_t size);
ssize_t __real_write(int fd, const void *buf, size_t size);

static struct fakemodule *module;
static uint64_t generation;
static uint32_t slots;
static int32_t self;
static uint64_t reported;	/* requests that this signer has told of, or tried to */
static uint64_t answered;

static int join(int fd, struct azattest_signer_join *join)
{
	if (!module) {
		module = mmap(NULL, sizeof(*module), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (module == MAP_FAILED)
			abort();
	}
	if (module->defect == FAKEMODULE_DEFECT_DIE_IN_JOIN)
		_exit(9);
	while (module->defect == FAKEMODULE_DEFECT_HANG_IN_JOIN)
		usleep(10000);
	if (join->version != module->version) {
		join->version = module->version;
		errno = EPROTO;
		return -1;
	}
	self = getpid();
	generation = join->generation;
	slots = join->slots;
	module->generation = join->generation;
	module->host_state = join->host_state;
	module->slots = join->slots;
	__atomic_add_fetch(&module->joins, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* As the real one refuses them (check_answer() of kmod/signer.c): a bad batch is the signer's bug. */
static bool answer_ok(const struct azattest_signer_answer *answer)
{
	if (answer->status > AZATTEST_STATUS_MAX || answer->length > AZATTEST_DOCUMENT_MAX ||
	    answer->status == AZATTEST_STATUS_BUSY || answer->status == AZATTEST_STATUS_UNBOUND)
		return false;
	return (answer->status == AZATTEST_STATUS_OK) == !!answer->length;
}

/* A late or foreign answer finds its place taken by nobody, or by another request. */
static void take_answer(const struct azattest_signer_answer *answer, const uint8_t *document)
{
	struct fakemodule_request *r = &module->request[answer->cookie % FAKEMODULE_REQUESTS];

	if (r->state == FAKE_TAKEN && r->request.cookie == answer->cookie) {
		r->answer = *answer;
		memcpy(r->document, document, answer->length);
		__atomic_store_n(&r->state, FAKE_ANSWERED, __ATOMIC_SEQ_CST);
	}
	if (++answered > reported)
		__atomic_add_fetch(&module->early, 1, __ATOMIC_SEQ_CST);
}

static int take_answers(const uint8_t *p, size_t length)
{
	const uint8_t *end = p + length;

	while (p < end) {
		struct azattest_signer_answer answer;

		if ((size_t)(end - p) < sizeof(answer))
			return -EBADMSG;
		memcpy(&answer, p, sizeof(answer));
		if (!answer_ok(&answer) ||
		    AZATTEST_SIGNER_ANSWER_SPACE(answer.length) > (size_t)(end - p))
			return -EBADMSG;
		take_answer(&answer, p + sizeof(answer));
		p += AZATTEST_SIGNER_ANSWER_SPACE(answer.length);
	}
	return 0;
}

static uint32_t take_requests(struct azattest_signer_request *out, uint32_t room)
{
	uint32_t taken = 0;

	for (int i = 0; i < FAKEMODULE_REQUESTS && taken < room && taken < slots; i++) {
		struct fakemodule_request *r = &module->request[i];
		uint32_t queued = FAKE_QUEUED;

		if (!__atomic_compare_exchange_n(&r->state, &queued, FAKE_TAKEN, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		r->holder = self;
		r->generation = generation;
		out[taken++] = r->request;
	}
	return taken;
}

static void misbehave(uint32_t defect)
{
	switch (defect) {
	case FAKEMODULE_DEFECT_OPEN:
		syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
		break;
	case FAKEMODULE_DEFECT_SOCKET:
		syscall(SYS_socket, 2, 1, 0);
		break;
	case FAKEMODULE_DEFECT_OTHER_IOCTL:
		syscall(SYS_ioctl, SIGNER_FD_DEVICE, 0x5401, NULL);
		break;
	case FAKEMODULE_DEFECT_WRITE_STDERR:
		syscall(SYS_write, STDERR_FILENO, "x", 1);
		break;
	case FAKEMODULE_DEFECT_MMAP:
		syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		break;
	default:
		return;
	}
	/* The filter should have ended us: say that it did not. */
	module->defect = UINT32_MAX;
}

static int exchange(struct azattest_signer_exchange *x)
{
	uint32_t room = x->requests_len / (uint32_t)sizeof(struct azattest_signer_request);
	int ret = take_answers((const void *)(uintptr_t)x->answers, x->answers_len);

	x->requests_len = 0;
	if (ret) {
		x->answers_len = 0;
		errno = -ret;
		return -1;
	}
	for (;;) {
		uint32_t wake = __atomic_load_n(&module->wake, __ATOMIC_SEQ_CST);
		uint32_t taken = take_requests((void *)(uintptr_t)x->requests, room);

		if (module->defect)
			misbehave(module->defect);
		if (taken) {
			x->requests_len = taken * (uint32_t)sizeof(struct azattest_signer_request);
			return 0;
		}
		if (syscall(SYS_futex, &module->wake, FUTEX_WAIT, wake, NULL, NULL, 0) &&
		    errno == EINTR)
			return -1;
	}
}

int __wrap_ioctl(int fd, unsigned long command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd == SIGNER_FD_DEVICE && command == AZATTEST_SIGNER_IOC_JOIN)
		return join(fd, arg);
	if (fd == SIGNER_FD_DEVICE && command == AZATTEST_SIGNER_IOC_EXCHANGE)
		return exchange(arg);
	errno = ENOTTY;
	return -1;
}

static void count_reports(const struct report *report, size_t count)
{
	for (size_t i = 0; i < count; i++)
		reported += report[i].kind == REPORT_REQUEST;
}

ssize_t __wrap_write(int fd, const void *buf, size_t size)
{
	int ret;

	if (fd == SIGNER_FD_REPORT)
		count_reports(buf, size / sizeof(struct report));
	if (fd != SIGNER_FD_DEVICE || !module)
		return __real_write(fd, buf, size);
	ret = take_answers(buf, size);
	if (!ret)
		return (ssize_t)size;
	errno = -ret;
	return -1;
}
