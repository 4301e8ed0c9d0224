#!/bin/sh
# Signals under a tracer, which stops threads around each futex call for as long as no scheduler does
# on an idle machine, and the futex operations that tools look for: traced.sh LIBRARY. Ends with
# "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
command -v strace >/dev/null || {
    echo "traced.sh needs strace: 'make deps' as root, or apt-get install strace" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -std=gnu11 -O2 -Wall -Wextra -pthread -o "$work/pingpong" "$(dirname "$0")/traced/pingpong.c" || exit 1
passed=0 failed=0
for run in 1 2 3 4 5; do
    if timeout -s KILL 60 strace -f -o /dev/null -e trace=futex -E LD_PRELOAD="$lib" "$work/pingpong"; then
        echo "ok - two threads signal each other to the end, run $run"
        passed=$((passed + 1))
    else
        echo "not ok - two threads signal each other to the end, run $run"
        failed=$((failed + 1))
    fi
done

# Waits and wakes without a deadline are FUTEX_WAIT and FUTEX_WAKE, whatever the object.
cc -std=gnu11 -O2 -Wall -Wextra -pthread -o "$work/each" "$(dirname "$0")/traced/each.c" || exit 1
for object in mutex cond sem barrier once robust; do
    timeout -s KILL 60 strace -f -o "$work/trace" -e trace=futex -E LD_PRELOAD="$lib" "$work/each" $object
    status=$?
    # libc waits for the thread's end by its tid, with another operation
    sed -i '/FUTEX_WAIT_BITSET|FUTEX_CLOCK_REALTIME, [0-9]*, NULL/d' "$work/trace"
    waits=$(grep -c -E 'FUTEX_WAIT(_PRIVATE)?, [0-9]+, NULL' "$work/trace")
    wakes=$(grep -c -E 'FUTEX_WAKE(_PRIVATE)?, ' "$work/trace")
    others=$(grep -c 'BITSET' "$work/trace")
    if [ "$status" -eq 0 ] && [ "$waits" -gt 0 ] && [ "$wakes" -gt 0 ] && [ "$others" -eq 0 ]; then
        echo "ok - a wait for a $object and its end are FUTEX_WAIT and FUTEX_WAKE"
        passed=$((passed + 1))
    else
        echo "not ok - a wait for a $object and its end are FUTEX_WAIT and FUTEX_WAKE"
        grep futex "$work/trace" | head -n 10
        failed=$((failed + 1))
    fi
done

# Who was woken at a barrier does not ask the kernel whether it was meant. Now and then one that was late
# sleeps in the next round already when the wake of the last one comes, and so does ask.
cc -std=gnu11 -O2 -Wall -Wextra -pthread -o "$work/rounds" "$(dirname "$0")/traced/rounds.c" || exit 1
timeout -s KILL 60 strace -f -o "$work/trace" -e trace=futex -E LD_PRELOAD="$lib" -E FURWOCK=nospin "$work/rounds"
status=$?
counts=$(awk '
    /FUTEX_WAIT_PRIVATE/ {
        split($0, part, ", ")
        again += slept[$1] == part[3]
        slept[$1] = ""
        value[$1] = part[3]
    }
    / = 0$/ && /FUTEX_WAIT_PRIVATE|resumed/ { slept[$1] = value[$1]; sleeps++ }
    END { print sleeps + 0, again + 0 }' "$work/trace")
if [ "$status" -eq 0 ] && [ "${counts% *}" -gt 100 ] && [ "$((${counts#* } * 20))" -lt "${counts% *}" ]; then
    echo "ok - who was woken at a barrier goes on without another call"
    passed=$((passed + 1))
else
    echo "not ok - who was woken at a barrier goes on without another call: status $status, sleeps and calls: $counts"
    failed=$((failed + 1))
fi

# A bit that a sleeper has left costs a few calls, also where several objects have one.
cc -std=gnu11 -O2 -Wall -Wextra -pthread -o "$work/turns" "$(dirname "$0")/traced/turns.c" || exit 1
for object in sem cond; do
    timeout -s KILL 60 strace -f -o "$work/trace" -e trace=futex -E LD_PRELOAD="$lib" -E FURWOCK=nospin "$work/turns" $object
    status=$?
    calls=$(grep -c futex "$work/trace")
    if [ "$status" -eq 0 ] && [ "$calls" -gt 2 ] && [ "$calls" -lt 100 ]; then
        echo "ok - a $object that nobody waits for any more is woken without calls, two in turn"
        passed=$((passed + 1))
    else
        echo "not ok - a $object that nobody waits for any more is woken without calls, two in turn: status $status, $calls calls"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
