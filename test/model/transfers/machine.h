/* Between the machine and what reports its counts. */
#ifndef FURWOCK_MACHINE_H
#define FURWOCK_MACHINE_H

#include "../explore.h"
#include "transfers.h"

extern struct costs {
    unsigned hit, change, transfer, pause, clock;
    /* a line stays with whoever has got it, at least */
    unsigned hold;
    /* a system call; what a wake takes beside that; until the sleeper runs; what timers are late by */
    unsigned call, wake, wakeup, slack;
} costs;

/* One or the other: an operation that is repeated, or threads that end. */
struct program {
    void (*init)(void);
    bool (*operation)(void);
    void (*thread)(void);
};

/* Of repeated operations: nanoseconds, and steps after which it is enough. Of threads that end: `most`. */
struct limits {
    uint64_t warm, window, steps, most;
};

extern struct counts {
    /* too late: calls of those that would have slept, but the word had changed */
    unsigned long operations, transfers, calls, too_late;
    uint64_t began, ended;
    char failure[128];
} counts;

struct counted {
    /* null: the kernel's */
    const struct place *place;
    const char *name;
    unsigned long count;
};
struct counted *counted_sites(int *number);

void machine_run(const struct program *what, int number, const struct limits *within,
                 unsigned seed);

#endif
