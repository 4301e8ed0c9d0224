# barrier.c: whoever wakes believes that the round is over
/^static void sleep_through/,/^}/s/            continue;/            return;/
