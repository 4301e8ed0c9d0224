# rwlock/shared.c: a lock that is unlocked inconsistent is as good as new
# caught by rwlock_shared-unrepaired
/^static union shared_state released/,/^}/s/if (state.control \& INCONSISTENT)/if (0)/
