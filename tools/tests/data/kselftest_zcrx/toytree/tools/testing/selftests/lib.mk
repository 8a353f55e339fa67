# SPDX-License-Identifier: GPL-2.0
# What the generated Makefile uses of the kernel's file of this name, in short.
names := $(TEST_GEN_PROGS)
TEST_GEN_PROGS := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS))
CFLAGS += -D_GNU_SOURCE= $(USERCFLAGS)
LDFLAGS += $(USERLDFLAGS)

all: $(TEST_GEN_PROGS)

install: all
	mkdir -p $(INSTALL_PATH)
	cp $(TEST_GEN_PROGS) config settings $(INSTALL_PATH)/

$(OUTPUT)/%: %.c $(LOCAL_HDRS)
	$(CC) $(CFLAGS) $(LDFLAGS) $(filter %.c,$^) -o $@

.PHONY: all install
