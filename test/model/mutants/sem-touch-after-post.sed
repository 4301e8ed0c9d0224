# sem.c: the semaphore is read after the addition
# caught by sem-destroy-2
s/unpark(&sem->word, keep ? 1/unpark(\&sem->word, keep \&\& arch_load_relaxed(\&sem->word) ? 1/
