#!/bin/sh
# The library under a dynamic musl program: musl.sh LIBRARY. Ends with "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
command -v musl-gcc >/dev/null || {
    echo "musl.sh needs musl-gcc: 'make deps' as root, or apt-get install musl-tools" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
musl-gcc -std=gnu11 -O2 -Wall -Wextra -o "$work/program" "$(dirname "$0")/musl/program.c" || exit 1
LD_PRELOAD=$lib timeout 60 "$work/program" >"$work/out" 2>&1
status=$?
[ "$status" -eq 0 ] || echo "not ok - the program ends well (status $status)" >>"$work/out"
cat "$work/out"
passed=$(grep -c '^ok' "$work/out")
failed=$(grep -c '^not ok' "$work/out")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
