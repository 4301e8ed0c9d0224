#!/bin/sh
# What make install puts where, and whether make uninstall takes back that and nothing else:
# install.sh LIBRARY. A copy of the tree, with the objects that lie beside the library, is configured
# as a user does, as rpm's %configure and as debhelper do, and installed below a DESTDIR that has
# files of others. Ends with "N passed, N failed".
#
# shellcheck disable=SC2016,SC2046,SC2086 # ${prefix} is for configure; flags are to be split
set -u
LC_ALL=C
export LC_ALL
built=$(cd "$(dirname "$1")" && pwd) || exit 1
top=$(cd "$(dirname "$0")/../.." && pwd)
for tool in pkg-config readelf; do
    command -v $tool >/dev/null || {
        echo "install.sh needs $tool: 'make deps' as root, or apt-get install pkg-config binutils" >&2
        exit 1
    }
done
# what make check was told is not for the make of the copy
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL BUILD DESTDIR CC CFLAGS CPPFLAGS LDFLAGS AR
unset PKG_CONFIG_PATH PKG_CONFIG_LIBDIR
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

passed=0 failed=0

# expect NAME COMMAND...: the command succeeds; if not, $work/out is shown.
expect() {
    name=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        passed=$((passed + 1))
        echo "ok - $name"
    else
        failed=$((failed + 1))
        echo "not ok - $name"
        head -n 10 "$work/out" | sed 's/^/# /'
    fi
}

variable() { # a variable of the tree's config.mk
    sed -n "s/^$1 = //p" "$top/config.mk"
}
cc=$(variable CC)

# The copy has no history, so nothing can rely on git.
tree=$work/tree
mkdir -p "$tree/build"
for folder in Makefile configure arch include packaging pthread test; do
    cp -Rp "$top/$folder" "$tree/" || exit 1
done
for folder in libfurwock.so dynamic glibc musl; do
    [ ! -e "$built/$folder" ] || cp -Rp "$built/$folder" "$tree/build/" || exit 1
done

cat >"$work/program.c" <<'EOF'
#include <furwock.h>
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>
#ifndef _FURWOCK_PTHREAD_H
#error this is another pthread.h
#endif
int main(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    return pthread_mutex_lock(&mutex) || pthread_mutex_unlock(&mutex) || !*furwock_version();
}
EOF

configure() { # configure OPTION...
    (cd "$tree" && ./configure CC="$cc" --arch="$(variable ARCH)" \
        --musl-include="$(variable MUSL_HEADERS)" "$@") 2>"$work/err"
    status=$?
    cat "$work/err" >&2
    return $status
}

# The objects are those of the tree's own configuration: the new config.mk makes none of them old.
make_here() { # make_here GOAL
    make -C "$tree" -o config.mk DESTDIR="$root" "$1"
}

listing() {
    (cd "$root" && find . ! -type d -exec cksum {} + | sort -k 3)
}

folders_of_ours() {
    find "$root" -name '*furwock*'
}

only() { # only FILE...: these are all files that have been added
    printf '%s\n' "$@" | sort >"$work/wanted"
    (cd "$root" && find . ! -type d | sed 's/^\.//' | sort) >"$work/after"
    comm -13 "$work/planted" "$work/after" | diff "$work/wanted" - >&2
}

mode() { # mode MODE FILE
    [ "$(stat -c %a "$root$2")" = "$1" ] || { stat -c '%a %n' "$root$2"; return 1; }
}

package() { # package OPTION...: pkg-config, of what is below DESTDIR
    PKG_CONFIG_PATH=$root$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root pkg-config "$@" furwock
}

flags_name() { # flags_name OPTION FLAG: pkg-config's answer to the option has this word
    case " $(package "$1") " in
    *" $2 "*) ;;
    *) package "$1"; return 1 ;;
    esac
}

