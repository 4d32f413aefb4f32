# SPDX-License-Identifier: GPL-2.0
# The HTTP front, between a fake hostd, fake files and fake guests.

restd_RIG := selftests/restd/rig.c userspace/common/restlink.c userspace/lib/frame.c \
	selftests/lib/tap.c selftests/lib/child.c

# The real one under sanitizers, without its seccomp list; and as it is.
ASAN_PROGRAMS += restd-asan
restd-asan_SRCS := $(restd_SERVER) selftests/restd/nofence.c
restd-asan_PKGS := libmicrohttpd jansson libcap-ng libsystemd
PROGRAMS += restd-fenced
restd-fenced_SRCS := $(azattest-restd_SRCS)
restd-fenced_PKGS := $(azattest-restd_PKGS)

# $(1): name; needs neither root nor the module
define restd_test
ASAN_PROGRAMS += test-$(1)
test-$(1)_SRCS := selftests/restd/test-$(1).c $(restd_RIG)
UNIT_TESTS += test-$(1)
endef

$(foreach t,rest-contract rest-wire rest-slots rest-load rest-traces,$(eval $(call restd_test,$(t))))

# What is text in and decision out, alone.
ASAN_PROGRAMS += test-rest-text
test-rest-text_SRCS := selftests/restd/test-rest-text.c $(restd_CONTRACT) \
	selftests/lib/tap.c selftests/lib/child.c
test-rest-text_PKGS := jansson
UNIT_TESTS += test-rest-text

test-rest-traces_CFLAGS := -DTRACES=\"$(TOP)/selftests/restd/traces\" \
	-DMANUAL=\"$(TOP)/docs/rest.md\"

# Its list of system calls is closed over itself: no sanitizer.
PROGRAMS += test-rest-fence
test-rest-fence_SRCS := selftests/restd/test-rest-fence.c userspace/restd/seccomp.c \
	userspace/daemon/log.c $(restd_RIG)
test-rest-fence_PKGS := libseccomp jansson
UNIT_TESTS += test-rest-fence
