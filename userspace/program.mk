# SPDX-License-Identifier: GPL-2.0
# Rules that build user-space programs and tests; included by userspace/Makefile and selftests/Makefile.
#
# A folder's module.mk names what it builds; paths are relative to the top:
#
#   PROGRAMS    += azattest              # build/bin/azattest
#   azattest_SRCS   := userspace/azattest/main.c ...
#   azattest_PKGS   := jansson libcrypto # pkg-config names, optional
#   azattest_CFLAGS := -Iuserspace/lib   # optional
#   azattest_LDLIBS := -lm               # optional
#   azattest_STATIC := archive names     # LIBRARIES to link, optional
#
#   LIBRARIES   += azdocument            # build/lib/libazdocument.a, same variables
#
#   ASAN_PROGRAMS += test-content        # as PROGRAMS, with ASan and UBSan
#
#   BPF_SKELETONS += fence               # build/bpf/fence.skel.h, <bpf/fence.skel.h>
#   fence_BPF := bpf/maps.bpf.c ...      # linked into one object
#   azfence_SKELETONS := fence           # what a program or library includes

TOP := $(patsubst %/,%,$(dir $(abspath $(dir $(lastword $(MAKEFILE_LIST))))))
BUILD ?= $(TOP)/build
CC ?= gcc
PKG_CONFIG ?= pkg-config

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wundef -Wpointer-arith -Wwrite-strings
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=2
CFLAGS ?= -O2 -g
AZ_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -fPIC -fvisibility=hidden \
	-I$(TOP)/include/uapi -I$(TOP)
AZ_LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# make V=1 shows the commands; otherwise a line for each.
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)  $(2)")

# $(1): option of pkg-config, $(2): packages; each answer is asked for once.
empty :=
pkg = $(if $(2),$(call pkg_once,PKG$(subst $(empty) ,_,$(1) $(2)),$(1),$(2)))
pkg_once = $(if $(filter undefined,$(origin $(1))),$(eval $(1) := $$(shell $(PKG_CONFIG) $(2) $(3))))$($(1))

# $(1): name, $(2): folder of objects, $(3): more compiler flags
define objects
$(1)_OBJS := $$(patsubst %.c,$(2)/$(1)/%.o,$$($(1)_SRCS))
$$($(1)_OBJS): $(2)/$(1)/%.o: $(TOP)/%.c $(TOP)/userspace/program.mk
	@mkdir -p $$(@D)
	$$(call say,CC,$$(subst $(TOP)/,,$$<))
	$(Q)$$(CC) $$(AZ_CFLAGS) $$(CFLAGS) $(3) $$($(1)_CFLAGS) \
		$$(call pkg,--cflags,$$($(1)_PKGS)) $$(if $$($(1)_SKELETONS),-isystem $(BUILD)) \
		-MMD -MP -c -o $$@ $$<
$$($(1)_OBJS): $$(patsubst %,$(BUILD)/bpf/%.skel.h,$$($(1)_SKELETONS))
-include $$($(1)_OBJS:.o=.d)
endef

# $(1): name, $(2): folder of programs, $(3): folder of objects, $(4): flags
define program
$(call objects,$(1),$(3),$(4))
$(2)/$(1): $$($(1)_OBJS) $$(patsubst %,$(BUILD)/lib/lib%.a,$$($(1)_STATIC))
	@mkdir -p $$(@D)
	$$(call say,LD,$$(@F))
	$(Q)$$(CC) $$(AZ_LDFLAGS) $$(LDFLAGS) $(4) -o $$@ $$^ $$($(1)_LDLIBS) \
		$$(call pkg,--libs,$$($(1)_PKGS))
endef

define library
$(call objects,$(1),$(BUILD)/obj,$(HARDEN))
$(BUILD)/lib/lib$(1).a: $$($(1)_OBJS)
	@mkdir -p $$(@D)
	$$(call say,AR,$$(@F))
	$(Q)rm -f $$@
	$(Q)$$(AR) rcs $$@ $$^
endef

# BPF: UAPI headers alone, no kernel's BTF; bpftool is in a folder of root's.
CLANG ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -I$(TOP) \
	-isystem /usr/include/$(shell $(CC) -print-multiarch)

# $(1): name
define skeleton
$(1)_BPF_OBJS := $$(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$$($(1)_BPF))
$$($(1)_BPF_OBJS): $(BUILD)/bpf/%.bpf.o: $(TOP)/bpf/%.bpf.c $(TOP)/userspace/program.mk
	@mkdir -p $$(@D)
	$$(call say,BPF,$$(subst $(TOP)/,,$$<))
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $$@ $$<
$(BUILD)/bpf/$(1).skel.h: $$($(1)_BPF_OBJS)
	$$(call say,SKEL,$$(@F))
	$(Q)$(BPFTOOL) gen object $$(@:.skel.h=.linked.o) $$^
	$(Q)$(BPFTOOL) gen skeleton $$(@:.skel.h=.linked.o) name $(1)_bpf >$$@
-include $$($(1)_BPF_OBJS:.o=.d)
endef

.SUFFIXES:
.DELETE_ON_ERROR:
