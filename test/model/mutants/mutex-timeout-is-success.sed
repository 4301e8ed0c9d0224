# mutex/plain.c: a timeout counts as the lock, if the word is free by then
# caught by mutex-claim-timed
/^static COLD int plain_wait/,/^}/s/            return error;/            return arch_load_relaxed(\&mutex->word) == FREE ? 0 : error;/
