# mutex/plain.c: what is offered is for those alone who have slept
# caught by mutex-claim-timed
/^static void make_way/,/^}/s/waiter->accepts = true;/;/
