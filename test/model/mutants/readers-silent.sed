# readers.c: a reader that leaves tells nobody, and naps are for ever
s/if (unlikely(arch_load_relaxed(&row->waited)))/if (false)/
s/return nap(&row->waited, 1, MILLISECOND, deadline)/return park(\&row->waited, 1, deadline, PRIVATE, ANY)/
