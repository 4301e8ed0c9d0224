/*
 * Counting transfers of cache lines: between the machine, and the programs that run on it. What is
 * counted, and what a schedule is, says machine.c.
 */
#ifndef FURWOCK_TRANSFERS_H
#define FURWOCK_TRANSFERS_H

#include "../model.h"

/* What the programs ask of the machine. */

/* The calling thread does something of its own for so many nanoseconds. */
void machine_elapse(unsigned nanoseconds);
unsigned machine_random(void);
int machine_threads(void);
/* Waiting without a step: until `turn_pass` has been called so often, by all threads together. */
void turn_await(unsigned turn);
void turn_pass(void);
/* From here on, or up to here, everybody's steps count. */
void count_begin(void);
void count_end(void);

/* A program of a table: threads repeat an operation until time is over. */
struct repeated {
    void (*init)(void);
    /* does this one count? */
    bool (*operation)(void);
};

struct workload {
    const char *name;
    struct repeated library, simple;
};
extern const struct workload transfer_workloads[];

/* A program whose counts are known beforehand. It says itself what counts. */
struct known {
    const char *name;
    int threads;
    void (*init)(void);
    void (*thread)(void);
    unsigned transfers, calls;
};
extern const struct known transfer_cases[];

#endif
