#!/bin/sh
# FURWOCK=asymmetric: asymmetric.sh LIBRARY. By default no membarrier call is made; with the option
# the tests of the objects that it changes pass, and a program that meets a sandbox which refuses
# membarrier, from the start or from the middle, loses nothing; preloaded, and statically linked if
# musl/libfurwock.a lies beside the library. Ends with "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
archive=$(dirname "$lib")/musl/libfurwock.a
here=$(dirname "$0")
variable() { # a variable of config.mk
    sed -n "s/^$1 = //p" "$here/../../config.mk"
}
command -v strace >/dev/null || {
    echo "asymmetric.sh needs strace: 'make deps' as root, or apt-get install strace" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -o "$work/program" "$here/asymmetric/program.c" -pthread ||
    exit 1
if [ -f "$archive" ]; then
    # musl has no headers of the kernel's
    # shellcheck disable=SC2046
    $(variable CC) -O2 -Wall -Wextra -nostdinc -I"$here/../../include" \
        -isystem $(variable MUSL_HEADERS) -isystem $(variable COMPILER_HEADERS) \
        -idirafter /usr/include -idirafter "/usr/include/$(gcc -dumpmachine)" \
        $(variable MUSL_LINK) -o "$work/static" "$here/asymmetric/program.c" \
        "$archive" $(variable MUSL_LIBS) || exit 1
fi
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

traced() { # traced PROGRAM [OPTION]: the number of membarrier calls
    strace -f -e trace=membarrier -e signal=none -o "$work/trace" -E LD_PRELOAD="$lib" \
        -E "FURWOCK${2:+=$2}" "$1" >"$work/out" 2>&1 || return 1
    grep -c 'membarrier(' "$work/trace"
}

check() { # check PROGRAM FORM
    calls=$(traced "$1")
    [ "$calls" = 0 ]
    report $? "$2: no membarrier call by default"
    calls=$(traced "$1" asymmetric)
    [ "${calls:-0}" -gt 2 ]
    report $? "$2: with the option there are some: ${calls:-none}"
    for refuse in "" start middle; do
        LD_PRELOAD=$lib FURWOCK=asymmetric timeout 60 "$1" $refuse >"$work/out" 2>&1
        report $? "$2: locks change hands${refuse:+, membarrier refused from the $refuse}"
    done
}

check "$work/program" preloaded
[ ! -f "$work/static" ] || check "$work/static" static
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
