# undo.c: what is given back for the dead stays counted
# caught by undo-heal-death
s/with_free(undo, state - count \* ONE(slot), count)/with_free(undo, state, count)/
