# SPDX-License-Identifier: GPL-2.0
# The control process: everything about signing but the key.

azattestd_CONTROL := $(addprefix userspace/azattestd/,audit.c clock.c condition.c config.c \
	config_rules.c control.c embedded.c equip.c errand.c history.c journal.c keeper.c leaf.c renew.c request.c \
	retire.c source.c source_file.c source_sync.c show.c spawn.c state.c status.c supervise.c \
	trail.c trail_resume.c) \
	userspace/daemon/log.c userspace/daemon/watch.c userspace/daemon/format.c userspace/daemon/local.c \
	$(addprefix userspace/common/,accept.c certificate.c keytype.c ownfile.c setup.c)

PROGRAMS += azattestd
azattestd_SRCS := userspace/azattestd/main.c userspace/daemon/options.c userspace/azattestd/daemon.c $(azattestd_CONTROL)
azattestd_STATIC := azdocument azseal azaudit
azattestd_PKGS := libcrypto inih jansson libsystemd uuid
