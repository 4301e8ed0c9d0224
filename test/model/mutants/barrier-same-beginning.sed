# barrier.c: the rounds of every barrier begin at the same place
s/(uint64_t)(arch_fetch_add(&barriers, 1) \* 0x9e3779b1u) \* ROUND/barriers/
