# SPDX-License-Identifier: GPL-2.0
# Front door: make help.

BUILD := $(CURDIR)/build
KREL ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KREL)/build
PREFIX ?= /usr/local
export DESTDIR PREFIX KREL

# What the module is made of; copied aside so that several kernels can be built for.
MODULE_SOURCES := Kbuild $(wildcard kmod/*.[ch] include/uapi/linux/*.h)

all: user module

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## make              build the module for the running kernel, and the programs
## make user         the programs only
## make module       the module only (KREL=release for another kernel)
## sudo make install install what make built (DESTDIR, PREFIX=/usr/local)
## make demo         a host, a VM on it, a document from every door, verified
## make check        all tests: native, on both kernels, and a real guest
## make check-long   the long loops, the guest on both kernels, the debug kernel, libvirt
## make bench        speed and memory against what one would write instead
## make shell        a prompt on a test host with all loaded (K=6.1 or 6.12)
## make lint         sparse, clang-tidy, shellcheck
## make deps         install the Debian packages that all this needs
## make clean

user:
	@$(MAKE) -C userspace -j$(shell nproc)

module:
	@test -d $(KDIR) || { echo "make: no headers for kernel $(KREL) in $(KDIR): the module cannot be built;" \
		"install linux-headers-$(KREL), or build the programs only: make user" >&2; exit 1; }
	@$(MAKE) $(BUILD)/kmod/$(KREL)/azattest.ko

# Kbuild writes beside its sources, so each kernel gets a copy of them.
$(BUILD)/kmod/%/azattest.ko: $(MODULE_SOURCES)
	@mkdir -p $(@D)
	@for f in $(MODULE_SOURCES); do \
		cmp -s $$f $(@D)/$$f || { mkdir -p $(@D)/$$(dirname $$f) && cp $$f $(@D)/$$f; }; \
	done
	$(MAKE) -s -C $(call headers,$*) M=$(@D) W=1 $(SPARSE) modules
	@touch $@

headers = $(if $(filter $(KREL),$(1)),$(KDIR),$(firstword $(wildcard /lib/modules/$(1)/build /usr/src/linux-headers-$(1))))

deps:
	scripts/deps

# The two kernels that the tests boot, and the module for each.
KERNELS := 6.1 6.12

test-modules: deps
	@scripts/kernels
	@for k in $(KERNELS); do \
		$(MAKE) --no-print-directory $(BUILD)/kmod/$$(cat $(BUILD)/kernels/$$k/release)/azattest.ko || exit 1; \
	done

test-programs: deps
	@$(MAKE) --no-print-directory user
	@$(MAKE) --no-print-directory -C selftests -j$(shell nproc)

# The kernel that watches itself, and the module for it: a quarter of an hour, once.
debug-module: deps
	@scripts/deps --long
	@scripts/debug-kernel
	@scripts/networkmanager
	@$(MAKE) --no-print-directory KREL=$$(cat $(BUILD)/kernels/debug/release) \
		KDIR=$(BUILD)/kernels/debug/headers module

check-long: debug-module
demo check check-long bench shell: test-modules test-programs
	@selftests/$@

lint: test-modules user
	@scripts/lint

install:
	@packaging/install

clean:
	rm -rf $(BUILD)

.PHONY: all help user module deps test-modules test-programs debug-module demo check check-long bench shell lint install clean
