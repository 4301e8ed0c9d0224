# rwlock/wait.c: a writer that was woken in vain stands aside, and nobody is told that others sleep
# caught by rwlock-freeze-vain
/^static int wait_for(/,/^}/s/waiter->aside = (state & SLEEP_W) || .*/waiter->aside = true;/
