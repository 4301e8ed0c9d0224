# once.c: one of those who wait is woken
/^static void finish/,/^}/s/EVERYONE/1/
