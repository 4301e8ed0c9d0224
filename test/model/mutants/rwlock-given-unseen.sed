# rwlock/wait.c: a writer does not know what was given back
# caught by rwlock-visible-other
/^static bool take_write/,/^}/s/> given_of(\*state))/> 0)/
