#!/bin/sh
# FURWOCK=asymmetric: asymmetric.sh LIBRARY. By default no membarrier call is made; with the option
# the tests of the objects that it changes pass, and a program that meets a sandbox which refuses
# membarrier, from the start or from the middle, loses nothing. Ends with "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(dirname "$0")
command -v strace >/dev/null || {
    echo "asymmetric.sh needs strace: 'make deps' as root, or apt-get install strace" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -o "$work/program" "$here/asymmetric/program.c" -pthread ||
    exit 1
passed=0 failed=0

report() { # report STATUS NAME
    if [ "$1" -eq 0 ]; then
        echo "ok - $2"
        passed=$((passed + 1))
    else
        echo "not ok - $2"
        tail -n 3 "$work/out"
        failed=$((failed + 1))
    fi
}

traced() { # traced [OPTION]: the number of membarrier calls
    strace -f -e trace=membarrier -e signal=none -o "$work/trace" -E LD_PRELOAD="$lib" \
        ${1:+-E FURWOCK="$1"} "$work/program" >"$work/out" 2>&1 || return 1
    grep -c 'membarrier(' "$work/trace"
}

calls=$(traced)
[ "$calls" = 0 ]
report $? "no membarrier call by default"
calls=$(traced asymmetric)
[ "${calls:-0}" -gt 2 ]
report $? "with the option there are some: ${calls:-none}"
for refuse in "" start middle; do
    LD_PRELOAD=$lib FURWOCK=asymmetric timeout 60 "$work/program" $refuse >"$work/out" 2>&1
    report $? "locks change hands${refuse:+, membarrier refused from the $refuse}"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
