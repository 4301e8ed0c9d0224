# key.c: a slot is not reserved while its key is made
# caught by key-create
s/|| !arch_cas(&slots\[slot\], word, RESERVED)/|| (arch_store_relaxed(\&slots[slot], RESERVED), false)/
s/arch_fetch_add(&next_slot, 1)/(next_slot + tries)/
