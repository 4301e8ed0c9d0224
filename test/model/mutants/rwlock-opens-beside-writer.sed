# rwlock/wait.c: rows are opened though a writer waits
# caught by rwlock-no-joining-inviting
/^COLD void open_rows/,/^}/{
s/ || (state & (SLEEP_W | CLAIM_W)) ||/ ||/
s/arch_load_relaxed(&rwlock->writers) > 0 ||/false ||/
}
