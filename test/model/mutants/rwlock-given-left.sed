# rwlock/wait.c: what was given back stays if a reader comes while a writer takes the lock
# caught by rwlock-visible-other-beside
/^static bool take_write/,/^}/{
s/(ASLEEP | CLAIM_R | CLAIM_W | LATER) & ~drops/(ASLEEP | CLAIM_R | CLAIM_W | LATER | -GIVEN) \& ~drops/
s/^    arch_store64_relaxed(&rwlock->writer.whole, self_name());/    transition(rwlock, \&next, next \& (GIVEN - 1));\n&/
}
