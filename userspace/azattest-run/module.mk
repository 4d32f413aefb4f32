# SPDX-License-Identifier: GPL-2.0
# azattest-run: starts a VMM with an identity. Frames are judged by the
# module's own frame.c.
run_mux_SRCS := $(addprefix userspace/azattest-run/,mux.c conn.c) kmod/frame.c

PROGRAMS += azattest-run
azattest-run_SRCS := $(addprefix userspace/azattest-run/,main.c options.c launch.c serve.c device.c \
	child.c socket.c words.c fence.c say.c) $(run_mux_SRCS)
azattest-run_PKGS := uuid libseccomp libcap-ng
