#!/bin/sh
# libfaketime before Furwock, as the README has it: faketime.sh LIBRARY. Waits end when they should, in a
# time that is far off. Ends with "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
fake=
for candidate in "/usr/lib/$(cc -dumpmachine)/faketime" /usr/lib/faketime /usr/local/lib/faketime; do
    [ -z "$fake" ] && [ -f "$candidate/libfaketimeMT.so.1" ] && fake=$candidate
done
[ -n "$fake" ] || {
    echo "faketime.sh needs libfaketime: 'make deps' as root, or apt-get install faketime" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -pthread -o "$work/program" \
    "$(dirname "$0")/faketime/program.c" || exit 1
passed=0 failed=0
for name in libfaketime.so.1 libfaketimeMT.so.1; do
    said=$(FAKETIME="2031-02-03 04:05:06" LD_PRELOAD="$fake/$name $lib" timeout -s KILL 30 "$work/program" 2>&1)
    status=$?
    if [ "$status" -eq 0 ] && [ "$said" = "the year is 2031" ]; then
        echo "ok - waits end when they should under $name"
        passed=$((passed + 1))
    else
        echo "not ok - waits end when they should under $name: status $status, said '$said'"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
