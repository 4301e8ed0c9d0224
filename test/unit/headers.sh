#!/bin/sh
# What a program may include: include/ over the headers of glibc and of musl, in C and in C++, under
# the feature macros that change what a libc shows.
#
#   headers.sh [include directory]
#
# Prints a line for each test and a last line of how many passed and failed; exits with 1 if any
# failed. A compiler that is not there is skipped, but one for C has to be.
#
# shellcheck disable=SC2086 # options are kept in variables, to be split
set -u
LC_ALL=C
export LC_ALL
include=$(cd "${1:-$(dirname "$0")/../../include}" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1

passed=0
failed=0

# ok NAME, not_ok NAME: report a test. What it has to say for itself is in the file `out`.
ok() {
    passed=$((passed + 1))
    echo "ok $((passed + failed)) - $1"
}

not_ok() {
    failed=$((failed + 1))
    echo "not ok $((passed + failed)) - $1"
    head -n 25 out | sed 's/^/# /'
}

# expect NAME COMMAND...: the command succeeds.
expect() {
    name=$1
    shift
    if "$@" >out 2>&1; then ok "$name"; else not_ok "$name"; fi
}

# expect_empty NAME: the file `out` is empty.
expect_empty() {
    if [ -s out ]; then not_ok "$1"; else ok "$1"; fi
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Every function, with its exact type. The groups are those that glibc's feature macros show or hide
# together, because of the types they use.
cat >functions.h <<'END'
#ifdef __GLIBC__
typedef __sigset_t signal_set; /* sigset_t is hidden more often */
#else
typedef sigset_t signal_set;
#endif
FUNCTION(int, pthread_mutex_init, (pthread_mutex_t *, const pthread_mutexattr_t *))
FUNCTION(int, pthread_mutex_destroy, (pthread_mutex_t *))
FUNCTION(int, pthread_mutex_lock, (pthread_mutex_t *))
FUNCTION(int, pthread_mutex_trylock, (pthread_mutex_t *))
FUNCTION(int, pthread_mutex_timedlock, (pthread_mutex_t *, const struct timespec *))
FUNCTION(int, pthread_mutex_unlock, (pthread_mutex_t *))
FUNCTION(int, pthread_mutex_consistent, (pthread_mutex_t *))
FUNCTION(int, pthread_mutex_getprioceiling, (const pthread_mutex_t *, int *))
FUNCTION(int, pthread_mutex_setprioceiling, (pthread_mutex_t *, int, int *))
FUNCTION(int, pthread_mutexattr_init, (pthread_mutexattr_t *))
FUNCTION(int, pthread_mutexattr_destroy, (pthread_mutexattr_t *))
FUNCTION(int, pthread_mutexattr_gettype, (const pthread_mutexattr_t *, int *))
FUNCTION(int, pthread_mutexattr_settype, (pthread_mutexattr_t *, int))
FUNCTION(int, pthread_mutexattr_getpshared, (const pthread_mutexattr_t *, int *))
FUNCTION(int, pthread_mutexattr_setpshared, (pthread_mutexattr_t *, int))
FUNCTION(int, pthread_mutexattr_getrobust, (const pthread_mutexattr_t *, int *))
FUNCTION(int, pthread_mutexattr_setrobust, (pthread_mutexattr_t *, int))
FUNCTION(int, pthread_mutexattr_getprotocol, (const pthread_mutexattr_t *, int *))
FUNCTION(int, pthread_mutexattr_setprotocol, (pthread_mutexattr_t *, int))
FUNCTION(int, pthread_mutexattr_getprioceiling, (const pthread_mutexattr_t *, int *))
FUNCTION(int, pthread_mutexattr_setprioceiling, (pthread_mutexattr_t *, int))
FUNCTION(int, pthread_cond_init, (pthread_cond_t *, const pthread_condattr_t *))
FUNCTION(int, pthread_cond_destroy, (pthread_cond_t *))
FUNCTION(int, pthread_cond_wait, (pthread_cond_t *, pthread_mutex_t *))
FUNCTION(int, pthread_cond_timedwait,
         (pthread_cond_t *, pthread_mutex_t *, const struct timespec *))
FUNCTION(int, pthread_cond_signal, (pthread_cond_t *))
FUNCTION(int, pthread_cond_broadcast, (pthread_cond_t *))
FUNCTION(int, pthread_condattr_init, (pthread_condattr_t *))
FUNCTION(int, pthread_condattr_destroy, (pthread_condattr_t *))
FUNCTION(int, pthread_condattr_getpshared, (const pthread_condattr_t *, int *))
FUNCTION(int, pthread_condattr_setpshared, (pthread_condattr_t *, int))
FUNCTION(int, pthread_once, (pthread_once_t *, void (*)(void)))
FUNCTION(int, pthread_key_create, (pthread_key_t *, void (*)(void *)))
FUNCTION(int, pthread_key_delete, (pthread_key_t))
FUNCTION(void *, pthread_getspecific, (pthread_key_t))
FUNCTION(int, pthread_setspecific, (pthread_key_t, const void *))
FUNCTION(int, sem_init, (sem_t *, int, unsigned))
FUNCTION(int, sem_destroy, (sem_t *))
FUNCTION(int, sem_wait, (sem_t *))
FUNCTION(int, sem_trywait, (sem_t *))
FUNCTION(int, sem_timedwait, (sem_t *, const struct timespec *))
FUNCTION(int, sem_post, (sem_t *))
FUNCTION(int, sem_getvalue, (sem_t *, int *))
FUNCTION(void, call_once, (once_flag *, void (*)(void)))
FUNCTION(int, mtx_init, (mtx_t *, int))
FUNCTION(void, mtx_destroy, (mtx_t *))
FUNCTION(int, mtx_lock, (mtx_t *))
FUNCTION(int, mtx_timedlock, (mtx_t *, const struct timespec *))
FUNCTION(int, mtx_trylock, (mtx_t *))
FUNCTION(int, mtx_unlock, (mtx_t *))
FUNCTION(int, cnd_init, (cnd_t *))
FUNCTION(void, cnd_destroy, (cnd_t *))
FUNCTION(int, cnd_signal, (cnd_t *))
FUNCTION(int, cnd_broadcast, (cnd_t *))
FUNCTION(int, cnd_wait, (cnd_t *, mtx_t *))
FUNCTION(int, cnd_timedwait, (cnd_t *, mtx_t *, const struct timespec *))
FUNCTION(int, tss_create, (tss_t *, tss_dtor_t))
FUNCTION(void, tss_delete, (tss_t))
FUNCTION(void *, tss_get, (tss_t))
FUNCTION(int, tss_set, (tss_t, void *))
FUNCTION(int, pthread_create,
         (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))
FUNCTION(void, pthread_exit, (void *))
FUNCTION(int, pthread_join, (pthread_t, void **))
FUNCTION(int, pthread_detach, (pthread_t))
FUNCTION(pthread_t, pthread_self, (void))
FUNCTION(int, pthread_equal, (pthread_t, pthread_t))
FUNCTION(int, pthread_attr_init, (pthread_attr_t *))
FUNCTION(int, pthread_attr_destroy, (pthread_attr_t *))
FUNCTION(int, pthread_attr_getdetachstate, (const pthread_attr_t *, int *))
FUNCTION(int, pthread_attr_setdetachstate, (pthread_attr_t *, int))
FUNCTION(int, pthread_attr_getstacksize, (const pthread_attr_t *, size_t *))
FUNCTION(int, pthread_attr_setstacksize, (pthread_attr_t *, size_t))
FUNCTION(int, pthread_attr_getstack, (const pthread_attr_t *, void **, size_t *))
FUNCTION(int, pthread_attr_setstack, (pthread_attr_t *, void *, size_t))
FUNCTION(int, pthread_attr_getguardsize, (const pthread_attr_t *, size_t *))
FUNCTION(int, pthread_attr_setguardsize, (pthread_attr_t *, size_t))
FUNCTION(int, pthread_attr_getinheritsched, (const pthread_attr_t *, int *))
FUNCTION(int, pthread_attr_setinheritsched, (pthread_attr_t *, int))
FUNCTION(int, pthread_attr_getschedpolicy, (const pthread_attr_t *, int *))
FUNCTION(int, pthread_attr_setschedpolicy, (pthread_attr_t *, int))
FUNCTION(int, pthread_attr_getschedparam, (const pthread_attr_t *, struct sched_param *))
FUNCTION(int, pthread_attr_setschedparam, (pthread_attr_t *, const struct sched_param *))
FUNCTION(int, pthread_attr_getscope, (const pthread_attr_t *, int *))
FUNCTION(int, pthread_attr_setscope, (pthread_attr_t *, int))
FUNCTION(int, pthread_cancel, (pthread_t))
FUNCTION(void, pthread_testcancel, (void))
FUNCTION(int, pthread_setcancelstate, (int, int *))
FUNCTION(int, pthread_setcanceltype, (int, int *))
FUNCTION(int, pthread_kill, (pthread_t, int))
FUNCTION(int, pthread_sigmask, (int, const signal_set *, signal_set *))
FUNCTION(int, pthread_getschedparam, (pthread_t, int *, struct sched_param *))
FUNCTION(int, pthread_setschedparam, (pthread_t, int, const struct sched_param *))
FUNCTION(int, pthread_setschedprio, (pthread_t, int))
FUNCTION(int, pthread_getconcurrency, (void))
FUNCTION(int, pthread_setconcurrency, (int))
FUNCTION(int, pthread_atfork, (void (*)(void), void (*)(void), void (*)(void)))
FUNCTION(int, thrd_create, (thrd_t *, thrd_start_t, void *))
FUNCTION(void, thrd_exit, (int))
FUNCTION(int, thrd_join, (thrd_t, int *))
FUNCTION(int, thrd_detach, (thrd_t))
FUNCTION(thrd_t, thrd_current, (void))
FUNCTION(int, thrd_equal, (thrd_t, thrd_t))
FUNCTION(int, thrd_sleep, (const struct timespec *, struct timespec *))
FUNCTION(void, thrd_yield, (void))
#ifdef CLOCKID
FUNCTION(int, pthread_condattr_getclock, (const pthread_condattr_t *, clockid_t *))
FUNCTION(int, pthread_condattr_setclock, (pthread_condattr_t *, clockid_t))
FUNCTION(int, pthread_getcpuclockid, (pthread_t, clockid_t *))
#endif
#ifdef RWLOCK
FUNCTION(int, pthread_rwlock_init, (pthread_rwlock_t *, const pthread_rwlockattr_t *))
FUNCTION(int, pthread_rwlock_destroy, (pthread_rwlock_t *))
FUNCTION(int, pthread_rwlock_rdlock, (pthread_rwlock_t *))
FUNCTION(int, pthread_rwlock_tryrdlock, (pthread_rwlock_t *))
FUNCTION(int, pthread_rwlock_timedrdlock, (pthread_rwlock_t *, const struct timespec *))
FUNCTION(int, pthread_rwlock_wrlock, (pthread_rwlock_t *))
FUNCTION(int, pthread_rwlock_trywrlock, (pthread_rwlock_t *))
FUNCTION(int, pthread_rwlock_timedwrlock, (pthread_rwlock_t *, const struct timespec *))
FUNCTION(int, pthread_rwlock_unlock, (pthread_rwlock_t *))
FUNCTION(int, pthread_rwlockattr_init, (pthread_rwlockattr_t *))
FUNCTION(int, pthread_rwlockattr_destroy, (pthread_rwlockattr_t *))
FUNCTION(int, pthread_rwlockattr_getpshared, (const pthread_rwlockattr_t *, int *))
FUNCTION(int, pthread_rwlockattr_setpshared, (pthread_rwlockattr_t *, int))
#endif
#ifdef BARRIER
FUNCTION(int, pthread_barrier_init,
         (pthread_barrier_t *, const pthread_barrierattr_t *, unsigned))
FUNCTION(int, pthread_barrier_destroy, (pthread_barrier_t *))
FUNCTION(int, pthread_barrier_wait, (pthread_barrier_t *))
FUNCTION(int, pthread_barrierattr_init, (pthread_barrierattr_t *))
FUNCTION(int, pthread_barrierattr_destroy, (pthread_barrierattr_t *))
FUNCTION(int, pthread_barrierattr_getpshared, (const pthread_barrierattr_t *, int *))
FUNCTION(int, pthread_barrierattr_setpshared, (pthread_barrierattr_t *, int))
FUNCTION(int, pthread_spin_init, (pthread_spinlock_t *, int))
FUNCTION(int, pthread_spin_destroy, (pthread_spinlock_t *))
FUNCTION(int, pthread_spin_lock, (pthread_spinlock_t *))
FUNCTION(int, pthread_spin_trylock, (pthread_spinlock_t *))
FUNCTION(int, pthread_spin_unlock, (pthread_spinlock_t *))
#endif
END

# The functions that both libcs show with _GNU_SOURCE only.
cat >gnu.h <<'END'
FUNCTION(int, pthread_tryjoin_np, (pthread_t, void **))
FUNCTION(int, pthread_timedjoin_np, (pthread_t, void **, const struct timespec *))
FUNCTION(int, pthread_getattr_np, (pthread_t, pthread_attr_t *))
FUNCTION(int, pthread_getattr_default_np, (pthread_attr_t *))
FUNCTION(int, pthread_setattr_default_np, (const pthread_attr_t *))
FUNCTION(int, pthread_setname_np, (pthread_t, const char *))
#ifdef CPUSET
FUNCTION(int, pthread_getaffinity_np, (pthread_t, size_t, cpu_set_t *))
FUNCTION(int, pthread_setaffinity_np, (pthread_t, size_t, const cpu_set_t *))
#endif
END

# The functions that one of the two libcs, or an older one, lacks.
cat >further.h <<'END'
FUNCTION(const char *, furwock_version, (void))
FUNCTION(int, sem_init_undo_np, (sem_t *, unsigned))
FUNCTION(int, pthread_mutex_consistent_np, (pthread_mutex_t *))
FUNCTION(int, pthread_mutexattr_getkind_np, (const pthread_mutexattr_t *, int *))
FUNCTION(int, pthread_mutexattr_setkind_np, (pthread_mutexattr_t *, int))
FUNCTION(int, pthread_mutexattr_getrobust_np, (pthread_mutexattr_t *, int *))
FUNCTION(int, pthread_mutexattr_setrobust_np, (pthread_mutexattr_t *, int))
FUNCTION(int, pthread_attr_getsigmask_np, (const pthread_attr_t *, signal_set *))
FUNCTION(int, pthread_attr_setsigmask_np, (pthread_attr_t *, const signal_set *))
FUNCTION(int, pthread_getname_np, (pthread_t, char *, size_t))
FUNCTION(pid_t, pthread_gettid_np, (pthread_t))
FUNCTION(int, pthread_sigqueue, (pthread_t, int, union sigval))
#ifdef CPUSET
FUNCTION(int, pthread_attr_getaffinity_np, (const pthread_attr_t *, size_t, cpu_set_t *))
FUNCTION(int, pthread_attr_setaffinity_np, (pthread_attr_t *, size_t, const cpu_set_t *))
#endif
#ifdef CLOCKID
FUNCTION(int, pthread_clockjoin_np,
         (pthread_t, void **, clockid_t, const struct timespec *))
FUNCTION(int, pthread_mutex_clocklock,
         (pthread_mutex_t *, clockid_t, const struct timespec *))
FUNCTION(int, pthread_cond_clockwait,
         (pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *))
#ifdef BARRIER
FUNCTION(int, pthread_barrier_clockwait_np,
         (pthread_barrier_t *, clockid_t, const struct timespec *))
#endif
FUNCTION(int, sem_clockwait, (sem_t *, clockid_t, const struct timespec *))
#endif
#ifdef RWLOCK
FUNCTION(int, pthread_rwlockattr_getkind_np, (const pthread_rwlockattr_t *, int *))
FUNCTION(int, pthread_rwlockattr_setkind_np, (pthread_rwlockattr_t *, int))
FUNCTION(int, pthread_rwlockattr_getrobust_np, (const pthread_rwlockattr_t *, int *))
FUNCTION(int, pthread_rwlockattr_setrobust_np, (pthread_rwlockattr_t *, int))
FUNCTION(int, pthread_rwlock_consistent_np, (pthread_rwlock_t *))
FUNCTION(int, pthread_rwlock_clockrdlock,
         (pthread_rwlock_t *, clockid_t, const struct timespec *))
FUNCTION(int, pthread_rwlock_clockwrlock,
         (pthread_rwlock_t *, clockid_t, const struct timespec *))
#endif
END

# The address of every function goes into a pointer of its exact type.
cat >types.c <<'END'
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>
#include <furwock.h>
/* a second time, in another order */
#include <furwock.h>
#include <threads.h>
#include <semaphore.h>
#include <pthread.h>
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#define FUNCTION(result, name, parameters) result(*address_of_##name) parameters = name;
#include "functions.h"
#include "gnu.h"
#include "further.h"

/* The constants and initialisers, too, are there when their types are, and fit them. */
pthread_mutex_t mutexes[] = {PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
                             PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
                             PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP, PTHREAD_MUTEX_INITIALIZER};
int adaptive = PTHREAD_MUTEX_ADAPTIVE_NP;
int no_mask = PTHREAD_ATTR_NO_SIGMASK_NP;
#ifdef RWLOCK
pthread_rwlock_t rwlock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
int kinds[] = {PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NP,
               PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, PTHREAD_RWLOCK_DEFAULT_NP};
#endif
int flags = O_CREAT | O_EXCL;
int version[] = {FURWOCK_VERSION_MAJOR, FURWOCK_VERSION_MINOR, FURWOCK_VERSION_PATCH};
END
cp types.c types.cc

strict='-fsyntax-only -Wall -Wextra -Wshadow -Wredundant-decls -Wpedantic -Werror'

# groups DEFINES STANDARD: which groups of functions glibc shows.
groups() {
    case "$2 $1" in
    *_POSIX_C_SOURCE=199506L*) echo -DCLOCKID ;;
    *_XOPEN_SOURCE=500*) echo -DCLOCKID -DRWLOCK ;;
    *-std=c[19]*\ ) ;;
    *-std=c++*\ -U_GNU_SOURCE) ;;
    *) echo -DCLOCKID -DRWLOCK -DBARRIER ;;
    esac
}

