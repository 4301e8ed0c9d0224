#!/bin/sh
# What a debugger sees: gdb.sh LIBRARY. A thread has its name in gdb's list, and its stack is walked
# to the beginning, with libc's threads under the library and in a static program with Furwock's
# own; and the way from a lock to the kernel is short. Ends with "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
build=$(dirname "$lib")
here=$(cd "$(dirname "$0")" && pwd)
command -v gdb >/dev/null || {
    echo "gdb.sh needs gdb: 'make deps' as root, or apt-get install gdb" >&2
    exit 1
}
variable() { # a variable of config.mk
    sed -n "s/^$1 = //p" "$here/../../config.mk"
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

result() { # result STATUS NAME
    if [ "$1" -eq 0 ]; then
        echo "ok - $2"
        passed=$((passed + 1))
    else
        echo "not ok - $2"
        failed=$((failed + 1))
    fi
}

look() { # look TITLE GDB-OPTION...
    title=$1
    shift
    timeout -k 5 60 gdb -nx -batch -iex 'set debuginfod enabled off' "$@" -ex 'break reached' -ex run \
        -ex 'echo \nTHREADS\n' -ex 'info threads' -ex 'echo \nSTACK\n' -ex 'thread 2' -ex backtrace \
        -ex 'echo \nLOCK\n' -ex 'thread 3' -ex backtrace \
        "$work/stuck" >"$work/log" 2>&1 </dev/null
    sed -n '/^THREADS/,/^STACK/p' "$work/log" | grep -q '^  2 .*"the-stuck-one"'
    result $? "$title: a thread's name in the list"
    sed '1,/^STACK/d; /^LOCK/,$d' "$work/log" >"$work/stack"
    tr '\n' ' ' <"$work/stack" | grep -q 'pthread/\(park\|spinning\)\.c.* in stand_still (.* in start_routine ('
    result $? "$title: the stack from the wait to the start routine"
    # gdb says so where it cannot leave a frame
    grep '^#' "$work/stack" | tail -n 1 | grep -q 'clone' &&
        ! grep -qi 'backtrace stopped\|corrupt' "$work/stack"
    result $? "$title: the stack ends where the thread began"
    # innermost first, without the frame in which the thread was chosen, which gdb says twice
    sed '1,/^LOCK/d' "$work/log" | sed -n '/^#/p' | awk '!seen[$1]++' | sed '/ in lock_still (/,$d' >"$work/lock"
    frames=$(wc -l <"$work/lock")
    [ "$frames" -ge 2 ] && [ "$frames" -le 5 ] && grep -q plain_wait "$work/lock"
    result $? "$title: at most five frames from pthread_mutex_lock to the kernel ($frames)"
    [ "$failed" -eq 0 ] || cat "$work/log"
}

cc=$(variable CC)
$cc -g -O2 -Wall -Wextra -pthread -o "$work/stuck" "$here/gdb/stuck.c" || exit 1
look "preloaded" -ex "set exec-wrapper env LD_PRELOAD=$lib"
if [ "$(variable ARCH)" = generic ]; then
    # a sleeping thread is in musl's syscall(), which says nothing of its frame
    echo "left out: static, musl"
elif [ -f "$build/musl/libfurwock.a" ]; then
    # shellcheck disable=SC2046
    $cc -g -O2 -Wall -Wextra -nostdinc -I"$here/../../include" -isystem $(variable MUSL_HEADERS) \
        -isystem $(variable COMPILER_HEADERS) $(variable MUSL_LINK) -o "$work/stuck" \
        "$here/gdb/stuck.c" "$build/musl/libfurwock.a" $(variable MUSL_LIBS) || exit 1
    look "static, musl"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
