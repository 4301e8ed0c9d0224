# rwlock/wait.c: a writer does not know what was given back
/^static bool take_write/,/^}/s/> given_of(\*state))/> 0)/
