# cond.c: one who watches no more leaves no bit for those who still do
s/uint32_t asleep = (now & ~(uint32_t)SPINNER) | SLEEPERS;/uint32_t asleep = now \& ~(uint32_t)BITS;/
