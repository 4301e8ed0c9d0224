#!/bin/sh
#
# abi.sh LIBRARY [LIBC]: the shared library as the dynamic loader sees it. It has every name that
# the libc exports for the objects that are Furwock's, and no other; it needs no library and next
# to no names; its segments are the kind that a hardened program accepts.
#
# LIBC is the system's libc.so.6 unless given. One line a check, in TAP style; the exit status is 0
# if all passed.

set -u
LC_ALL=C
export LC_ALL

# Everything that the library may ask of the process it is loaded into.
undefined_allowed='
dlsym
__errno_location
__libc_single_threaded
pthread_setcanceltype
pthread_testcancel
_pthread_cleanup_push
_pthread_cleanup_pop
pthread_exit
pthread_self
pthread_getcpuclockid
environ
getauxval
__lsan_register_root_region
__lsan_unregister_root_region
gnu_get_libc_version
__rseq_offset
__rseq_size
'
# arch/generic: system calls and the clock through libc
undefined_allowed="$undefined_allowed
syscall
clock_gettime"

# The names of Furwock's objects, old aliases with their leading underscores included, and of a
# thread's scheduling, which priority ceilings are part of; and dlopen, for host/dlopen.h. What sem_open makes is used by Furwock,
# but made and unmade by libc.
objects='(mutex|rwlock|cond|barrier)(attr)?|spin|key'
objects="pthread_($objects)_.*|pthread_(once|getspecific|setspecific|[gs]etschedparam|setschedprio)"
objects="^(__)?($objects|sem_.*|(mtx|cnd|tss)_.*|call_once|dlopen)\$"
# Furwock's alone.
additions='^(furwock_.*|pthread_barrier_clockwait_np|sem_init_undo_np|pthread_rwlock_consistent_np|pthread_rwlockattr_[gs]etrobust_np)$'
not_ours='^(__)?sem_(open|close|unlink)$'

tls_bytes_allowed=2048

passed=0
failed=0

# check DESCRIPTION COMPLAINT: passed if there is nothing to complain of.
check()
{
    if [ -z "$2" ]; then
        passed=$((passed + 1))
        echo "ok - $1"
    else
        failed=$((failed + 1))
        echo "not ok - $1"
        echo "$2" | sed 's/^/#   /'
    fi
}

die()
{
    echo "abi.sh: $1" >&2
    exit 2
}

[ $# -ge 1 ] || die "usage: abi.sh LIBRARY [LIBC]"
library=$1
[ -r "$library" ] || die "$library: cannot be read"
libc=${2:-$(ldd "$(command -v nm)" | sed -n 's/.*libc\.so\.6 => \([^ ]*\).*/\1/p')}
[ -r "$libc" ] || die "no libc.so.6 found: give its path"

scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
trap 'exit 2' HUP INT TERM

# Names without their versions, one a line; GLIBC_PRIVATE is between the parts of libc.
names()
{
    nm -D "$@" | grep -v '@GLIBC_PRIVATE' | sed 's/.* //; s/@.*//' | sort -u
}

names --defined-only "$libc" | grep -E "$objects" | grep -Ev "$not_ours" >"$scratch/libc"
names --defined-only "$library" >"$scratch/exported"
names --undefined-only "$library" >"$scratch/undefined"
echo "$undefined_allowed" | sed '/^$/d' | sort -u >"$scratch/allowed"
readelf -dW "$library" >"$scratch/dynamic" || die "$library: no dynamic section"
readelf -lW "$library" >"$scratch/segments" || die "$library: no program headers"

# A libc whose threads live elsewhere would make the first two checks empty ones.
[ "$(grep -c . "$scratch/libc")" -ge 100 ] || die "$libc: hardly any of the names are there"

# flag NAME: whether the dynamic section has this flag.
flag()
{
    grep -E "\((FLAGS|FLAGS_1)\)" "$scratch/dynamic" | grep -Eqw "$1"
}

# flags_of SEGMENT, size_of SEGMENT: the columns of readelf -l, which are
# type, offset, two addresses, file size, memory size, flags (RWE, possibly apart), alignment.
flags_of()
{
    awk -v type="$1" '$1 == type { for (i = 7; i < NF; i++) printf "%s", $i }' "$scratch/segments"
}

size_of()
{
    awk -v type="$1" '$1 == type { print $6 }' "$scratch/segments"
}

check "every name that libc exports for these objects is exported" \
    "$(comm -23 "$scratch/libc" "$scratch/exported")"

check "no other name is exported, but for those that are Furwock's alone" \
    "$(comm -13 "$scratch/libc" "$scratch/exported" | grep -Ev "$additions")"

check "undefined names are on the list" \
    "$(comm -13 "$scratch/allowed" "$scratch/undefined")"

check "no library is needed" "$(grep '(NEEDED)' "$scratch/dynamic")"

check "no text relocation" \
    "$(grep '(TEXTREL)' "$scratch/dynamic"; if flag TEXTREL; then echo "flag TEXTREL"; fi)"

stack=$(flags_of GNU_STACK)
case $stack in
*E*) complaint="GNU_STACK is $stack" ;;
*W*) complaint= ;;
*) complaint="no GNU_STACK: the kernel would assume an executable one" ;;
esac
check "the stack is not executable" "$complaint"

writable=$(awk '$1 == "LOAD" && / RWE / { print }' "$scratch/segments")
check "no segment is both writable and executable" "$writable"

complaint=
flag BIND_NOW || complaint="no flag BIND_NOW"
check "everything is bound when it is loaded" "$complaint"

complaint=
flag NODELETE || complaint="no flag NODELETE"
check "it is never unloaded" "$complaint"

complaint=
[ -n "$(flags_of GNU_RELRO)" ] || complaint="no GNU_RELRO"
check "relocated data is read-only" "$complaint"

bytes=$(size_of TLS)
complaint=
if [ -n "$bytes" ] && [ $((bytes)) -gt "$tls_bytes_allowed" ]; then
    complaint="$((bytes)) bytes"
fi
check "thread-locals fit in $tls_bytes_allowed bytes" "$complaint"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
