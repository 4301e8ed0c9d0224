# rwlock/wait.c: the wake comes before the release
# caught by rwlock-readers-parted
/^COLD int release_write/,/^}/{
s/        next = freed(state, kind, &wake);/        next = freed(state, kind, \&wake), wake_up(word, wake, next);/
s/^    wake_up(word, wake, next);$/    (void)word;/
}
