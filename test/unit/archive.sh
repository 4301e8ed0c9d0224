#!/bin/sh
# The archives in static programs of both libcs: archive.sh LIBRARY, beside which glibc/libfurwock.a
# and musl/libfurwock.a lie. Each program of archive/ must link, run, and have every family of objects
# from one library, whatever else libc brought in. Ends with "N passed, N failed".
set -u
build=$(cd "$(dirname "$1")" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
variable() { # a variable of config.mk
    sed -n "s/^$1 = //p" "$here/../../config.mk"
}
cc=$(variable CC) cxx=g++
case $cc in *clang*) cxx=clang++ ;; esac
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

link() { # link LIBC SOURCE: makes $work/program and $work/map
    compiler=$cc
    case $2 in *.cc) compiler=$cxx ;; esac
    case $1 in
    glibc)
        case $2 in *.cc) compiler="$compiler -std=gnu++17" ;; esac
        $compiler -O2 -Wall -Wextra -static -pthread -o "$work/program" "$2" \
            "$build/glibc/libfurwock.a" -Wl,-Map="$work/map"
        ;;
    musl)
        [ "$compiler" = "$cxx" ] && { link_cxx_musl "$2"; return; }
        # shellcheck disable=SC2046
        $compiler -O2 -Wall -Wextra -nostdinc -I"$here/../../include" -isystem $(variable MUSL_HEADERS) \
            -isystem $(variable COMPILER_HEADERS) $(variable MUSL_LINK) -o "$work/program" "$2" \
            "$build/musl/libfurwock.a" $(variable MUSL_LIBS) -Wl,-Map="$work/map"
        ;;
    esac
}

# Debian has no C++ library for musl. The one for glibc does, with what archive/musl adds.
link_cxx_musl() {
    file() { $cc -print-file-name="$1"; }
    version=$(g++ -dumpversion) triplet=$(g++ -dumpmachine)
    headers="-nostdinc -I$here/../../include -isystem /usr/include/c++/$version \
        -isystem /usr/include/$triplet/c++/$version -isystem $(variable MUSL_HEADERS) \
        -isystem $(variable COMPILER_HEADERS)"
    # shellcheck disable=SC2046,SC2086
    $cxx -O2 -Wall -Wextra -std=gnu++17 -nostdinc++ $headers '-D__GLIBC_PREREQ(major,minor)=1' \
        -D__locale_t=locale_t -c -o "$work/program.o" "$1" &&
        $cc -O2 -Wall -Wextra $headers -c -o "$work/shim.o" "$here/archive/musl/libstdcxx.c" &&
        $cc -Wl,--eh-frame-hdr $(variable MUSL_LINK) "$(file crtbeginT.o)" -o "$work/program" \
            "$work/program.o" "$work/shim.o" "$build/musl/libfurwock.a" -Wl,--start-group \
            "$(file libstdc++.a)" "$(file libgcc_eh.a)" $(variable MUSL_LIBS) -Wl,--end-group \
            "$(file crtend.o)" -Wl,-Map="$work/map"
}

# Public names, each with its family: the archive's member that defines it.
families() { # families LIBC
    nm -gA --defined-only "$build/$1/libfurwock.a" |
        sed -nE 's/.*:([a-z]+)\.o:.* [TW] ((pthread|sem|mtx|cnd|tss|thrd)_[a-z0-9_]*|call_once)$/\1 \2/p'
}

# Public names in the program whose family the program has from both libraries.
mixed() { # mixed LIBC
    families "$1" | awk '
        FNR == NR { family[$2] = $1; next }
        /\.a\(/ { from = /libfurwock\.a\(/ ? "furwock" : /libc\.a\(/ ? "libc" : from }
        NF == 2 && $1 ~ /^0x/ && $2 in family { f = family[$2]; seen[f, from] = seen[f, from] " " $2; all[f] }
        END {
            for (f in all)
                if ((f, "libc") in seen && (f, "furwock") in seen)
                    print f " has from libc:" seen[f, "libc"]
        }' - "$work/map"
}

for libc in glibc musl; do
    [ -f "$build/$libc/libfurwock.a" ] || {
        echo "no archive for $libc: configure says why" >&2
        continue
    }
    for source in "$here"/archive/*.c "$here"/archive/*.cc; do
        name="$libc: $(basename "$source")"
        link "$libc" "$source" >"$work/log" 2>&1 && [ ! -s "$work/log" ]
        status=$?
        result $status "$name links without a word"
        [ $status -eq 0 ] || { head -n 5 "$work/log"; continue; }
        timeout 30 "$work/program" >"$work/log" 2>&1
        status=$?
        result $status "$name runs (status $status)"
        mixed "$libc" >"$work/mixed"
        [ ! -s "$work/mixed" ]
        result $? "$name has each family from one library $(cat "$work/mixed")"
        case $name in
        "musl: threads.c")
            ! grep -q 'libc\.a(pthread_create\.lo)' "$work/map"
            result $? "$name does not contain musl's pthread_create"
            nm "$work/program" | grep -q ' T arch_clone\| t arch_clone\| T pthread_create'
            result $? "$name has Furwock's"
            ;;
        *": mutex.c")
            ! nm "$work/program" | grep -qE ' [Tt] (thread_create|pthread_rwlock_wrlock|sem_wait)$'
            result $? "$name does not carry what it does not call"
            ;;
        esac
    done
done

# The shape of a thread's life: which system calls birth, end and join make once a stack is cached.
if [ -f "$build/musl/libfurwock.a" ] && command -v strace >/dev/null; then
    link musl "$here/archive/syscalls.c" && strace -f -o "$work/trace" "$work/program"
    result $? "a program under strace"
    # between two writes of a byte: a creation and a join; clone's and exit's threads are others
    sed -n '/write(-1, "begin/,/write(-1, "end/p' "$work/trace" |
        sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' | grep -v '^write$' | sort | uniq -c |
        awk '{ printf "%s%s %s", separator, $2, $1; separator = ", " } END { print "" }' >"$work/calls"
    calls=$(cat "$work/calls")
    # the joiner does not sleep if the thread has ended before, or ends while it spins
    case ${calls%, sched_yield *} in
    "clone 1, exit 1, futex 1, rt_sigprocmask 1" | "clone 1, exit 1, rt_sigprocmask 1") true ;;
    *) false ;;
    esac
    result $? "create, exit and join make these system calls: $calls"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
