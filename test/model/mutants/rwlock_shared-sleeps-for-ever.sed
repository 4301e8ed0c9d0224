# rwlock/shared.c: a sleep is not a lap
# caught by rwlock_shared-reader-dies
s/park_for(word, value, waiter->lap, waiter->deadline, SHARED, classes)/park(word, value, waiter->deadline, SHARED, classes)/
