# rwlock/wait.c: a writer that has found a reader gone does not look whether another one came
# caught by rwlock-visible-other-beside
/^static int take_write/,/^}/s/while (!transition(rwlock, state, next));/while (given_of(*state) > 0 ? arch_store64_relaxed(\&rwlock->state, next), false : !transition(rwlock, state, next));/
