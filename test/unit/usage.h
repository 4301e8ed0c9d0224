/* How much address space this process has, and how much memory. */
#ifndef FURWOCK_TEST_USAGE_H
#define FURWOCK_TEST_USAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes. What can be written and is no other's counts against RLIMIT_DATA, but for the stack. */
struct usage {
    long mapped, resident, data;
};

static inline struct usage usage(void)
{
    long page = sysconf(_SC_PAGESIZE);
    struct usage usage = {-1, -1, -1};
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file ||
        fscanf(file, "%ld %ld %*d %*d %*d %ld", &usage.mapped, &usage.resident, &usage.data) != 3)
        abort();
    fclose(file);
    usage.mapped *= page;
    usage.resident *= page;
    usage.data *= page;
    return usage;
}

#endif
