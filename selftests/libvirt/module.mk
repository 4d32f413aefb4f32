# SPDX-License-Identifier: GPL-2.0
# azattest-libvirt and azattest-domain: their parts with sanitizers, and the whole with a real libvirtd.
# libvirt/check has what needs a test host.

ifneq ($(shell $(PKG_CONFIG) --exists libvirt libxml-2.0 && echo yes),)
ASAN_PROGRAMS += test-libvirt
test-libvirt_SRCS := selftests/libvirt/test-libvirt.c selftests/lib/tap.c selftests/lib/child.c \
	$(addprefix userspace/libvirt/,domain.c rest.c xml.c hostd.c again.c) userspace/daemon/log.c
test-libvirt_PKGS := libvirt libxml-2.0 jansson
ASAN_PROGRAMS += test-domain
test-domain_SRCS := selftests/libvirt/test-domain.c selftests/lib/tap.c selftests/lib/child.c \
	$(addprefix userspace/domain/,xml.c metadata.c)
test-domain_PKGS := libvirt libxml-2.0 jansson
PROGRAMS += fake-qemu
fake-qemu_SRCS := selftests/libvirt/fake-qemu.c
fake-qemu_PKGS := jansson
UNIT_TESTS += test-libvirt test-domain selftests/libvirt/test-agent.sh selftests/libvirt/test-domain.sh
endif
