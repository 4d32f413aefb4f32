# SPDX-License-Identifier: GPL-2.0
# The control plane of the REST door, and the host's network as it needs it.

LIBRARIES += aznet
aznet_SRCS := $(addprefix userspace/hostd/,net.c bridge.c route.c port.c linkwatch.c destroy.c \
	sockowner.c rtnl.c link.c firewall.c filter.c filter_nft.c filter_iptables.c)
aznet_PKGS := libnl-3.0 jansson

hostd_CORE := $(addprefix userspace/hostd/,hostd.c config.c vm.c vm_process.c rules.c bind.c bind_ask.c bind_record.c taker.c vhost.c settle.c drain.c \
	slot.c module.c \
	rest.c rest_socket.c store.c fdstore.c facts.c status.c process.c rights.c backoff.c audit.c \
	api.c api_http.c api_calls.c) \
	$(addprefix userspace/daemon/,log.c watch.c inifile.c format.c local.c) userspace/common/restlink.c userspace/take/link.c

PROGRAMS += azattest-hostd
azattest-hostd_SRCS := userspace/hostd/main.c $(hostd_CORE)
azattest-hostd_STATIC := azfence aznet
azattest-hostd_PKGS := libmicrohttpd jansson libnl-3.0 libnl-genl-3.0 libbpf libcap-ng inih \
	libsystemd uuid libcrypto
