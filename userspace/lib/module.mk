# SPDX-License-Identifier: GPL-2.0
# libazattest: programs and tests here link the archive azclient; others get
# libazattest.so and a libazattest.a that shows its public names alone.
LIBRARIES += azclient
azclient_SRCS := $(addprefix userspace/lib/,errors.c nonce.c frame.c exchange.c connect.c fetch.c \
	http.c rest.c body.c der.c name.c leaf.c chain.c trust.c envelope.c content.c expect.c verify.c)
azclient_PKGS := jansson libcrypto uuid
azclient_CFLAGS := -I$(TOP)/userspace/lib

AZATTEST_SONAME := libazattest.so.0
EXTRA_TARGETS += $(BUILD)/lib/libazattest.so $(BUILD)/lib/libazattest.a

$(BUILD)/lib/$(AZATTEST_SONAME): $(BUILD)/lib/libazclient.a $(TOP)/userspace/lib/libazattest.map
	$(CC) -shared -Wl,-soname,$(AZATTEST_SONAME) -Wl,-z,relro,-z,now,-z,defs,-z,noexecstack \
		-Wl,--version-script=$(TOP)/userspace/lib/libazattest.map $(LDFLAGS) -o $@ \
		-Wl,--whole-archive $< -Wl,--no-whole-archive \
		$(shell $(PKG_CONFIG) --libs $(azclient_PKGS))

$(BUILD)/lib/libazattest.so: $(BUILD)/lib/$(AZATTEST_SONAME)
	ln -sf $(<F) $@

$(BUILD)/lib/libazattest.a: $(BUILD)/lib/libazclient.a
	$(LD) -r -o $(@:.a=.o) --whole-archive $<
	objcopy --localize-hidden $(@:.a=.o)
	rm -f $@
	$(AR) rcs $@ $(@:.a=.o)
	rm -f $(@:.a=.o)
