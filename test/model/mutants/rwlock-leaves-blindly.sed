# rwlock/lock.c: a slot is left whether a handler has left it or not
# caught by rwlock-handler-visible
s/    return likely(arch_cas64_alone(slot, name, 0));/    return arch_store64_release(slot, 0), name != 0;/
