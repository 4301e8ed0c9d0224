# sem.c: the wake comes before the addition
# caught by sem-cancel
/^static COLD int post_slow/,/^}/s/    } while (!change/        if (word \& ASLEEP)\n            unpark(\&sem->word, 1, scope, ANY);\n    } while (!change/
/^static COLD int post_slow/,/^}/s/^    if (word & ASLEEP)$/    if (false)/
