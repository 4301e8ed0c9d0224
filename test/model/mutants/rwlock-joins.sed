# rwlock/wait.c: readers join others though a writer waits that is preferred
# caught by rwlock-claim-dropped
s/arch_load_relaxed(&rwlock->writers) == 0 ||$/true ||/
