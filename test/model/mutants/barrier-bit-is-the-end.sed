# barrier.c: a sleeper believes that the round is over when another sets a bit
# caught by barrier-slot-lent
/^static int sleep_through/,/^}/s/if (word == most)/if (word)/
