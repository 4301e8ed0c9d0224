# rwlock/wait.c: who gives back for another does not wake who waits for the row
s/    if (row && arch_load_relaxed(&row->waited))/    if (false)/
