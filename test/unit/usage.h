/* How much address space this process has, and how much memory. */
#ifndef FURWOCK_TEST_USAGE_H
#define FURWOCK_TEST_USAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes. */
struct usage {
    long mapped, resident;
};

static inline struct usage usage(void)
{
    long page = sysconf(_SC_PAGESIZE);
    struct usage usage = {-1, -1};
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &usage.mapped, &usage.resident) != 2)
        abort();
    fclose(file);
    usage.mapped *= page;
    usage.resident *= page;
    return usage;
}

#endif
