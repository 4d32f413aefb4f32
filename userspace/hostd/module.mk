# SPDX-License-Identifier: GPL-2.0
# The control plane of the REST door, and the host's network as it needs it.

LIBRARIES += aznet
aznet_SRCS := $(addprefix userspace/hostd/,net.c bridge.c route.c port.c linkwatch.c destroy.c \
	rtnl.c link.c firewall.c filter.c filter_nft.c filter_iptables.c)
aznet_PKGS := libnl-3.0 jansson
