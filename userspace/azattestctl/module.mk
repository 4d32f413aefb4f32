# SPDX-License-Identifier: GPL-2.0
# What an operator types.

PROGRAMS += azattestctl
azattestctl_SRCS := $(addprefix userspace/azattestctl/,main.c commands.c synopsis.c help.c complete.c completion.c shared.c watch.c colour.c \
	arguments.c output.c ask.c \
	status.c certificate.c metrics.c trust.c sync.c retire.c hostd.c rest.c bound.c legacy.c vm.c vm_add.c vm_many.c vm_remove.c bind.c wish.c told.c \
	names.c running.c tap.c managed.c vm_vsock.c vm_domain.c domains.c properties.c netlink.c fields.c listing.c module.c bindings.c \
	grants.c limit.c audit.c audit_show.c audit_source.c)
azattestctl_SRCS += $(addprefix userspace/azattestctl/,doctor.c doctor_facts.c doctor_finding.c \
	doctor_kernel.c doctor_module.c doctor_daemon.c doctor_rest.c doctor_files.c doctor_way.c program.c \
	bugreport.c bugreport_gate.c bugreport_host.c \
	isolation.c isolation_vsock.c isolation_rest.c isolation_wire.c reload.c reload_pins.c)
azattestctl_STATIC := azaudit
azattestctl_PKGS := jansson libcrypto libcurl libnl-3.0 libnl-genl-3.0 uuid
