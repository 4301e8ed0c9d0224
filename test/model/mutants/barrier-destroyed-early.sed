# barrier.c: destroy does not wait for those on their way
s/if ((departed & ~(uint32_t)DESTROYING) == expected)/if (departed || expected)/
