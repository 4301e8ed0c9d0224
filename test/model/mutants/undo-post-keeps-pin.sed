# undo.c: a post leaves a pin, and so the slot its own
# caught by undo-exclusive
s/unpin(name_of(undo, slot), 2);/unpin(name_of(undo, slot), 1);/
