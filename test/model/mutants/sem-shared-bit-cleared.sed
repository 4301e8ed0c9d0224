# sem.c: a process-shared post clears the bit while others sleep
s/keep = ASLEEP;/keep = 0;/
s/keep || scope == PRIVATE ? 1 : EVERYONE/1/
