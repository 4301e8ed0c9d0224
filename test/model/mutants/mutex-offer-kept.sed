# mutex/plain.c: what is offered is for those alone who have slept
/^static void make_way/,/^}/s/waiter->accepts = true;/;/
