# rwlock/shared.c: a writer that gives up wakes nobody
/^static COLD int give_up/,/^}/s/wake_all(.*/;/
