# barrier.c: the rounds of every barrier begin at the same place
# caught by barrier-reuse
s/(uint64_t)(arch_fetch_add(&barriers, 1) \* 0x9e3779b1u) \* ROUND/barriers/
