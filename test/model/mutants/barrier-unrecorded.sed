# barrier.c: a sleeper does not set the bit
s/if (!(state & ASLEEP) && !arch_cas64_fetch.*/if (false)/
s/(state | ASLEEP) >> 32/state >> 32/
