# supervisord: build, test, install. `make help` lists the targets.

CC      ?= cc
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
OPT     ?= -O2
SAN     ?=
DEPS    ?= install
WERROR  ?= $(if $(CI),-Werror)
Q       ?= @

CPPFLAGS_ALL = -D_GNU_SOURCE -Iinclude -Isrc $(CPPFLAGS)
CFLAGS_ALL   = -std=c11 $(OPT) -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
               -Wpointer-arith -Wvla -Wconversion -Wno-sign-conversion -Wcast-qual -fno-strict-aliasing \
               -fstack-protector-strong \
               -ffunction-sections -fdata-sections $(WERROR) $(SAN) $(CFLAGS)
LDFLAGS_ALL  = -Wl,--gc-sections -Wl,--as-needed -Wl,-z,now $(SAN) $(LDFLAGS)
# criterion finds its tests in a section that nothing refers to: garbage collection would take it
LDFLAGS_TEST = -Wl,--as-needed $(SAN) $(LDFLAGS)

# Each part is a library; what a part's tests and a program are linked from, highest floor first.
PARTS         := base wire model sys logs readlog engine api ctl
NEEDS_base    := base
NEEDS_wire    := wire base
NEEDS_model   := model wire base
NEEDS_sys     := sys base
NEEDS_logs    := logs sys base
NEEDS_readlog := readlog logs sys base
NEEDS_engine  := engine readlog logs sys model wire base
NEEDS_api     := api engine readlog logs sys model wire base
NEEDS_ctl     := ctl sys model wire base

# Libraries go into the programs where there is an archive of them: the loader took longer than all
# the rest of `supervisorctl status`, and each shared one costs the daemon 50 KiB that are its alone.
# LINK=shared leaves them outside.
LINK       ?= archives
archive     = $(if $(filter archives,$(LINK)),$(filter /%,$(shell $(CC) -print-file-name=lib$(1).a)))
linked      = $(if $(call archive,$(1)),-l:lib$(1).a,-l$(1))
# the line editor needs three more, which the loader would find by itself; what the C library has by
# now is not taken from libbsd
LIBS_edit   := $(if $(filter 4,$(words $(foreach l,edit tinfo bsd md,$(call archive,$(l))))),\
                 -l:libedit.a -l:libtinfo.a -lc -l:libbsd.a -l:libmd.a,-ledit)
LIBS_both   := $(foreach l,inih jansson http_parser expat,$(call linked,$(l)))
LIBS_daemon := $(LIBS_both) $(foreach l,ev z md,$(call linked,$(l))) -lm
LIBS_short  := -linih -ljansson -lhttp_parser -lexpat -lev -lz -lmd -lm
LIBS_ctl    := $(LIBS_both) $(LIBS_edit) -lm
LIBS_test   := -lcriterion -lev -linih -ljansson -lhttp_parser -lexpat -lz -lmd -lm -ledit

PROGRAMS := supervisord supervisorctl pidproxy echo_supervisord_conf

# supervisord's wiring has several files
DAEMON_PARTS := daemon_config daemon_signals daemon_turns

objs     = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)))
archives = $(foreach p,$(1),$(BUILD)/lib/$(p).a)

.PHONY: all
all: $(PROGRAMS:%=$(BUILD)/bin/%) man

.PHONY: help
help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

#: all                  the programs in build/bin and the manual in build/man (the default)
#: demo                 install what is missing, build, and watch a fleet being supervised
#: tour                 the README's tour, run and compared with what the README says
#: check                install what is missing, build, and run every test
#: check-long           the long forms of what takes too long for every time: about two hours
#: unit e2e conformance the suites by themselves
#: unit-elsewhere       unit tests under other days, zones, locales and as nobody
#: asan                 unit and e2e tests under AddressSanitizer and UBSan, each story by one user
#: tsan                 the threads under ThreadSanitizer: a load of their own, and stories with the daemon
#: alloc                the daemon while one in so many of its allocations fails; ALLOC_SECONDS=6 at each rate
#: lint                 format, floors, clang-tidy, cppcheck, manual
#: bench                beside Supervisor, s6, runit and the bare machine; QUICK=1 for five minutes
#: bench-logs           its part about logs: one writer and sixteen, lines and blocks, raw and text
#: costs                system calls and allocations per event, against tests/bench/syscalls
#: fuzz                 every fuzz target for FUZZ_SECONDS=30 each, above its floor of edges
#: coverage             lines that the tests reach
#: deb                  a Debian package in build/
#: soak                 the long looks: 130 seconds of idleness, thousands of kills and upgrades
#: static               programs without shared libraries, in build/static/bin
#: install uninstall    PREFIX=/usr/local DESTDIR=
#: compile_commands.json for editors and clang-tidy
#: clean                remove build/

