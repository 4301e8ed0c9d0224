# rwlock/shared.c: where no writer sleeps any more the readers are not woken
/^static COLD void wake_released/,/^}/s/(bits \& SLEEP_R)/0/
