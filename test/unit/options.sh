#!/bin/sh
# The environment variable FURWOCK: options.sh LIBRARY. Ends with "N passed, N failed".
set -u
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
passed=0 failed=0

expect() { # expect NAME VALUE LINES: what `true` says with FURWOCK=VALUE
    said=$(FURWOCK=$2 LD_PRELOAD=$lib /bin/true 2>&1)
    if [ "$said" = "$3" ]; then
        echo "ok - $1"
        passed=$((passed + 1))
    else
        echo "not ok - $1: said '$said'"
        failed=$((failed + 1))
    fi
}

prefix="furwock: unknown option in FURWOCK: "
expect "an empty list is nothing" "" ""
expect "empty words are nothing" ",,," ""
expect "an unknown word is reported" "nonsense" "${prefix}nonsense"
expect "the option asymmetric is known" "asymmetric" ""
expect "the option nospin is known" "nospin" ""
expect "the option deepbind is known" "deepbind,asymmetric" ""
expect "the beginning of a word is not the word" "asym" "${prefix}asym"
expect "each of several is" "a,,bc," "${prefix}a
${prefix}bc"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
