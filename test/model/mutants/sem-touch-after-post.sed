# sem.c: the semaphore is read after the addition
s/keep || scope == PRIVATE ?/keep || scope_of(sem) == PRIVATE ?/
