# Included by the top Makefile: make model, make model-deep, make model-transfers.

MODEL_SOURCES = asymmetric barrier c11 cond key once park self sem spin spinning ticks undo watch \
	$(patsubst pthread/%.c,%,$(wildcard pthread/mutex/*.c pthread/rwlock/*.c))
MODEL_SCENARIOS = $(basename $(notdir $(wildcard test/model/scenarios/*.c)))
# NAME:FILE, the file as the mutant's first line names it
MODEL_MUTATIONS := $(shell awk 'FNR == 1 { name = FILENAME; sub(".*/", "", name); \
	print substr(name, 1, length(name) - 4) ":" substr($$2, 1, length($$2) - 3) }' \
	test/model/mutants/*.sed)
MODEL_MUTANTS = $(foreach mutation,$(MODEL_MUTATIONS),$(firstword $(subst :, ,$(mutation))))
MODEL_NEUTRAL = $(patsubst -Iarch/%,-Itest/model/arch,$(NEUTRAL))
MODEL_FLAGS = -std=gnu11 -g -O1 -Wall -Wextra -fPIE -ffreestanding -fno-builtin \
	-fno-stack-protector -fasynchronous-unwind-tables -fno-common -DFURWOCK_ARCHIVE \
	-DWATCH_SLOTS=1 -DUNDO_SLOTS=2 \
	-iquote pthread -iquote test/model $(MODEL_NEUTRAL) -MMD -MP
MODEL_OBJECTS = $(MODEL_SOURCES:%=$(BUILD)/model/%.o) $(BUILD)/model/host.o \
	$(MODEL_SCENARIOS:%=$(BUILD)/model/scenarios/%.o)
MODEL_EXPLORER = $(patsubst %,$(BUILD)/model/explorer/%.o,main explore fibres fates memory \
	weak futex futex_pi)

$(BUILD)/model/%.o: pthread/%.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<, model"
	@$(CC) $(MODEL_FLAGS) -c -o $@ $<

$(BUILD)/model/%.o: test/model/%.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(MODEL_FLAGS) -c -o $@ $<

# Of the explorer nothing is restored between executions: it is the machine, and not in the model.
$(BUILD)/model/explorer/%.o: test/model/%.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) -std=gnu11 -g -O2 -Wall -Wextra -U_FORTIFY_SOURCE -fPIE -D_GNU_SOURCE -MMD -MP \
		-c -o $@ $<

# Counting transfers of cache lines: the same files again, for more threads, with the library's own table.
TRANSFER_SMALL = -DWATCH_SLOTS=1 -DUNDO_SLOTS=2
TRANSFER_THREADS = -DMODEL_THREADS=64
TRANSFER_FLAGS = $(filter-out $(TRANSFER_SMALL),$(MODEL_FLAGS)) $(TRANSFER_THREADS)
TRANSFER_OBJECTS = $(patsubst %,$(BUILD)/model/transfers/modelled/%.o,$(MODEL_SOURCES) host \
	transfers/workloads transfers/cases transfers/simple)
TRANSFER_MACHINE = $(patsubst %,$(BUILD)/model/transfers/machine/%.o,transfers/main \
	transfers/machine fibres futex futex_pi)

$(BUILD)/model/transfers/modelled/%.o: pthread/%.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<, transfers"
	@$(CC) $(TRANSFER_FLAGS) -c -o $@ $<

$(BUILD)/model/transfers/modelled/%.o: test/model/%.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<, transfers"
	@$(CC) $(TRANSFER_FLAGS) -c -o $@ $<

# The kernel's calls come to it through the machine, which counts them.
$(BUILD)/model/transfers/machine/%.o: test/model/%.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<, transfers"
	@$(CC) -std=gnu11 -g -O2 -Wall -Wextra -U_FORTIFY_SOURCE -fPIE -D_GNU_SOURCE -MMD -MP \
		$(TRANSFER_THREADS) $(if $(filter futex,$*),-Dmodel_syscall=kernel_call) -c -o $@ $<

# The modelled files become one object: their data in a section of its own, and their names, which
# are libc's, seen by nobody else.
MODEL_KEEP = $(patsubst %,-G %,scenario_tables model_self model_self_size model_born model_ended \
	model_killed model_page model_is_paged model_membarriers model_wiped_on_fork model_wipe model_make \
	transfer_workloads transfer_cases)
define model_link
	@mkdir -p $(@D)
	@$(CC) -nostdlib -r -Wl,-T,test/model/modelled.ld -o $@.o $(1)
	@objcopy $(MODEL_KEEP) $@.o
	@$(CC) $(or $(3),-pie) -o $@ $(or $(2),$(MODEL_EXPLORER)) $@.o
endef

$(BUILD)/model/model: $(MODEL_OBJECTS) $(MODEL_EXPLORER) test/model/modelled.ld
	@echo "  LINK  $@"
	$(call model_link,$(MODEL_OBJECTS))

# Where objects lie decides which lines they share: so it is the same each time.
$(BUILD)/model/transfers/count: $(TRANSFER_OBJECTS) $(TRANSFER_MACHINE) test/model/modelled.ld
	@echo "  LINK  $@"
	$(call model_link,$(TRANSFER_OBJECTS),$(TRANSFER_MACHINE),-no-pie)

MODEL_HEADERS = $(wildcard pthread/*.h pthread/mutex/*.h pthread/rwlock/*.h)
# A mutant is one file of pthread/, with the headers it includes, edited by a sed script whose first
# line names it.
define rules_of_mutant
$(BUILD)/model/mutants/$(1)/model: test/model/mutants/$(1).sed $(BUILD)/model/model
	@echo "  MUTANT $(1)"
	@mkdir -p $$(@D)/mutex $$(@D)/rwlock
	@test/model/applies $$< pthread/$(2).c $(MODEL_HEADERS)
	@for file in $(2).c $(MODEL_HEADERS:pthread/%=%); do sed -f $$< pthread/$$$$file >$$(@D)/$$$$file; done
	@$$(CC) $$(MODEL_FLAGS) -w -c -o $$(@D)/$(2).o $$(@D)/$(2).c
	$$(call model_link,$$(filter-out $$(BUILD)/model/$(2).o,$$(MODEL_OBJECTS)) $$(@D)/$(2).o)
endef
$(foreach mutation,$(MODEL_MUTATIONS),$(eval $(call rules_of_mutant,$(firstword \
	$(subst :, ,$(mutation))),$(lastword $(subst :, ,$(mutation))))))

-include $(wildcard $(BUILD)/model/*.d $(BUILD)/model/*/*.d $(BUILD)/model/transfers/*/*.d \
	$(BUILD)/model/transfers/*/*/*.d)

.PHONY: model model-deep model-transfers model-orders model-variables model-link
# What test/model/orders compiles and links with.
model-variables:
	@echo '$(CC) $(MODEL_FLAGS)'
	@echo '$(MODEL_OBJECTS)'

model-link:
	@objects='$(MODEL_LINKED)'; $(CC) -nostdlib -r -Wl,-T,test/model/modelled.ld -o $(MODEL_LINK_TO).o $$objects && \
		objcopy $(MODEL_KEEP) $(MODEL_LINK_TO).o && $(CC) -pie -o $(MODEL_LINK_TO) $(MODEL_EXPLORER) $(MODEL_LINK_TO).o

model-orders: $(BUILD)/model/model
	@test/model/orders --build $(BUILD)

model: $(BUILD)/model/model $(BUILD)/model/transfers/count $(MODEL_MUTANTS:%=$(BUILD)/model/mutants/%/model)
	@test/model/run --build $(BUILD) --mutants

model-deep: $(BUILD)/model/model
	@test/model/run --build $(BUILD) --deep

model-transfers: $(BUILD)/model/transfers/count
	@$<
