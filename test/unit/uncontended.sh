#!/bin/sh
# No system call unless somebody waits: uncontended.sh LIBRARY. Ten million uncontended operations on
# each object, single-threaded and with a second thread alive, make no futex call.
# Ends with "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
command -v strace >/dev/null || {
    echo "uncontended.sh needs strace: 'make deps' as root, or apt-get install strace" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -o "$work/program" "$(dirname "$0")/uncontended/program.c" \
    -pthread || exit 1
passed=0 failed=0
for threads in "" second; do
    strace -f -e trace=futex -e signal=none -o "$work/trace" -E LD_PRELOAD="$lib" \
        "$work/program" $threads >"$work/out" 2>&1
    status=$?
    calls=$(grep -c 'futex(' "$work/trace")
    objects=$(wc -l <"$work/out")
    name="no futex call for $objects kinds of object${threads:+ with a second thread alive}"
    if [ "$status" -eq 0 ] && [ "$calls" -eq 0 ] && [ "$objects" -eq 14 ]; then
        echo "ok - $name"
        passed=$((passed + 1))
    else
        echo "not ok - $name: $calls calls, status $status"
        tail -n 3 "$work/out"
        head -n 3 "$work/trace"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
