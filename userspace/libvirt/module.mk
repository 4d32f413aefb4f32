# SPDX-License-Identifier: GPL-2.0
# Tells hostd of libvirt's domains; built where libvirt's and libxml2's headers are.

ifneq ($(shell $(PKG_CONFIG) --exists libvirt libxml-2.0 && echo yes),)
PROGRAMS += azattest-libvirt
azattest-libvirt_SRCS := $(addprefix userspace/libvirt/,main.c watch.c again.c domain.c rest.c xml.c hostd.c) \
	userspace/daemon/log.c userspace/daemon/options.c
azattest-libvirt_PKGS := libvirt libxml-2.0 jansson libsystemd
endif
