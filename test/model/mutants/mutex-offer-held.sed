# mutex/plain.c: who takes what is offered forgets the sleepers
s/next = mine ? CONTENDED : OFFERED;/next = mine ? HELD : OFFERED;/
