# self.c: a late one puts a lower generation back
# caught by self-generation
s/next = arch_fetch_add(&newest_generation, 1) + 1;/next = arch_load_relaxed(\&newest_generation) + 1; arch_store_release(\&newest_generation, next);/
