# SPDX-License-Identifier: GPL-2.0
# make bench: the module's doors against what one would write instead.

PROGRAMS += bench-keys bench-host bench-daemon bench-daemon-null bench-signer-null

# Native: keys and certificates, as the control process hands them to a signer.
bench-keys_SRCS := selftests/speed/keys.c selftests/document/pki.c userspace/common/setup.c
bench-keys_PKGS := libcrypto

# In the test host: clients, the order of measurements, the table.
bench-host_SRCS := $(addprefix selftests/speed/,main.c clients.c exchange.c servers.c raw.c \
	stats.c judge.c memory.c table.c) userspace/common/setup.c
bench-host_STATIC := aztest
bench-host_PKGS := libcrypto
bench-host_LDLIBS := -lpthread

# What a user would write instead: real, and with a constant document.
bench-daemon_SRCS := $(addprefix selftests/speed/,daemon.c real.c) kmod/frame.c \
	userspace/signer/key.c userspace/common/setup.c
bench-daemon_STATIC := azsigner azdocument aztest
bench-daemon_PKGS := libcrypto
bench-daemon-null_SRCS := $(addprefix selftests/speed/,daemon.c null.c) kmod/frame.c
bench-daemon-null_STATIC := aztest

# The real signing loop with a constant document.
bench-signer-null_SRCS := $(addprefix selftests/speed/,signer-null.c null.c)
bench-signer-null_STATIC := azsigner
