# mutex/owned.c: the waiters bit is lost when somebody takes a released word at once
# caught by mutex-robust-thief
/^int owned_acquire/,/^}/s/tid | (word & WORD_WAITERS)/tid/
