# rwlock/shared.c: where no writer sleeps any more the readers are not woken
# caught by rwlock_shared-writer
/^static COLD void wake_released/,/^}/s/(bits \& SLEEP_R)/0/
