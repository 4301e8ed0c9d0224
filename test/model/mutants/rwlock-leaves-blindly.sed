# rwlock/lock.c: a slot is left whether a handler has left it or not
s/    if (unlikely(!arch_cas64_alone(slot, name, 0)))/    if (arch_store64_release(slot, 0), !name)/
