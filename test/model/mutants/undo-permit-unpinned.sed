# undo.c: a permit that is taken leaves no pin
# caught by undo-death
/if (take_free(undo, ONE(slot)))/,/return 0;/s/return 0;/return unpin(name_of(undo, slot), 1), 0;/
