# rwlock.c: the wake comes before the release
/^static COLD int release_write/,/^}/{
s/^        next = after_write(state, kind, &wake);/        next = after_write(state, kind, \&wake), wake_after(word, kind, wake, next);/
s/^    wake_after.*//
}
