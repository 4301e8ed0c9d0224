/*
 * A process that shuts itself in: all of its threads may make the system calls that are named, and
 * SIGSYS tells of any other, and ends the process.
 */
#ifndef SHUT_H
#define SHUT_H

#include "refusal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define CALL(name)                                                                                 \
    {                                                                                              \
#name, SYS_##name                                                                          \
    }
static const struct call {
    const char *name;
    int number;
} calls[] = {
    /* what README.md says that the library makes */
    CALL(futex),
    CALL(mmap),
    CALL(madvise),
    CALL(munmap),
    CALL(gettid),
    CALL(set_robust_list),
    CALL(sched_getparam),
    CALL(sched_getscheduler),
    CALL(sched_setparam),
    CALL(sched_setscheduler),
    CALL(sched_get_priority_min),
    CALL(sched_get_priority_max),
    CALL(membarrier),
    CALL(sched_getaffinity),
    CALL(sched_setaffinity),
    CALL(rseq),
    CALL(clock_gettime),
    CALL(pipe2),
    CALL(write),
    CALL(read),
    CALL(close),
    CALL(clone),
    CALL(mprotect),
    CALL(rt_sigprocmask),
    CALL(rt_sigaction),
    CALL(exit),
    CALL(set_tid_address),
    CALL(tkill),
    CALL(tgkill),
    CALL(pidfd_open),
    CALL(ppoll),
    CALL(getpid),
    CALL(getuid),
    CALL(rt_tgsigqueueinfo),
    CALL(prctl),
    CALL(openat),
    CALL(prlimit64),
    CALL(msync),
    CALL(kill),
    CALL(epoll_pwait),
    CALL(pselect6),
    CALL(rt_sigsuspend),
    /* what libc makes besides, and these programs */
    CALL(clone3),
    CALL(exit_group),
    CALL(rt_sigreturn),
    CALL(clock_nanosleep),
    CALL(nanosleep),
    CALL(wait4),
    CALL(brk),
    CALL(alarm),
    CALL(fstat),
    CALL(newfstatat),
    CALL(writev),
    CALL(ioctl),
    CALL(pread64),
    CALL(fcntl),
    CALL(setitimer),
    CALL(fork),
    CALL(getrandom),
};
enum { CALLS = sizeof calls / sizeof *calls };
#undef CALL

static inline int call_of(const char *name)
{
    for (int i = 0; i < CALLS; i++)
        if (strcmp(calls[i].name, name) == 0)
            return calls[i].number;
    printf("no number known for the system call %s\n", name);
    exit(2);
}

static void tell_trapped(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    const char *name = "one without a name";
    for (int i = 0; i < CALLS; i++)
        if (calls[i].number == info->si_syscall)
            name = calls[i].name;
    char line[64];
    int length = snprintf(line, sizeof line, "forbidden system call: %s\n", name);
    ssize_t written = write(1, line, (size_t)length);
    _exit(written < 0 ? 2 : 1);
}

/* Allow the system calls named, which commas or blanks part. */
static inline bool shut(const char *names)
{
    struct sigaction action = {.sa_sigaction = tell_trapped, .sa_flags = SA_SIGINFO | SA_NODEFER};
    enum { SIZE = 8 * CALLS };
    struct instruction filter[SIZE];
    unsigned n = 0;
    char *copy = strdup(names), *rest = copy;
    filter[n++] = (struct instruction){LOAD, 0, 0, 0};
    for (char *name; (name = strsep(&rest, ", \n"));)
        if (*name && n < SIZE - 2) {
            filter[n++] = (struct instruction){IF_EQUAL, 0, 1, (uint32_t)call_of(name)};
            filter[n++] = (struct instruction){RETURN, 0, 0, ALLOW};
        }
    free(copy);
    filter[n++] = (struct instruction){RETURN, 0, 0, TRAP};
    return sigaction(SIGSYS, &action, NULL) == 0 && install(filter, n, true);
}

#endif
