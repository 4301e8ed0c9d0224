# sem.c: a post that found nobody asleep wakes one of those who came meanwhile
# caught by sem-stale-bit
s/keep ? 1 : EVERYONE/1/
