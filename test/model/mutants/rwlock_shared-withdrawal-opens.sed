# rwlock/shared.c: a writer that gives up lets readers join although another waits
# caught by rwlock_shared-no-joining-2
s/are_awaited(lock) ? SLEEP_R | HUNGRY : SLEEPERS | HUNGRY/SLEEPERS | HUNGRY/
