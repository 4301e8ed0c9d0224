# key.c: a lock of the library's own while a slot is looked for
# caught by key-freeze
s/uint32_t slot = arch_fetch_add(&next_slot, 1) & (KEYS - 1);/static uint32_t lock; while (!arch_cas(\&lock, 0, 1)) arch_pause(); &/
s/^        arch_store_release(&slots\[slot\], \*key << 1 | EXISTS);/& arch_store_release(\&lock, 0);/
s/!arch_cas(&slots\[slot\], word, RESERVED))/!arch_cas(\&slots[slot], word, RESERVED) ? (arch_store_release(\&lock, 0), true) : false)/
