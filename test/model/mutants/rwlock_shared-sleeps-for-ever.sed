# rwlock/shared.c: a sleep is not a lap
s/park_for(word, value, waiter->lap, waiter->deadline, SHARED, classes)/park(word, value, waiter->deadline, SHARED, classes)/
