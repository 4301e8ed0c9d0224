# once.c: one of those who wait is woken
# caught by once-cancel-3
/^static void finish/,/^}/s/EVERYONE/1/
