# rwlock/wait.c: an unlock believes what it saw of the state before it looked through the rows
# caught by rwlock-handler-visible
/^COLD int release_read/,/^}/s/} while (!transition/} while (held \&\& !transition/
