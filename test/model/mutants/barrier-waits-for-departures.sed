# barrier.c: the last to arrive waits until the others have left
s/^    depart(barrier, scope);/    while (last \&\& arch_load_relaxed(\&barrier->departed) < (count - 1) * DEPARTURE) arch_pause(); depart(barrier, scope);/
