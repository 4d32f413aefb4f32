# SPDX-License-Identifier: GPL-2.0
# The HTTP front of the REST door: no key, no rights.

# Text in, decision out: no input, no output.
restd_CONTRACT := $(addprefix userspace/restd/,head.c query.c route.c body.c instance.c pool.c) \
	$(addprefix userspace/document/,versions.c content.c)

restd_SERVER := $(restd_CONTRACT) \
	$(addprefix userspace/restd/,main.c rights.c link.c vm.c ask.c conn.c guard.c http.c count.c) \
	userspace/daemon/log.c userspace/daemon/watch.c \
	userspace/common/restlink.c userspace/lib/frame.c

PROGRAMS += azattest-restd
azattest-restd_SRCS := $(restd_SERVER) userspace/restd/seccomp.c
azattest-restd_PKGS := libmicrohttpd jansson libseccomp libcap-ng libsystemd