# gnu DEFINES: the group that both libcs show with _GNU_SOURCE alone.
gnu() {
    case "$1" in
    *-D_GNU_SOURCE*) echo -DCPUSET ;;
    esac
}

# types COMPILER LANGUAGE LIBC [OPTIONS]: the types, under every standard, and under one of them
# with every feature macro.
types() {
    if ! have "$1"; then
        echo "# no $1: skipped"
        return
    fi
    if [ "$2" = c ]; then
        standards='c99 c11 c17 gnu11'
        none=''
    else
        # g++ and clang++ define _GNU_SOURCE themselves
        standards='c++11 c++14 c++17 c++20'
        none=-U_GNU_SOURCE
    fi
    for standard in $standards; do
        features='_POSIX_C_SOURCE=200809L _XOPEN_SOURCE=700 _GNU_SOURCE'
        case $standard in
        c11 | c++17)
            features="_POSIX_C_SOURCE=199506L _POSIX_C_SOURCE=200112L $features"
            features="_XOPEN_SOURCE=500 _XOPEN_SOURCE=600 $features"
            ;;
        esac
        for feature in '' $features; do
            if [ "$feature" = _GNU_SOURCE ]; then
                defines=-D_GNU_SOURCE
            else
                defines=$none${feature:+ -D$feature}
            fi
            defines=${defines# }
            if [ "$3" = glibc ]; then
                shown=$(groups "$defines" "-std=$standard")
            else
                shown='-DCLOCKID -DRWLOCK -DBARRIER'
            fi
            shown="$shown $(gnu "$defines")"
            expect "types: $1${4:+ $4} -std=$standard $defines" \
                "$1" ${4:-} -std="$standard" $defines $shown $strict -I "$include" "types.$2"
        done
    done
    expect "types: $1${4:+ $4} -isystem" \
        "$1" ${4:-} -D_GNU_SOURCE -DCLOCKID -DRWLOCK -DBARRIER -DCPUSET $strict \
        -isystem "$include" "types.$2"
}

