# supervisord: build, test, install. `make help` lists the targets.

CC       ?= cc
PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
WERROR   ?= $(if $(CI),-Werror,)
OPT      ?= -O2
SAN      ?=

BASE_CFLAGS := -std=c11 -D_GNU_SOURCE -Iinclude $(OPT) -g -Wall -Wextra -Wshadow -Wstrict-prototypes \
               -Wmissing-prototypes -Wpointer-arith -Wvla -fno-strict-aliasing -fstack-protector-strong \
               -ffunction-sections -fdata-sections $(WERROR) $(SAN)
ALL_CFLAGS   = $(BASE_CFLAGS) $(CFLAGS)
ALL_LDFLAGS  = -Wl,--gc-sections -Wl,--as-needed $(SAN) $(LDFLAGS)

# criterion finds its tests in a section that nothing refers to: garbage collection would take it.
TEST_LDFLAGS = -Wl,--as-needed $(SAN) $(LDFLAGS)

PARTS := base model sys logs engine api ctl
DAEMON_LIBS := -lev -linih -ljansson -lhttp_parser -lexpat -lz -lm
CTL_LIBS    := -linih -ljansson -lhttp_parser -lexpat -ledit -lm

srcs = $(wildcard src/$(1)/*.c)
objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(call srcs,$(1)))
archives = $(foreach p,$(1),$(BUILD)/lib/$(p).a)

# What each program and each part's tests are linked from, highest floor first.
DAEMON_PARTS := api engine logs sys model base
CTL_PARTS    := ctl sys model base
NEEDS_base   := base
NEEDS_model  := model base
NEEDS_sys    := sys base
NEEDS_logs   := logs sys base
NEEDS_engine := engine logs sys model base
NEEDS_api    := api engine logs sys model base
NEEDS_ctl    := ctl sys model base

PROGRAMS := supervisord supervisorctl $(basename $(notdir $(wildcard supervisord/pidproxy.c supervisord/echo_supervisord_conf.c)))

.PHONY: all
all: $(PROGRAMS:%=$(BUILD)/bin/%)



$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define part_rule
$(BUILD)/lib/$(1).a: $(call objs,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(AR) rcs $$@ $$^
endef
$(foreach p,$(PARTS),$(eval $(call part_rule,$(p))))

$(BUILD)/bin/supervisord: $(BUILD)/obj/supervisord/supervisord.o $(call archives,$(DAEMON_PARTS))
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(DAEMON_LIBS)

$(BUILD)/bin/supervisorctl: $(BUILD)/obj/supervisord/supervisorctl.o $(call archives,$(CTL_PARTS))
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CTL_LIBS)

$(BUILD)/bin/pidproxy: $(BUILD)/obj/supervisord/pidproxy.o $(call archives,base)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^

$(BUILD)/bin/echo_supervisord_conf: $(BUILD)/obj/supervisord/echo_supervisord_conf.o $(call archives,model base)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -linih -lm

# ---- unit tests: tests/<part>/*.c -> one criterion program per part, on the fakes of tests/fakes

define unit_rule
$(BUILD)/test/$(1): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/$(1)/*.c) $(if $(filter base model,$(1)),$(wildcard tests/fakes/world.c),$(wildcard tests/fakes/*.c))) $(call archives,$(NEEDS_$(1)))
	@mkdir -p $$(@D)
	$(CC) $(TEST_LDFLAGS) -o $$@ $$^ -lcriterion $(DAEMON_LIBS) -ledit
.PHONY: unit-$(1)
unit-$(1): $(BUILD)/test/$(1)
	tests/tools/run_unit $(BUILD)/test/$(1) $(UNIT_FLAGS)
endef
TESTED := $(foreach p,$(PARTS),$(if $(wildcard tests/$(p)/*.c),$(p)))
$(foreach p,$(TESTED),$(eval $(call unit_rule,$(p))))

.PHONY: unit
unit: $(TESTED:%=unit-%)

DEPFILES := $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
-include $(DEPFILES)

.PHONY: clean
clean:
	rm -rf $(BUILD) compile_commands.json
