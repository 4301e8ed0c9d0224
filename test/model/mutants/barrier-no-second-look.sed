# barrier.c: whoever wakes believes that the round is over
# caught by barrier-2
/^static int sleep_through/,/^}/s/            continue;/            return 0;/