# ---- compiling

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

define part_rule
$(BUILD)/lib/$(1).a: $(call objs,src/$(1)/*.c src/$(1)/*/*.c)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach p,$(PARTS),$(eval $(call part_rule,$(p))))

# The starter, as bytes within the daemon. It has no C library, and no flags of the build: a sanitizer
# or a stack protector needs one.
STARTER_FLAGS := -D_GNU_SOURCE -Iinclude -std=c11 -Os -Wall -Wextra -ffreestanding -fno-stack-protector \
                 -fno-pie -fno-asynchronous-unwind-tables -static -nostdlib -Wl,-z,noseparate-code \
                 -Wl,-z,noexecstack -Wl,--build-id=none -s
STARTER_FROM  := supervisord/starter.c src/sys/process/start_steps.c

$(BUILD)/obj/starter: $(STARTER_FROM) $(wildcard include/sys/process/*.h) include/sys/sys.h
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(STARTER_FLAGS) $(WERROR) -o $@ $(STARTER_FROM)
$(BUILD)/obj/build-starter.o: $(BUILD)/obj/starter
	$(Q)cd $(<D) && $(LD) -r -z noexecstack -b binary -o $(@F) $(<F)
$(BUILD)/lib/sys.a: $(BUILD)/obj/build-starter.o

$(BUILD)/bin/supervisord: LIBS = $(LIBS_daemon)
$(BUILD)/bin/supervisord: $(DAEMON_PARTS:%=$(BUILD)/obj/supervisord/%.o) $(call archives,$(NEEDS_api))
$(BUILD)/bin/supervisorctl: LIBS = $(LIBS_ctl)
$(BUILD)/bin/supervisorctl: $(call archives,$(NEEDS_ctl))
$(BUILD)/bin/pidproxy: $(call archives,base)
$(BUILD)/bin/echo_supervisord_conf: $(BUILD)/obj/build-sample.o $(call archives,base)

.SECONDARY:
$(BUILD)/bin/%: $(BUILD)/obj/supervisord/%.o
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# the sample configuration, as bytes within echo_supervisord_conf
$(BUILD)/obj/build-sample.o: etc/supervisord.conf
	@mkdir -p $(@D)
	$(Q)cd etc && $(LD) -r -z noexecstack -b binary -o $(abspath $@) supervisord.conf

DEPFILES := $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
-include $(DEPFILES)

# ---- the manual: lists are generated from the tables

MANPAGES := $(patsubst man/%.in,$(BUILD)/man/%,$(wildcard man/*.in))

.PHONY: man
man: $(MANPAGES)

$(BUILD)/tool/man: $(call objs,man/*.c) $(call archives,ctl $(NEEDS_api))
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_daemon) $(LIBS_edit)

$(BUILD)/man/%: man/%.in $(BUILD)/tool/man
	@mkdir -p $(@D)
	@echo "  MAN   $@"
	$(Q)$(BUILD)/tool/man < $< > $@.new && mv $@.new $@

# ---- tests

.PHONY: deps-build deps-demo deps-check deps-fuzz deps-bench
deps-build deps-demo deps-check deps-fuzz deps-bench: deps-%:
	@DEPS=$(DEPS) tests/tools/deps.sh $*

# tests of logs/ read back what they wrote
TEST_NEEDS_logs := $(NEEDS_readlog)
define unit_rule
$(BUILD)/test/$(1): $(call objs,tests/$(1)/*.c) \
    $(call objs,$(if $(filter base wire model,$(1)),tests/fakes/world.c,tests/fakes/*.c)) \
    $(call archives,$(or $(TEST_NEEDS_$(1)),$(NEEDS_$(1))))
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	$$(Q)$$(CC) $$(LDFLAGS_TEST) -o $$@ $$^ $(LIBS_test)
$(BUILD)/test/plain/$(1): $(BUILD)/test/$(1) $(BUILD)/obj/tests/tools/plain_runner.o
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	$$(Q)$$(CC) $$(LDFLAGS_TEST) -o $$@ $$(filter-out $(BUILD)/test/$(1),$$^) $(call objs,tests/$(1)/*.c) \
	    $(call objs,$(if $(filter base wire model,$(1)),tests/fakes/world.c,tests/fakes/*.c)) \
	    $(call archives,$(or $(TEST_NEEDS_$(1)),$(NEEDS_$(1)))) $(LIBS_test)
.PHONY: unit-$(1)
unit-$(1): $(BUILD)/test/$(1)
	$$(Q)tests/tools/run_unit $(BUILD)/test/$(1) $$(UNIT_FLAGS)
endef
TESTED := $(foreach p,$(PARTS),$(if $(wildcard tests/$(p)/*.c),$(p)))
$(foreach p,$(TESTED),$(eval $(call unit_rule,$(p))))

# logs/ alone under SIGKILL: at random, so often in each form, and at every single step; plain programs
KILLS ?= 100
STEPS ?=
$(BUILD)/test/kill $(BUILD)/test/steps: $(BUILD)/test/%: $(BUILD)/obj/tests/kill/%.o $(call archives,$(NEEDS_logs))
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_daemon)
.PHONY: unit-kill
unit-kill: $(BUILD)/test/kill $(BUILD)/test/steps
	$(Q)tests/tools/run_kill $(BUILD)/test/kill $(KILLS)
	$(Q)tests/tools/run_kill $(BUILD)/test/steps $(STEPS)

.PHONY: unit
unit: $(TESTED:%=$(BUILD)/test/%) $(BUILD)/test/kill $(BUILD)/test/steps
	$(Q)rm -f $(BUILD)/test/*.count
	$(Q)+$(MAKE) --no-print-directory -k unit-kill $(TESTED:%=unit-%); status=$$?; \
	    tests/tools/close_all.sh $(BUILD)/test kill steps $(TESTED) && exit $$status

# the same under other days, zones, locales and rights
.PHONY: unit-elsewhere
unit-elsewhere: $(TESTED:%=$(BUILD)/test/%) $(TESTED:%=$(BUILD)/test/plain/%)
	$(Q)tests/tools/unit_elsewhere $(BUILD) $(TESTED)

$(BUILD)/test/worker: $(BUILD)/obj/tests/e2e/worker.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_TEST) -o $@ $^

# The daemon with its fault points: only what has some is compiled once more. Found there first, the
# archives' own are not taken.
FAULT_SOURCES := $(sort tests/e2e/fault_point.c supervisord/supervisord.c \
                 $(shell grep -l base/fault_point.h src/*/*.c src/*/*/*.c))
