# once.c: a child of fork waits for a routine that its parent runs
# caught by once-fork
s/RUNNING | self_generation() \* GENERATION/RUNNING/
