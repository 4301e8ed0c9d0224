# mutex/lock.c: a thread without an id takes a mutex without a bias for its own
# caught by bias-newcomer buffered
/^static inline bool is_biased_to_me/,/^}/s/id != 0 && //
