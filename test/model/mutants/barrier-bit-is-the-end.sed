# barrier.c: a sleeper believes that the round is over when another sets a bit
/^static void sleep_through/,/^}/s/if (word == most)/if (word)/
