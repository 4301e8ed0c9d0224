# rwlock/shared.c: a reader that lives counts as dead
s/if (alive_process_is_gone(owner) \&\&/if (1 \&\&/
