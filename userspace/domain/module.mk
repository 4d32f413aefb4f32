# SPDX-License-Identifier: GPL-2.0
# Changes libvirt's domains for azattestctl; built where libvirt's and libxml2's headers are.

ifneq ($(shell $(PKG_CONFIG) --exists libvirt libxml-2.0 && echo yes),)
PROGRAMS += azattest-domain
azattest-domain_SRCS := $(addprefix userspace/domain/,main.c vsock.c rest.c device.c metadata.c xml.c)
azattest-domain_PKGS := libvirt libxml-2.0 jansson
endif