FAULT_OBJECTS := $(FAULT_SOURCES:%.c=$(BUILD)/obj/faults/%.o)

$(FAULT_OBJECTS): CPPFLAGS_ALL += -DFAULT_POINTS
$(BUILD)/obj/faults/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $< (with fault points)"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/test/supervisord: $(FAULT_OBJECTS) $(DAEMON_PARTS:%=$(BUILD)/obj/supervisord/%.o) \
    $(call archives,$(NEEDS_api))
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_daemon)

$(BUILD)/test/fail_open.so: tests/e2e/fail_open.c
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=c11 -O2 -Wall -Wextra -fPIC -shared -o $@ $<

# The daemon whose own allocations fail. Libraries stay outside, where the linker does not send their calls.
WRAPPED := malloc calloc realloc strdup strndup asprintf
$(BUILD)/test/short/supervisord: $(BUILD)/obj/supervisord/supervisord.o $(BUILD)/obj/tests/e2e/fail_alloc.o \
    $(DAEMON_PARTS:%=$(BUILD)/obj/supervisord/%.o) $(call archives,$(NEEDS_api))
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) $(WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(LIBS_short)

E2E_PROGRAMS := $(BUILD)/test/worker $(BUILD)/test/supervisord $(BUILD)/test/fail_open.so

# stories mostly wait: more of them than cores
E2E_JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? 3 * n : n + 8)))

