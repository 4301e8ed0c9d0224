# rwlock/wait.c: fenced readers follow asymmetric ones that no membarrier has seen
/^static uint64_t way_of_entering/,/^}/s/    if (state & ASYMMETRIC)/    if (false)/
