# rwlock/lock.c: a slot is left whether a handler has left it or not
# caught by rwlock-handler-visible
s/    if (!likely(arch_cas64_alone(&row->slots\[0\], name, 0)))/    if (arch_store64_release(\&row->slots[0], 0), false)/
