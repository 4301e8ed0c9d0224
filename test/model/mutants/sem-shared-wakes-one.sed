# sem.c: a post that found nobody asleep wakes one of those who came meanwhile
s/keep || scope == PRIVATE ? 1 : EVERYONE/1/