# everything that is built for a test of what has been built
.PHONY: test-programs
test-programs: all $(TESTED:%=$(BUILD)/test/%) $(BUILD)/test/kill $(BUILD)/test/steps $(E2E_PROGRAMS)

.PHONY: e2e
e2e: all $(E2E_PROGRAMS)
	$(Q)tests/e2e/run --build $(BUILD) -j $(E2E_JOBS) $(E2E_FLAGS)

# What the bench measures with. The worker has no C library: nothing may stand before its first write.
BENCH_FLAGS  = -D_GNU_SOURCE $(filter-out -fstack-protector% -fsanitize% -fno-sanitize%,$(CFLAGS_ALL)) -fno-pie
BENCH_WORKER = -Iinclude -ffreestanding -fno-builtin -fno-stack-protector -static -nostdlib -Wl,-z,noseparate-code
BENCH_DRIVE  := $(addprefix tests/bench/,drive.c starts.c ask.c sink.c web.c)

$(BUILD)/bench/worker: tests/bench/worker.c $(wildcard tests/bench/*.h) include/sys/process/raw_call.h
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(BENCH_FLAGS) $(BENCH_WORKER) -o $@ $<

$(BUILD)/bench/nothing: tests/bench/nothing.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_FLAGS) -static -o $@ $<

$(BUILD)/bench/drive: $(BENCH_DRIVE) $(wildcard tests/bench/*.h)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $(BENCH_DRIVE)

$(BUILD)/bench/count.so: tests/bench/count.c
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=c11 -O2 -Wall -Wextra -fPIC -shared -o $@ $<

$(BUILD)/bench/least: tests/bench/least.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -static -o $@ $<

.PHONY: bench bench-logs bench-programs costs
bench-programs: $(addprefix $(BUILD)/bench/,worker nothing least drive count.so)
costs: all bench-programs
	$(Q)tests/bench/check_syscalls --build $(BUILD)
bench bench-logs: deps-bench
	$(Q)$(MAKE) --no-print-directory all bench-programs static
	$(Q)tests/bench/run --build $(BUILD) $(if $(QUICK),--quick) $(BENCH_OPTS)
bench-logs: BENCH_OPTS += --only log_lines,log_sixteen,log_text --out $(BUILD)/bench/results-logs

CONFORMANCE ?= tests/conformance/run.py
.PHONY: conformance
conformance: all
	$(Q)tests/tools/conformance.sh $(CONFORMANCE) --supervisord $(BUILD)/bin/supervisord \
	    --supervisorctl $(BUILD)/bin/supervisorctl $(CONFORMANCE_FLAGS)

ASAN_BUILD := $(BUILD)/asan
ASAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# criterion's runner does not free what it registered; what our code forgets is still a failure
ASAN_ENV   := ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 \
              LSAN_OPTIONS=suppressions=$(CURDIR)/tests/tools/lsan.supp:print_suppressions=0
.PHONY: asan asan-programs
asan-programs:
	$(Q)$(MAKE) BUILD=$(ASAN_BUILD) OPT=-O1 SAN="$(ASAN_FLAGS)" test-programs $(ASAN_BUILD)/test/short/supervisord
asan: asan-programs
	$(Q)$(ASAN_ENV) $(MAKE) BUILD=$(ASAN_BUILD) OPT=-O1 SAN="$(ASAN_FLAGS)" -Otarget unit KILLS=30 STEPS=-s
	$(Q)$(ASAN_ENV) $(MAKE) BUILD=$(ASAN_BUILD) OPT=-O1 SAN="$(ASAN_FLAGS)" e2e E2E_FLAGS="--asan --once"

# One in so many allocations of our own code fails, by a seed that is printed; ALLOC_SEED repeats it.
ALLOC_SECONDS ?= 6
.PHONY: alloc
alloc:
	$(Q)$(MAKE) BUILD=$(ASAN_BUILD) OPT=-O1 SAN="$(ASAN_FLAGS)" \
	    $(addprefix $(ASAN_BUILD)/,bin/supervisord bin/supervisorctl test/worker test/short/supervisord)
	$(Q)$(ASAN_ENV) ALLOC_SECONDS=$(ALLOC_SECONDS) tests/e2e/run --build $(ASAN_BUILD) --asan --alloc -v $(E2E_FLAGS)

# Threads: what Criterion cannot run under. tests/tsan is a plain program, the rest is the daemon itself.
TSAN_BUILD := $(BUILD)/tsan
.PHONY: tsan tsan-programs
tsan-programs:
	$(Q)$(MAKE) --no-print-directory BUILD=$(TSAN_BUILD) OPT=-O1 SAN=-fsanitize=thread WERROR= \
	    $(addprefix $(TSAN_BUILD)/,bin/supervisord bin/supervisorctl test/worker test/tsan_load)
tsan: tsan-programs
	$(Q)tests/tools/tsan.sh $(TSAN_BUILD)

$(BUILD)/test/tsan_load: $(call objs,tests/tsan/*.c) $(call archives,$(NEEDS_readlog))
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_TEST) -o $@ $^ $(LIBS_daemon)

# ---- fuzz targets (clang's libFuzzer): a corpus each, and whatever once crashed stays in it

FUZZED      := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 30
FUZZ_BUILD  := $(BUILD)/fuzz
FUZZ_FLAGS  := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

.PHONY: fuzz fuzz-programs
fuzz-programs: deps-fuzz
	$(Q)$(MAKE) BUILD=$(FUZZ_BUILD) CC=clang OPT=-O1 SAN="$(FUZZ_FLAGS)" $(FUZZED:%=$(FUZZ_BUILD)/bin/fuzz_%)
fuzz: fuzz-programs
	$(Q)tests/tools/fuzz.sh $(FUZZ_BUILD)/bin $(FUZZ_SECONDS)

$(BUILD)/bin/fuzz_rest: $(call objs,tests/fakes/*.c)
$(BUILD)/bin/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(call archives,ctl $(NEEDS_api))
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS_daemon) -ledit

# ---- coverage of the unit and e2e tests, file by file

COV_BUILD := $(BUILD)/coverage
.PHONY: coverage
coverage:
	$(Q)$(MAKE) BUILD=$(COV_BUILD) OPT=-O0 SAN=--coverage all unit e2e
	$(Q)tests/tools/coverage.sh $(COV_BUILD)

.PHONY: demo
demo: deps-demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/demo/run $(BUILD)/bin

.PHONY: tour
tour: all
	$(Q)tests/demo/tour $(BUILD)/bin

.PHONY: check
check: deps-check
	$(Q)CI=$(CI) tests/tools/check.sh $(MAKE)

.PHONY: check-long
check-long: deps-check
	$(Q)CI=$(CI) tests/tools/check.sh $(MAKE) long

# its parts
.PHONY: long-races long-stories long-lifetimes
long-races: $(BUILD)/test/sys
	$(Q)RACE_SECONDS=30 $(MAKE) --no-print-directory unit-sys UNIT_FLAGS="--filter='*/*@(outrun|exchanged)'"
long-stories: all $(E2E_PROGRAMS)
	$(Q)tests/e2e/run --build $(BUILD) --long -v $(E2E_FLAGS)
long-lifetimes:
	$(Q)$(MAKE) BUILD=$(ASAN_BUILD) OPT=-O1 SAN="$(ASAN_FLAGS)" \
	    $(addprefix $(ASAN_BUILD)/,bin/supervisord bin/supervisorctl test/worker)
	$(Q)$(ASAN_ENV) tests/e2e/run --build $(ASAN_BUILD) --asan --long --only 'lifetimes.*' -v $(E2E_FLAGS)

.PHONY: soak
soak: all $(E2E_PROGRAMS)
	$(Q)tests/e2e/run --build $(BUILD) --soak

# ---- looking at the code

SOURCES := $(wildcard src/*/*.c src/*/*/*.c supervisord/*.c man/*.c tests/*/*.c)
HEADERS := $(wildcard include/*.h include/*/*.h include/*/*/*.h src/*/*.h src/*/*/*.h tests/*/*.h)

.PHONY: lint
lint: all compile_commands.json man
	$(Q)tests/tools/lint.sh $(BUILD)

compile_commands.json: Makefile $(SOURCES)
	$(Q)tests/tools/compile_commands.sh '$(CC) $(CPPFLAGS_ALL) $(filter-out -Werror,$(CFLAGS_ALL))' $(SOURCES) > $@

# ---- programs for an empty container

# One file under all names: most of each is the C library and what they share. clang's link-time optimisation needs a linker of its own: it goes without.
STATIC_BUILD := $(BUILD)/static
STATIC_LTO   := $(if $(findstring clang,$(CC)),,-flto=auto)
STATIC_FLAGS := -Os $(STATIC_LTO) -fno-pie -fno-asynchronous-unwind-tables
STATIC_LINK  := -static -Wl,-z,noseparate-code -Wl,--build-id=none
STATIC_NAMES := $(filter-out supervisord,$(PROGRAMS))
.PHONY: static
static:
	$(Q)$(MAKE) BUILD=$(STATIC_BUILD) OPT="$(STATIC_FLAGS)" $(if $(STATIC_LTO),AR=gcc-ar) \
	    CPPFLAGS=-DSTATIC_BUILD LDFLAGS="$(STATIC_LINK) $(STATIC_FLAGS)" $(STATIC_BUILD)/bin/multi
	$(Q)strip -o $(STATIC_BUILD)/bin/supervisord $(STATIC_BUILD)/bin/multi
	$(Q)rm $(STATIC_BUILD)/bin/multi
	$(Q)for name in $(STATIC_NAMES); do ln -sf supervisord $(STATIC_BUILD)/bin/$$name; done

$(BUILD)/obj/multi/%.o: supervisord/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) -include supervisord/multi.h -Dmain=$*_main $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/bin/multi: LIBS = $(LIBS_daemon) $(LIBS_edit)
$(BUILD)/bin/multi: $(BUILD)/obj/supervisord/multi.o $(PROGRAMS:%=$(BUILD)/obj/multi/%.o) \
    $(DAEMON_PARTS:%=$(BUILD)/obj/supervisord/%.o) $(BUILD)/obj/build-sample.o \
    $(call archives,ctl $(NEEDS_api))
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# ---- installing

