# CPython: its global lock is a mutex and a cond with the monotonic clock, its locks are
# semaphores, those of multiprocessing are semaphores that sem_open made.
packages="python3"
names="sem_wait sem_trywait sem_post sem_clockwait pthread_cond_timedwait pthread_cond_signal
    pthread_mutex_lock pthread_getspecific"

check()
{
    under python3 "$here/python.py" >output
    cat output
    # Each line is a sum that comes out otherwise when something is lost or done twice.
    sed 's/^ *//' >expected <<'END'
        queue: 80000 items, sum 799960000, 4 producers and 4 consumers empty
        priority queue: 3000 items in order
        condition: 20000 turns taken in order
        barrier: 200 generations of 5, 200 leaders, broken once and reset
        semaphore: 2000 entries, never more than 3 inside
        executor: 3000 squares, sum 8995500500, 1 error passed on
        lock: 60000 increments, timed out, 2 of 2 owners
        event: 100 pings, 100 pongs
        timer: daemon fired, cancelled one did not
        thread locals: 50 threads, 50 values
        fork: 5 children with threads of their own
        subprocess: 20 children, 20 answers
        processes: 4000 increments under a shared lock, pool sum 4950
END
    diff expected output
}
