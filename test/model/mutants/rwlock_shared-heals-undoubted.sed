# rwlock/shared.c: a word is emptied although it has changed since the question
# caught by rwlock_shared-reborn
s/found | DOUBT;/found;/