types gcc c glibc
types clang c glibc
types g++ cc glibc
types clang++ cc glibc
types musl-gcc c musl
if have musl-gcc && have g++; then
    types musl-gcc cc musl '-x c++'
fi

# Each header alone, before and after every other standard header that a program could mix it with.
for compiler in gcc clang musl-gcc g++ clang++; do
    have "$compiler" || continue
    case $compiler in *++) suffix=cc ;; *) suffix=c ;; esac
    for header in pthread semaphore threads furwock; do
        printf '#include <%s.h>\nint unused;\n' $header >"alone.$suffix"
        expect "alone: $compiler $header.h" "$compiler" $strict -I "$include" "alone.$suffix"
    done
    printf '#include <%s.h>\n' signal sys/types sched time threads semaphore pthread unistd stdio \
        furwock errno fcntl stdatomic >"mixed.$suffix"
    [ $suffix = c ] || sed -i '/stdatomic/d' "mixed.$suffix"
    echo 'int unused;' >>"mixed.$suffix"
    expect "mixed: $compiler" "$compiler" $strict -D_GNU_SOURCE -I "$include" "mixed.$suffix"
done
printf '#include <%s>\n' pthread.h mutex shared_mutex condition_variable thread future atomic \
    string semaphore.h threads.h >library.cc
