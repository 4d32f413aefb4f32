# SPDX-License-Identifier: GPL-2.0
# make bench: the module's doors against what one would write instead.

PROGRAMS += bench-keys bench-host bench-daemon bench-daemon-null bench-signer-null

# Native: keys and certificates, as the control process hands them to a signer.
bench-keys_SRCS := selftests/speed/keys.c selftests/document/pki.c userspace/common/setup.c
bench-keys_PKGS := libcrypto

# In the test host: clients, the order of measurements, the table.
bench-host_SRCS := $(addprefix selftests/speed/,main.c clients.c exchange.c servers.c raw.c \
	clock.c stats.c judge.c memory.c table.c) userspace/common/setup.c
bench-host_STATIC := aztest
bench-host_PKGS := libcrypto
bench-host_LDLIBS := -lpthread

# What a user would write instead: real, and with a constant document.
bench-daemon_SRCS := $(addprefix selftests/speed/,daemon.c real.c) kmod/frame.c \
	userspace/signer/key.c userspace/common/setup.c
bench-daemon_STATIC := azsigner azdocument azseal aztest
bench-daemon_PKGS := libcrypto
bench-daemon-null_SRCS := $(addprefix selftests/speed/,daemon.c null.c) kmod/frame.c
bench-daemon-null_STATIC := aztest

# The real signing loop with a constant document.
bench-signer-null_SRCS := $(addprefix selftests/speed/,signer-null.c null.c)
bench-signer-null_STATIC := azsigner

# The REST door: VMs on taps, restd behind the fence and without, nginx instead.
PROGRAMS += bench-rest bench-rest-signer
bench-rest_SRCS := $(addprefix selftests/speed/,rest-main.c rest-http.c rest-packets.c rest-crowd.c rest-flood.c \
	rest-site.c rest-door.c rest-module.c rest-nginx.c rest-tap.c rest-client.c servers.c stats.c \
	table.c raw.c null.c clock.c) kmod/frame.c userspace/common/setup.c userspace/common/restlink.c \
	userspace/daemon/log.c
bench-rest_STATIC := azfence aznet aztest
bench-rest_PKGS := libbpf libcrypto libnl-3.0
bench-rest-signer_SRCS := $(addprefix selftests/speed/,rest-signer.c null.c)
bench-rest-signer_STATIC := aztest
bench-rest-signer_PKGS := libcrypto

# What it promises of a flood is a promise, not a figure.
HOST_TESTS += selftests/speed/test-flood
