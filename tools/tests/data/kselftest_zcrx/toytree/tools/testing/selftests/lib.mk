# SPDX-License-Identifier: GPL-2.0
# What the generated Makefile uses of the kernel's file of this name, in short.
TEST_GEN_PROGS := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS))
TEST_GEN_PROGS_EXTENDED := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS_EXTENDED))
TEST_GEN_FILES := $(addprefix $(OUTPUT)/,$(TEST_GEN_FILES))
CFLAGS += -D_GNU_SOURCE= $(USERCFLAGS)
LDFLAGS += $(USERLDFLAGS)

all: $(TEST_GEN_PROGS) $(TEST_GEN_PROGS_EXTENDED) $(TEST_GEN_FILES)

install: all
	mkdir -p $(INSTALL_PATH)
	cp $(TEST_GEN_PROGS) $(TEST_GEN_PROGS_EXTENDED) $(TEST_GEN_FILES) config settings $(INSTALL_PATH)/

$(OUTPUT)/%: %.c $(LOCAL_HDRS)
	$(CC) $(CFLAGS) $(LDFLAGS) $(filter-out $(LOCAL_HDRS),$^) -o $@

.PHONY: all install
