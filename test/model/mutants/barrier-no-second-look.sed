# barrier.c: whoever wakes believes that the round is over
s/^        state = arch_load64_acquire(&barrier->state);/        return;/
