# watch.c: a signal tells whoever watches in the slot
# caught by watch-slot-lost
/^bool watch_signal/,/^}/{
s/if (is_later(state, name) ||/if (false \&\&/
s/return is_of(state, name) && /return /
}
