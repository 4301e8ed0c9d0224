# pi_stress: groups of three real-time threads that make priority inversions on mutexes with
# priority inheritance. The program itself notices only that a group stands still; that the
# lowest thread really inherits is seen from outside, in the priority the kernel gives it.
packages="rt-tests util-linux"
names="pthread_mutex_lock pthread_mutex_unlock pthread_mutexattr_setprotocol pthread_barrier_wait"
limit=30

# Of each thread of $server: count it if its own real-time priority is 1, that of the lowest,
# and it runs at 3, that of the highest. /proc/PID/stat shows the latter as -1 - 3.
look_for_inheritance()
{
    local file line
    for file in "/proc/$server/task/"*/stat; do
        line=
        { read -r line <"$file" || true; } 2>/dev/null
        # The fields after the program's name, from the third on.
        # shellcheck disable=SC2086
        set -- ${line##*) }
        if [ $# -ge 38 ] && [ "${38}" = 1 ] && [ "${16}" = -4 ]; then
            inherited=$((inherited + 1))
        fi
    done
}

check()
{
    local inversions inherited=0
    chrt -f 4 true 2>/dev/null || skip "the kernel refuses SCHED_FIFO here"
    serve pi_stress --duration=3 --groups=2 --quiet >output 2>&1
    # Without a pause: what the real-time threads leave of the machine is little.
    while [ $inherited -lt 3 ] && kill -0 "$server" 2>/dev/null; do
        look_for_inheritance
    done
    wait "$server" || fail "pi_stress: exit status $?"
    cat output
    echo "seen inheriting: $inherited times"
    ! grep -iE 'watchdog|deadlock|error|fail' output || fail "it complains"
    inversions=$(sed -n 's/^Total inversion performed: //p' output)
    [ "${inversions:-0}" -ge 1000 ] || fail "only ${inversions:-0} inversions in 3 seconds"
    [ $inherited -gt 0 ] || fail "the lowest thread never inherited a priority"
}
