# sem.c: a cancelled waiter keeps the wake that it may have consumed
# caught by sem-cancel-last-post
/^static void cancelled_wait(/,/^}/s/    if (.*)/    if (false)/
