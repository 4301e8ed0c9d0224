# rwlock/wait.c: a reader that comes in leaves those asleep who wait for a writer that has gone
# caught by rwlock-readers-parted
s/        wakes = prefers_readers(waiter->kind) && (\*state & SLEEP_R);/        wakes = false;/