printf 'std::mutex m; std::shared_mutex s; std::condition_variable_any c; std::once_flag o;\n' \
    >>library.cc
for compiler in g++ clang++; do
    have "$compiler" || continue
    expect "mixed: $compiler standard library" \
        "$compiler" -std=c++17 $strict -I "$include" library.cc
done

# No name in the headers can be broken by a macro of the program's.
hostile=
for name in mutex attr cond rwlock barrier lock once routine key value destructor ceiling old type \
    kind pshared robust protocol flag function abstime sem result error count thread name owner \
    replacement parameters id other argument state former size stack guard inherit policy param \
    scope cpus mask set how level priority prepare parent child execute duration \
    remaining status; do
    hostile="$hostile -D$name=@"
done
for compiler in gcc clang musl-gcc g++ clang++; do
    have "$compiler" || continue
    case $compiler in *++) suffix=cc ;; *) suffix=c ;; esac
    printf '#include <%s.h>\n' pthread semaphore threads furwock >"hostile.$suffix"
    echo 'int unused;' >>"hostile.$suffix"
    expect "a program's macros: $compiler" \
        "$compiler" $hostile $strict -U_GNU_SOURCE -D_POSIX_C_SOURCE=200809L -I "$include" \
        "hostile.$suffix"
done

# The headers call themselves system headers, which keeps a compiler from speaking of them. Here it
# is to: of a wrong exception specification, a redeclaration that disagrees, anything, but for the
# use of #include_next.
for compiler in gcc clang musl-gcc g++ clang++; do
    have "$compiler" || continue
    case $compiler in
    *++) suffix=cc standards='c++11 c++14 c++17 c++20' ;;
    *) suffix=c standards='c99 gnu11' ;;
    esac
    for standard in $standards; do
        for defines in -D_GNU_SOURCE -D_POSIX_C_SOURCE=200809L; do
            shown="-DCLOCKID -DRWLOCK -DBARRIER $(gnu "$defines")"
            "$compiler" -std=$standard $defines $shown -fsyntax-only -Wall -Wextra -Wpedantic \
                -Wsystem-headers -I "$include" types.$suffix 2>&1 |
                grep -E "^($include/|types).*(warning|error):|^fatal" |
                grep -v include_next >out
            expect_empty "nothing to say: $compiler -std=$standard $defines"
        done
    done
