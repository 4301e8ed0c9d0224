# mutex/owned.c: a release that has found nobody asleep does not wake those who came meanwhile
# caught by mutex-robust-destroy
/^void owned_release/,/^}/s/unpark(&mutex->word, EVERYONE, SHARED, ANY);/;/
