# mutex.c: a release that has found nobody asleep does not wake those who came meanwhile
/^static void owned_release/,/^}/s/unpark(&mutex->word, EVERYONE, scope, ANY);/;/