done

# What is declared in the headers themselves is what the lists above say, no less and no more.
if have gcc; then
    printf '#include <%s.h>\n' pthread semaphore threads furwock >all.c
    {
        echo '#define FUNCTION(result, name, parameters) @name@'
        printf '#include "%s.h"\n' functions gnu further
    } >names.c
    gcc -E -P -DCLOCKID -DRWLOCK -DBARRIER -DCPUSET names.c | grep -o '@[a-z_]*@' | tr -d @ |
        sort >listed
    gcc -D_GNU_SOURCE -E -I "$include" all.c |
        awk -v path="$include/" '
            /^# [0-9]/ { ours = index($3, "\"" path) == 1; next }
            ours { text = text " " $0 }
            END {
                gsub(/__attribute__ *\(\([^;]*/, "", text)
                count = split(text, declaration, ";")
                for (i = 1; i <= count; i++)
                    # a name that is a macro elsewhere has parentheses of its own
                    if (match(declaration[i], /[a-z_0-9]+[ )]*\(/)) {
                        name = substr(declaration[i], RSTART, RLENGTH)
                        if (name ~ /^int/ && match(declaration[i], /\([a-z_0-9]+\) *\(/))
                            name = substr(declaration[i], RSTART + 1, RLENGTH - 1)
                        sub(/[ )]*\(/, "", name)
                        print name
                    }
            }' | sort >declared
    diff listed declared >out
    expect_empty "every listed function is declared, and no other"
    # and each is spoken of: a comment comes before it, with nothing but its siblings between
    awk '
        FNR == 1 { spoken = 0 }
        /\*\/$/ { spoken = 1; next }
        /^$/ { spoken = 0; next }
        /^(int|void|const char|pid_t|pthread_t|thrd_t) ?[*a-z(]/ && !spoken { print FILENAME ": " $0 }
        ' "$include"/*.h >out
    expect_empty "every declaration has a comment"
fi

# Nor does libc have a function of threads or of these objects that the headers leave out, but for
# two that POSIX has removed.
libc=$(gcc -print-file-name=libc.so.6 2>/dev/null)
if have nm && [ -f "${libc:-}" ]; then
    nm -D --defined-only "$libc" | sed -n 's/.* \([a-z_0-9]*\)@@GLIBC.*/\1/p' |
        grep -E '^(call_once|(pthread|sem|mtx|cnd|tss|thrd)_)' |
        grep -Ev '^(sem_(open|close|unlink)|pthread_attr_[gs]etstackaddr)$' | sort >exported
    [ -s exported ] || echo nothing >exported
    comm -23 exported listed >out
    expect_empty "every function of libc.so.6 is declared"
fi

# A program compiled with these headers is the program compiled with the libc's: byte for byte.
cat >same.c <<'END'
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>
#include <signal.h>
#define FUNCTION(result, name, parameters) result(*address_of_##name) parameters = name;
#include "functions.h"
#ifdef _GNU_SOURCE
#include "gnu.h"
#ifdef __GLIBC__
FUNCTION(int, pthread_sigqueue, (pthread_t, int, union sigval))
FUNCTION(int, pthread_attr_getsigmask_np, (const pthread_attr_t *, signal_set *))
FUNCTION(int, pthread_clockjoin_np,
         (pthread_t, void **, clockid_t, const struct timespec *))
FUNCTION(int, pthread_rwlockattr_setkind_np, (pthread_rwlockattr_t *, int))
FUNCTION(int, pthread_mutexattr_setrobust_np, (pthread_mutexattr_t *, int))
FUNCTION(int, pthread_mutex_consistent_np, (pthread_mutex_t *))
FUNCTION(int, sem_clockwait, (sem_t *, clockid_t, const struct timespec *))
pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
pthread_rwlock_t nonrecursive = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
#endif
#endif
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
pthread_spinlock_t spin;
pthread_barrier_t barrier;
sem_t sem;
mtx_t mtx;
pthread_once_t once;
pthread_t thread;
pthread_attr_t attr;
thrd_t thrd;
static void *routine(void *argument)
{
    return argument;
}
/* Only what calls back can change it, or what synchronises with another thread. */
static int shared;
void change(void)
{
    ++shared;
}
static void undo(int *number)
{
    --*number;
    ++shared;
}
/* Whether a function is thought to call back shows in what its caller's caller reads again. */
static const struct timespec *when;
#define AROUND(name, arguments)                                                                    \
    static __attribute__((noinline)) int call_##name(void)                                         \
    {                                                                                              \
        return name arguments;                                                                     \
    }                                                                                              \
    int around_##name(void)                                                                        \
    {                                                                                              \
        return shared * 3 + call_##name() + shared;                                                \
    }
AROUND(pthread_mutex_init, (&mutex, 0))
AROUND(pthread_mutex_destroy, (&mutex))
AROUND(pthread_mutex_lock, (&mutex))
AROUND(pthread_mutex_trylock, (&mutex))
AROUND(pthread_mutex_timedlock, (&mutex, when))
AROUND(pthread_mutex_unlock, (&mutex))
AROUND(pthread_mutex_consistent, (&mutex))
AROUND(pthread_cond_init, (&cond, 0))
AROUND(pthread_cond_destroy, (&cond))
AROUND(pthread_cond_wait, (&cond, &mutex))
AROUND(pthread_cond_timedwait, (&cond, &mutex, when))
AROUND(pthread_cond_signal, (&cond))
AROUND(pthread_cond_broadcast, (&cond))
AROUND(pthread_rwlock_init, (&rwlock, 0))
AROUND(pthread_rwlock_destroy, (&rwlock))
AROUND(pthread_rwlock_rdlock, (&rwlock))
AROUND(pthread_rwlock_tryrdlock, (&rwlock))
AROUND(pthread_rwlock_timedrdlock, (&rwlock, when))
AROUND(pthread_rwlock_wrlock, (&rwlock))
AROUND(pthread_rwlock_trywrlock, (&rwlock))
AROUND(pthread_rwlock_timedwrlock, (&rwlock, when))
AROUND(pthread_rwlock_unlock, (&rwlock))
AROUND(pthread_spin_init, (&spin, 0))
AROUND(pthread_spin_lock, (&spin))
AROUND(pthread_spin_trylock, (&spin))
AROUND(pthread_spin_unlock, (&spin))
AROUND(pthread_barrier_init, (&barrier, 0, 2))
AROUND(pthread_barrier_wait, (&barrier))
AROUND(pthread_once, (&once, change))
AROUND(pthread_key_delete, (0))
AROUND(sem_init, (&sem, 0, 0))
AROUND(sem_wait, (&sem))
AROUND(sem_trywait, (&sem))
AROUND(sem_timedwait, (&sem, when))
AROUND(sem_post, (&sem))
AROUND(mtx_lock, (&mtx))
AROUND(mtx_trylock, (&mtx))
AROUND(mtx_unlock, (&mtx))
AROUND(pthread_create, (&thread, &attr, routine, 0))
AROUND(pthread_join, (thread, 0))
AROUND(pthread_detach, (thread))
AROUND(pthread_equal, (thread, pthread_self()))
AROUND(pthread_attr_init, (&attr))
AROUND(pthread_attr_destroy, (&attr))
AROUND(pthread_cancel, (thread))
AROUND(pthread_setcancelstate, (PTHREAD_CANCEL_DISABLE, 0))
AROUND(pthread_setcanceltype, (PTHREAD_CANCEL_DEFERRED, 0))
AROUND(pthread_kill, (thread, 0))
AROUND(pthread_sigmask, (SIG_BLOCK, 0, 0))
AROUND(pthread_setschedprio, (thread, 0))
AROUND(pthread_atfork, (change, change, change))
AROUND(thrd_join, (thrd, 0))
AROUND(thrd_detach, (thrd))
AROUND(thrd_equal, (thrd, thrd_current()))
AROUND(thrd_sleep, (when, 0))
#ifdef _GNU_SOURCE
AROUND(pthread_tryjoin_np, (thread, 0))
AROUND(pthread_timedjoin_np, (thread, 0, when))
AROUND(pthread_getattr_np, (thread, &attr))
AROUND(pthread_setname_np, (thread, "name"))
#endif
/* What does not return needs no code after it, and what has no effects is called once. */
int leave(void)
{
    if (shared)
        pthread_exit(0);
    thrd_exit(1);
}
int twice(void)
{
    return pthread_self() == pthread_self();
}
/* Whether it is thought to throw shows in what has to be cleaned up. */
int use(const struct timespec *time)
{
    int number __attribute__((cleanup(undo))) = 0;
    when = time;
    number += pthread_mutex_lock(&mutex) + pthread_mutex_unlock(&mutex);
    number += pthread_cond_wait(&cond, &mutex) + pthread_cond_timedwait(&cond, &mutex, time);
    number += pthread_cond_signal(&cond) + pthread_mutex_timedlock(&mutex, time);
    number += pthread_rwlock_wrlock(&rwlock) + pthread_rwlock_unlock(&rwlock);
    number += pthread_spin_lock(&spin) + pthread_barrier_wait(&barrier);
    number += sem_wait(&sem) + sem_timedwait(&sem, time) + sem_post(&sem);
    number += pthread_once(&once, change) + mtx_lock(&mtx);
    pthread_testcancel();
    thrd_yield();
    number += pthread_create(&thread, 0, routine, 0) + pthread_join(thread, 0);
    number += pthread_cancel(thread) + pthread_setcancelstate(0, 0) + pthread_kill(thread, 0);
    number += thrd_join(thrd, 0) + thrd_sleep(time, 0);
    return number;
}
END
cp same.c same.cc
for compiler in gcc clang musl-gcc g++ clang++; do
    have "$compiler" || continue
    case $compiler in *++) suffix=cc ;; *) suffix=c ;; esac
    for options in '-D_GNU_SOURCE -DCPUSET -O2 -fexceptions' '-D_XOPEN_SOURCE=700 -O0'; do
        if "$compiler" $options -Wno-deprecated-declarations -DCLOCKID -DRWLOCK -DBARRIER \
            -c same.$suffix -o theirs.o 2>out; then
            "$compiler" $options -Wno-deprecated-declarations -DCLOCKID -DRWLOCK -DBARRIER \
                -I "$include" -c same.$suffix -o ours.o 2>out && cmp ours.o theirs.o >>out 2>&1
        fi
        expect_empty "the same object file: $compiler $options"
    done
done

# The initialisers that the libc lacks or hides put the right number at the right place, and nothing
# anywhere else.
cat >bytes.c <<'END'
#include <pthread.h>
#include <string.h>
static int differs(const void *object, size_t size, size_t place, int value)
{
    unsigned char expected[sizeof(pthread_rwlock_t)] = {0};
    memcpy(expected + place, &value, sizeof value);
    return memcmp(object, expected, size) != 0;
}
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t nonrecursive = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
int main(void)
{
    if (differs(&recursive, sizeof recursive, 16, 1))
        return 1;
    if (differs(&errorcheck, sizeof errorcheck, 16, 2))
        return 2;
    if (differs(&adaptive, sizeof adaptive, 16, 3))
        return 3;
    if (differs(&nonrecursive, sizeof nonrecursive, 48, 2))
        return 4;
    return 0;
}
END
cp bytes.c bytes.cc
for compiler in gcc clang musl-gcc g++ clang++; do
    have "$compiler" || continue
    case $compiler in *++) suffix=cc ;; *) suffix=c ;; esac
    for defines in '-U_GNU_SOURCE -D_POSIX_C_SOURCE=200809L' -D_GNU_SOURCE; do
        bytes() {
            "$compiler" $defines -Wall -Wextra -Werror -I "$include" bytes.$suffix -o bytes &&
                ./bytes
        }
        expect "initialisers: $compiler $defines" bytes
    done
