# SPDX-License-Identifier: GPL-2.0
# libaztest: the harness and the fakes that tests are written with.
LIBRARIES += aztest
aztest_SRCS := $(addprefix selftests/lib/,tap.c child.c frames.c azbind.c azmodule.c fakesigner.c \
	fakeguest.c fakeconn.c ask.c slab.c testvm.c)
