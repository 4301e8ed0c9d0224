# self.c: a child of fork does not own what the forking thread owned
# caught by mutex-fork-robust
s/^    if (tid == 0 || self_tid() != arch_load_relaxed(&heir_tid))/    if (true)/
