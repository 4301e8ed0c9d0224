#!/bin/sh
# A clock that stands still: frozen.sh LIBRARY. Waiters that look at a clock as they spin fall asleep
# all the same. (The x86-64 library has a clock that nobody can stop; arch/generic asks libc.) Ends with
# "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -std=gnu11 -O2 -Wall -Wextra -pthread -o "$work/each" "$here/traced/each.c" || exit 1
cc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -o "$work/clock.so" "$here/frozen/clock.c" || exit 1
passed=0 failed=0
for object in mutex cond sem barrier once robust; do
    name="a waiter for a $object falls asleep though the clock stands still"
    if LD_PRELOAD="$work/clock.so $lib" timeout -s KILL 30 "$work/each" $object; then
        echo "ok - $name"
        passed=$((passed + 1))
    else
        echo "not ok - $name"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
