#!/bin/sh
# Signals under a tracer, which stops threads around each futex call for as long as no scheduler does
# on an idle machine: traced.sh LIBRARY. Ends with "N passed, N failed".
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
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
