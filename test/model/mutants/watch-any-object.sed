# watch.c: a signal tells whoever watches in the slot
/^bool watch_signal/,/^}/s/!is_of(state, name) || //
