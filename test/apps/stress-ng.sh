# stress-ng: the stressors of this library's objects, each checking its own results. The futex
# stressor makes its system calls itself, beside a preloaded library as beside libc.
packages="stress-ng"
names="pthread_mutex_lock pthread_mutexattr_setprotocol pthread_spin_lock pthread_cond_broadcast
    sem_init sem_post sem_trywait sem_timedwait"

check()
{
    local stressor
    for stressor in futex mutex sem pthread; do
        under stress-ng --$stressor 2 --timeout 3 --verify --metrics-brief --temp-path . \
            >"output.$stressor" 2>&1
        cat "output.$stressor"
        ! grep -E ' (fail|error|warn):' "output.$stressor" || fail "$stressor: it complains"
        expect "output.$stressor" '.* successful run completed in .*' \
            ".*metrc: .* $stressor +[1-9][0-9]* +.*"
    done
}
