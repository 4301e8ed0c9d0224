# rwlock/wait.c: a writer with a deadline stands aside
# caught by rwlock-timed-at-once
s/has_just_waited() && !waiter->deadline/has_just_waited()/
