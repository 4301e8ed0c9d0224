# mutex/plain.c: who takes what is offered forgets the sleepers
# caught by mutex-claim
s/next = mine ? CONTENDED : OFFERED;/next = mine ? HELD : OFFERED;/
