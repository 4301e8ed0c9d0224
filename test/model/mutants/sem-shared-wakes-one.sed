# sem.c: a post that found nobody asleep wakes one of those who came meanwhile
s/keep ? 1 : EVERYONE/1/
