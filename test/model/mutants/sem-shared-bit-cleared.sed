# sem.c: a post clears the bit while others sleep
# caught by sem-cancel
s/keep = nobody ? 0 : word & ASLEEP;/keep = 0;/
s/keep ? 1 : EVERYONE/1/
