#!/bin/sh
# RTLD_DEEPBIND: deepbind.sh LIBRARY. What is loaded with it has Furwock's functions, before any
# constructor and later, and whoever loads something has it looked for where it may look. With
# FURWOCK=deepbind the flag means what libc says. Ends with "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
source=$(dirname "$0")/deepbind
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build() { # build FILE OPTION...: of $source/FILE
    file=$1
    shift
    cc -std=gnu11 -O2 -Wall -Wextra "$source/$file" "$@" || exit 1
}
mkdir "$work/sub"
for object in early plugin sub/found; do
    build plugin.c -shared -fPIC -o "$work/$object.so" -pthread
done
# shellcheck disable=SC2016
build finder.c -shared -fPIC -o "$work/finder.so" -Wl,-rpath,'$ORIGIN/sub' -ldl
build program.c -o "$work/program" -pthread -ldl
build program.c -fsanitize=address -o "$work/asan" -pthread -ldl
passed=0 failed=0

expect() { # expect NAME PATTERN OUTPUT
    if echo "$3" | grep -q -x -e "$2"; then
        echo "ok - $1"
        passed=$((passed + 1))
    else
        echo "not ok - $1"
        echo "$3" | sed 's/^/#   /'
        failed=$((failed + 1))
    fi
}

said=$(LD_PRELOAD=$lib timeout 60 "$work/program" "$work" early 2>&1)
expect "before any constructor an object has Furwock's functions" "early: the program's" "$said"
expect "an object has Furwock's functions" "later: the program's" "$said"
expect "an object is found by the search path of who loads it" "found: the program's" "$said"
expect "what is missing is told by dlerror" "missing: no-such-object.so: cannot open .*" "$said"

said=$(FURWOCK=deepbind LD_PRELOAD=$lib timeout 60 "$work/program" "$work" 2>&1)
expect "with FURWOCK=deepbind an object has libc's" "later: another one's" "$said"
expect "... and is found as before" "found: another one's" "$said"

asan=$(cc -print-file-name=libasan.so)
said=$(ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$asan $lib" timeout 60 "$work/asan" "$work" plain 2>&1)
expect "under AddressSanitizer an object has Furwock's functions" "later: the program's" "$said"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
