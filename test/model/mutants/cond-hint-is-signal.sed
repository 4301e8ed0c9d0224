# cond.c: a waiter whose word has got a bit since takes that for a signal
# caught by cond-timed-nobody-spins
/^static bool next_word/,/^}/s/        if (.*/        return false;/