BIN  = $(DESTDIR)$(PREFIX)/bin
SHARE = $(DESTDIR)$(PREFIX)/share
SYSTEMD = $(DESTDIR)$(PREFIX)/lib/systemd/system

.PHONY: install
install: all
	install -d $(BIN) $(SHARE)/man/man1 $(SHARE)/man/man5 $(SHARE)/man/man7 $(SHARE)/man/man8
	install -m 755 $(PROGRAMS:%=$(BUILD)/bin/%) $(BIN)
	for page in $(MANPAGES); do \
	    install -m 644 $$page $(SHARE)/man/man$${page##*.}; done
	install -D -m 644 etc/completions/supervisorctl.bash $(SHARE)/bash-completion/completions/supervisorctl
	install -D -m 644 etc/completions/_supervisorctl $(SHARE)/zsh/site-functions/_supervisorctl
	install -D -m 644 etc/supervisord.conf $(SHARE)/doc/supervisord/supervisord.conf
	install -D -m 644 LICENSE $(SHARE)/doc/supervisord/LICENSE
	install -d $(SYSTEMD)
	sed 's|/usr/local/bin|$(PREFIX)/bin|' etc/supervisord.service > $(SYSTEMD)/supervisord.service

.PHONY: uninstall
uninstall:
	rm -f $(PROGRAMS:%=$(BIN)/%) $(SHARE)/bash-completion/completions/supervisorctl \
	    $(SHARE)/zsh/site-functions/_supervisorctl $(SYSTEMD)/supervisord.service
	for page in $(notdir $(MANPAGES)); do rm -f $(SHARE)/man/man$${page##*.}/$$page; done
	rm -rf $(SHARE)/doc/supervisord

# ---- a Debian package of what `install` puts there

.PHONY: deb
deb:
	$(Q)rm -rf $(BUILD)/deb && $(MAKE) --no-print-directory install PREFIX=/usr DESTDIR=$(abspath $(BUILD))/deb >/dev/null
	$(Q)tests/tools/deb.sh $(BUILD)/deb $(BUILD)

.PHONY: clean
clean:
	rm -rf $(BUILD) compile_commands.json
