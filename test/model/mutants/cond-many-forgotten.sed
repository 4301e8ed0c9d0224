# cond.c: a signal leaves no bit for those who watched with another and sleep
# caught by cond-watchers-signal
/^static uint32_t bits_left/,/^}/s/(SLEEPERS | MANY)/SLEEPERS/
