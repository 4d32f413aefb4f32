# SPDX-License-Identifier: GPL-2.0
# The fence around the REST door: BPF programs, and the library that attaches them.
# Who links azfence has userspace/daemon/log.c and libbpf too.

BPF_SKELETONS += fence
fence_BPF := $(addprefix bpf/,maps.bpf.c port_in.bpf.c port_out.bpf.c bridge.bpf.c steer.bpf.c cg_in.bpf.c)

LIBRARIES += azfence
azfence_SRCS := $(addprefix userspace/fence/,fence.c load.c pins.c links.c ports.c bridge.c filter.c tc.c)
azfence_SKELETONS := fence
azfence_PKGS := libbpf