compile() {
    $cc -Wall -Werror -o "$work/program" "$work/program.c" $(package --cflags) -L"$root$libdir" \
        $(package --libs)
}

compile_static() {
    $cc -Wall -Werror -static -o "$work/program" "$work/program.c" $(package --cflags) \
        "$root$libdir/furwock/glibc/libfurwock.a"
}

uses_library() {
    readelf -d "$work/program" | grep -F 'NEEDED' | tee /dev/stderr | grep -qF '[libfurwock.so]'
}

runs() {
    LD_LIBRARY_PATH=$root$libdir "$work/program"
}

same_as_planted() {
    listing | diff "$work/before" - >&2
}

no_folder_is_left() {
    folders_of_ours
    [ -z "$(folders_of_ours)" ]
}

# installed NAME INCLUDEDIR LIBDIR OPTION...: configures, installs, looks, uninstalls.
installed() {
    set=$1 includedir=$2 libdir=$3
    shift 3
    root=$work/$set
    expect "$set: configure" configure "$@"
    expect "$set: configure says nothing on stderr" [ ! -s "$work/err" ]

    # libc's headers and what other packages have
    for file in /usr/include/pthread.h /usr/include/threads.h "$includedir/pthread.h" \
        "$includedir/semaphore.h" "$includedir/other.h" "$libdir/libother.so" \
        "$libdir/pkgconfig/other.pc"; do
        mkdir -p "$root$(dirname "$file")"
        echo "#error of others: $file" >"$root$file"
    done
    listing >"$work/before"
    (cd "$root" && find . ! -type d | sed 's/^\.//' | sort) >"$work/planted"

    expect "$set: make install" make_here install
    headers=
    for header in "$top"/include/*.h; do
        headers="$headers $includedir/furwock/$(basename "$header")"
    done
    archives=
    for libc in $(sed -n 's/^ARCHIVES = //p' "$tree/config.mk"); do
        archives="$archives $libdir/furwock/$libc/libfurwock.a"
    done
    expect "$set: every file is where it belongs" only $headers $archives "$libdir/libfurwock.so" \
        "$libdir/furwock/furwock.supp" "$libdir/pkgconfig/furwock.pc"
    expect "$set: the library can be run" mode 755 "$libdir/libfurwock.so"
    expect "$set: a header can be read by all" mode 644 "$includedir/furwock/pthread.h"
    expect "$set: pkg-config names the headers" flags_name --cflags "-I$root$includedir/furwock"
    expect "$set: pkg-config names the library" flags_name --libs -lfurwock
    expect "$set: a program is compiled" compile
    expect "$set: it needs the library" uses_library
    expect "$set: it runs" runs
    expect "$set: a static program is compiled" compile_static
    expect "$set: it runs too" runs

    if [ "$set" = rpm ]; then
        # a file of somebody else in a folder of ours
        echo mine >"$root$libdir/furwock/mine"
        echo mine >"$root$includedir/furwock/mine.h"
        expect "$set: make uninstall beside files of others" make_here uninstall
        for file in "$libdir/furwock/mine" "$includedir/furwock/mine.h"; do
            expect "$set: $file is left" rm "$root$file"
            rmdir "$root$(dirname "$file")"
        done
    else
        expect "$set: make uninstall" make_here uninstall
    fi
    expect "$set: files of others are as before, ours are gone" same_as_planted
    expect "$set: no folder of ours is left" no_folder_is_left
    expect "$set: make uninstall once more" make_here uninstall
}

triplet=$($cc -dumpmachine)
installed plain /usr/local/include /usr/local/lib
installed rpm /usr/include /usr/lib64 --host="$triplet" --build="$triplet" --program-prefix= \
    --disable-dependency-tracking --prefix=/usr --exec-prefix=/usr --bindir=/usr/bin \
    --sbindir=/usr/sbin --sysconfdir=/etc --datadir=/usr/share --includedir=/usr/include \
    --libdir=/usr/lib64 --libexecdir=/usr/libexec --localstatedir=/var --sharedstatedir=/var/lib \
    --mandir=/usr/share/man --infodir=/usr/share/info
installed dh /usr/include "/usr/lib/$triplet" --build="$triplet" --prefix=/usr \
    '--includedir=${prefix}/include' '--mandir=${prefix}/share/man' \
    '--infodir=${prefix}/share/info' --sysconfdir=/etc --localstatedir=/var \
    --disable-option-checking --disable-silent-rules "--libdir=\${prefix}/lib/$triplet" \
    --runstatedir=/run --disable-maintainer-mode --disable-dependency-tracking

# Names of other folders within one another, and what no makefile could hold.
directory() { # directory VARIABLE VALUE OPTION...
    variable=$1 value=$2
    shift 2
    configure "$@" && grep "^$variable = " "$tree/config.mk" | tee /dev/stderr |
        grep -qFx "$variable = $value"
}
refused() { # refused WORD OPTION...: configure fails and names the word
    word=$1
    shift
    ! configure "$@" >"$work/refusal" 2>&1 && cat "$work/refusal" && grep -qF -e "$word" "$work/refusal"
}
expect 'a libdir below ${exec_prefix}' directory LIBDIR /opt/lib --exec-prefix='${prefix}' \
    --prefix=/opt --libdir='${exec_prefix}/lib'
expect 'pkgconfigdir below ${datarootdir}' directory PKGCONFIGDIR /opt/share/pkgconfig \
    --prefix=/opt --datarootdir='${prefix}/share' --pkgconfigdir='${datarootdir}/pkgconfig'
expect "libdir follows --exec-prefix" directory LIBDIR /machine/lib --exec-prefix=/machine
expect "an unknown name is refused" refused '${nowhere}' '--libdir=${nowhere}/lib'
expect "a name that goes round in circles is refused" refused '${prefix}' '--prefix=${prefix}/x'
expect "a relative prefix is refused" refused --prefix=here --prefix=here
expect "a prefix with a blank is refused" refused --prefix=/a '--prefix=/a b'

# Without optimization there is no assembly.
if [ -d "$top/arch/${triplet%%-*}" ]; then
    expect "-O0 is built from arch/generic" directory ARCH generic --arch=auto CFLAGS=-O0
    expect "-O1 is not" directory ARCH "${triplet%%-*}" --arch=auto CFLAGS=-O1
fi
expect "CPPFLAGS are kept" directory CPPFLAGS -DANY=1 CPPFLAGS=-DANY=1

# Options that configure does not know are mentioned and no more, as other configure scripts do.
warned() { # warned "NAME..." OPTION...: these are the words on stderr
    for word in $1; do echo "configure: unknown option $word ignored"; done >"$work/wanted"
    shift
    configure "$@" && diff "$work/wanted" "$work/err"
}
expect "unknown options are mentioned" warned "--enable-nls --with-this --perfix" --enable-nls \
    --with-this=that --perfix=/usr
expect "the known are not" warned "" --disable-silent-rules --enable-dependency-tracking \
    --docdir=/usr/share/doc/furwock --localedir=/usr/share/locale --enable-shared
expect "unknown options are not mentioned if told so" warned "" --disable-nls --without-this \
    --disable-option-checking
expect "they are fatal if told so" refused --disable-nls --enable-option-checking=fatal --disable-nls
expect "an unknown variable is refused" refused CLFAGS CLFAGS=-O2
expect "a word is refused" refused install install
expect "an option that lacks its hyphens is refused" refused prefix prefix=/usr

# The compiler for --host, when $CC names none: any that makes code for it.
native() { # native TRIPLET
    (cd "$tree" && ./configure --host="$1")
}
machine=${triplet%%-*} libc=${triplet##*-}
expect "--host of this machine" native "$triplet"
expect "--host of this machine, by another vendor" native "$machine-unheard-linux-$libc"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