done

# The old names lead to the functions that replaced them, so no library has to define both; that
# they are old is said.
cat >old.c <<'END'
#include <pthread.h>
int use(pthread_mutex_t *mutex, pthread_mutexattr_t *attr, int *value)
{
    return pthread_mutex_consistent_np(mutex) + pthread_mutexattr_setkind_np(attr, *value) +
           pthread_mutexattr_getkind_np(attr, value) +
           pthread_mutexattr_setrobust_np(attr, *value) +
           pthread_mutexattr_getrobust_np(attr, value);
}
END
cp old.c old.cc
for compiler in gcc clang musl-gcc g++ clang++; do
    have "$compiler" || continue
    case $compiler in *++) suffix=cc ;; *) suffix=c ;; esac
    for defines in -U_GNU_SOURCE -D_GNU_SOURCE; do
        "$compiler" $defines -w -I "$include" -c old.$suffix -o old.o 2>out && nm old.o |
            sed -n 's/.* U //p' | grep -v '^_' | sort | tr '\n' ' ' >got
        printf '%s ' pthread_mutex_consistent pthread_mutexattr_getrobust \
            pthread_mutexattr_gettype pthread_mutexattr_setrobust pthread_mutexattr_settype >want
        if cmp -s got want; then : >out; else cat got >>out; echo >>out; fi
        expect_empty "old names: $compiler $defines"
        warnings=$("$compiler" $defines -I "$include" -fsyntax-only old.$suffix 2>&1 |
            grep -c 'warning: .*deprecated')
        [ "$warnings" = 5 ] || echo "$warnings of 5 are deprecated" >out
        expect_empty "old names are deprecated: $compiler $defines"
    done
done

if ! have gcc && ! have clang && ! have musl-gcc; then
    echo "no compiler" >out
    not_ok "a C compiler"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
