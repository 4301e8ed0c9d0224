# undo.c: a permit is taken away, and then counted
# caught by undo-death
s/if (take_free(undo, ONE(slot)))/if (take_free(undo, 0) \&\& arch_fetch_add64(state_of(undo), ONE(slot)) + 1)/
