# rwlock/wait.c: an unlock believes what it saw of the state before it looked through the rows
# caught by rwlock-handler-visible
s/        if (\*state == before)/        if (true)/
