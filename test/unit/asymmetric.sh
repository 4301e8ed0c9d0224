#!/bin/sh
# FURWOCK=asymmetric: asymmetric.sh LIBRARY. By default no membarrier call is made; with the option
# the tests of the objects that it changes pass, and a program that meets a sandbox which refuses
# membarrier, from the start or from the middle, loses nothing; mutexes that are biased, or may not be, can
# be destroyed and shared; restartable sequences end with their stores. Preloaded, and statically linked if
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
for program in program kinds; do
    ${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -o "$work/$program" "$here/asymmetric/$program.c" \
        -pthread || exit 1
    [ -f "$archive" ] || continue
    # musl has no headers of the kernel's
    # shellcheck disable=SC2046
    $(variable CC) -O2 -Wall -Wextra -nostdinc -I"$here/../../include" \
        -isystem $(variable MUSL_HEADERS) -isystem $(variable COMPILER_HEADERS) \
        -idirafter /usr/include -idirafter "/usr/include/$(gcc -dumpmachine)" \
        $(variable MUSL_LINK) -o "$work/$program-static" "$here/asymmetric/$program.c" \
        "$archive" $(variable MUSL_LIBS) || exit 1
done
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

trace() { # trace CALL OPTION PROGRAM [ARGUMENT]: into $work/trace; false if the program fails
    call=$1 option=$2
    shift 2
    strace -f -e trace="$call" -e signal=none -o "$work/trace" -E LD_PRELOAD="$lib" \
        -E "FURWOCK${option:+=$option}" "$@" >"$work/out" 2>&1
}

traced() { # traced OPTION PROGRAM [ARGUMENT]: the number of membarrier calls
    trace membarrier "$@" || return 1
    grep -c 'membarrier(' "$work/trace"
}

# Where nobody can be made to pass a barrier each processor is visited: those that were not.
unvisited() { # unvisited PROGRAM
    trace sched_setaffinity asymmetric-always "$1" middle || return 1
    sed -n 's/.*sched_setaffinity(0, [0-9]*, \[\([0-9]*\)\].*/\1/p' "$work/trace" >"$work/visited"
    sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr ',' '\n' |
        awk -F - '{ for (i = $1; i <= $NF; i++) print i }' | grep -vxFf "$work/visited"
    return 0
}

# A restartable sequence is aborted wherever it is interrupted before its store has been made: so it begins
# with what the store depends on, and ends with the store. How many sequences there are; false if one is not so.
sequences() { # sequences PROGRAM
    objcopy -O binary --only-section=__rseq_cs "$1" "$work/sequences" || return 1
    count=0
    for sequence in $(od -A n -t u8 -v -w32 "$work/sequences" | awk '{ print $2 ":" $2 + $3 }'); do
        from=${sequence%:*} to=${sequence#*:}
        objdump -d --no-show-raw-insn --start-address="$from" --stop-address=$((to + 16)) "$1" |
            awk -v from="$(printf %x "$from"):" -v to="$(printf %x "$to"):" '
                $1 == from { on = $2 ~ /^cmp/ }
                $1 == to { found = on && before ~ /^mov/ && operands ~ /^[$].*,.*[(]%/ }
                { before = $2; operands = $3 }
                END { exit !found }' || return 1
        count=$((count + 1))
    done
    echo $count
    [ $count -gt 0 ]
}

check() { # check SUFFIX FORM
    program=$work/program$1 kinds=$work/kinds$1
    calls=$(traced "" "$program")
    [ "$calls" = 0 ]
    report $? "$2: no membarrier call by default"
    calls=$(traced asymmetric-always "$program")
    [ "${calls:-0}" -gt 2 ]
    report $? "$2: with the option there are some: ${calls:-none}"
    for refuse in "" start middle; do
        LD_PRELOAD=$lib FURWOCK=asymmetric-always timeout 60 "$program" $refuse >"$work/out" 2>&1
        report $? "$2: locks change hands${refuse:+, membarrier refused from the $refuse}"
    done
    left=$(unvisited "$program") && [ -z "$left" ]
    report $? "$2: every processor is visited where membarrier is refused${left:+, but $(echo $left)}"
    least=$(traced asymmetric-always "$kinds" nothing)
    calls=$(traced asymmetric-always "$kinds" destroy)
    [ "${calls:-0}" -gt 0 ]
    report $? "$2: biased mutexes can be destroyed"
    # where there is no bias, for lack of restartable sequences, that has shown nothing
    [ "${calls:-0}" -gt "${least:-0}" ] || echo "skipped - $2: no mutex is biased here"
    calls=$(traced asymmetric-always "$kinds" shared)
    [ "${calls:-none}" = "$least" ]
    report $? "$2: process-shared mutexes are never biased"
}

# arch/generic has none
if objdump -h "$lib" | grep -q __rseq_cs; then
    count=$(sequences "$lib") 2>"$work/out"
    report $? "a sequence can be restarted until its store is made: ${count:-not each}"
fi
check "" preloaded
[ ! -f "$archive" ] || check -static static
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
