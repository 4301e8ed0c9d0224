# rwlock/wait.c: what was given back stays if a reader comes while a writer takes the lock
# caught by rwlock-visible-other-beside
/^static int take_write/,/^}/{
s/(ASLEEP | CLAIMS | LATER) & ~waiter->used_up/(ASLEEP | CLAIMS | LATER | -GIVEN) \& ~waiter->used_up/
s/^    arch_store64_relaxed(&rwlock->writer.whole, self_name());/    transition(rwlock, \&next, next \& (GIVEN - 1));\n&/
}
