# rwlock/shared.c: a word is emptied although it has changed since the question
s/found | DOUBT;/found;/
