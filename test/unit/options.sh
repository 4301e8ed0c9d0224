#!/bin/sh
# The environment variable FURWOCK: options.sh LIBRARY. Ends with "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

verdict() { # verdict NAME LINES: what was said is this
    if [ "$said" = "$2" ]; then
        echo "ok - $1"
        passed=$((passed + 1))
    else
        echo "not ok - $1: said '$said'"
        failed=$((failed + 1))
    fi
}

expect() { # expect NAME VALUE LINES: what `true` says with FURWOCK=VALUE
    said=$(FURWOCK=$2 LD_PRELOAD=$lib /bin/true 2>&1)
    verdict "$1" "$3"
}

variable() { # a variable of config.mk
    sed -n "s/^$1 = //p" "$here/../../config.mk"
}

# The program linked with Furwock, in the form of a library or an archive, in $work/program.
build() { # build FORM [PROGRAM]
    source=$here/options/${2-program}.c
    case $1 in
    dynamic)
        cp "$lib" "$work" && ${CC:-cc} -o "$work/program" "$source" \
            "$work/libfurwock.so" -Wl,-rpath,"$work" -pthread
        ;;
    glibc)
        ${CC:-cc} -static -o "$work/program" "$source" \
            "$(dirname "$lib")/glibc/libfurwock.a" -pthread
        ;;
    musl)
        # shellcheck disable=SC2046
        $(variable CC) -nostdinc -I"$here/../../include" -isystem $(variable MUSL_HEADERS) \
            -isystem $(variable COMPILER_HEADERS) $(variable MUSL_LINK) -o "$work/program" \
            "$source" "$(dirname "$lib")/musl/libfurwock.a" $(variable MUSL_LIBS)
        ;;
    esac
}

# A process-shared read-write lock whose writer was killed, with and without the option.
expect_recovery() { # expect_recovery FORM
    build "$1" recover || exit 1
    said=$(FURWOCK=recover timeout 20 "$work/program" 2>&1 | sed 's/0x[0-9a-f]*/PLACE/; s/thread [0-9]*/thread N/')
    verdict "$1: with recover a dead writer's lock goes on, which is told" \
        "furwock: the write lock of the process-shared rwlock at PLACE: thread N has died holding it; it goes to the next
taken"
    said=$(timeout 20 "$work/program" 2>&1)
    verdict "$1: without it stays locked" "not taken"
}

# A program that has another user's rights does not listen to its caller, who may be anybody.
expect_deaf() { # expect_deaf FORM
    build "$1" || exit 1
    said=$(FURWOCK=nonsense "$work/program" 2>&1)
    verdict "$1: a program with its caller's rights reads the options" "${prefix}nonsense"
    chmod 755 "$work"
    if ! chown 65534 "$work/program" 2>/dev/null || ! chmod u+s "$work/program" ||
        ! "$work/program"; then
        echo "skipped - $1: no program can be given another user's rights here"
        return
    fi
    said=$(FURWOCK=nonsense "$work/program" 2>&1)
    verdict "$1: one with another user's does not" ""
}

prefix="furwock: unknown option in FURWOCK: "
expect "an empty list is nothing" "" ""
expect "empty words are nothing" ",,," ""
expect "an unknown word is reported" "nonsense" "${prefix}nonsense"
expect "the option asymmetric is known" "asymmetric" ""
expect "the option asymmetric-always is known" "asymmetric-always" ""
expect "the option nospin is known" "nospin" ""
expect "the option recover is known" "recover" ""
expect "the option deepbind is known" "deepbind,asymmetric" ""
expect "the beginning of a word is not the word" "asym" "${prefix}asym"
expect "each of several is" "a,,bc," "${prefix}a
${prefix}bc"
# The object knows whether somebody looked out for it, and a wait that nobody ends is noted.
${CC:-cc} -o "$work/waits" "$here/options/waits.c" -pthread || exit 1
${CC:-cc} -o "$work/aside" "$here/options/aside.c" -pthread || exit 1
for value in "" nospin asymmetric,nospin; do
    said=$(FURWOCK=$value LD_PRELOAD=$lib timeout -s KILL 60 "$work/waits" 2>&1)
    case $value in
    "") verdict "a waiter looks out before it sleeps" "looked out first" ;;
    *) verdict "with $value it sleeps at once" "slept at once" ;;
    esac
    said=$(FURWOCK=$value LD_PRELOAD=$lib timeout -s KILL 60 "$work/aside" 2>&1)
    case $value in
    "") verdict "who comes to a lock on offer stands aside" "stood aside" ;;
    *) verdict "with $value nobody stands aside" "went on" ;;
    esac
done
for form in dynamic glibc musl; do
    [ "$form" != dynamic ] && [ ! -f "$(dirname "$lib")/$form/libfurwock.a" ] || expect_deaf "$form"
done
for form in dynamic glibc musl; do
    [ "$form" != dynamic ] && [ ! -f "$(dirname "$lib")/$form/libfurwock.a" ] || expect_recovery "$form"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
