# barrier.c: whoever wakes believes that the round is over
/^static int sleep_through/,/^}/s/            continue;/            return 0;/
