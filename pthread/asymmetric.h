/*
 * What FURWOCK=asymmetric turns on: fast paths of plain loads and stores, without a fence, for which
 * the other side pays. It has the kernel make every thread of the process pass a fence.
 */
#ifndef FURWOCK_ASYMMETRIC_H
#define FURWOCK_ASYMMETRIC_H

#include <arch_atomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What such a path is made of: readers' stores, or the restartable sequences of a biased mutex. */
enum asymmetric_path { STORES, SEQUENCES, ASYMMETRIC_PATHS };

enum asymmetric_state { ASYMMETRIC_NEVER, ASYMMETRIC_NO_MORE, ASYMMETRIC_WANTED };
extern uint32_t asymmetric_state[ASYMMETRIC_PATHS] __attribute__((visibility("hidden")));

/* May an object be given such a path? Not any more once the kernel has refused to do its part. */
static inline bool asymmetric_may_begin(enum asymmetric_path path)
{
    return arch_load_relaxed(&asymmetric_state[path]) == ASYMMETRIC_WANTED;
}

/* May there be objects that have one? They keep it, whatever the kernel refuses. */
static inline bool asymmetric_may_exist(enum asymmetric_path path)
{
    return arch_load_relaxed(&asymmetric_state[path]) != ASYMMETRIC_NEVER;
}

/*
 * Turn it on, if the kernel is able: where it pays on this processor, whose atomic operations may be as
 * cheap, or always.
 */
enum asymmetric_choice { WHERE_IT_PAYS, ALWAYS };
void asymmetric_start(enum asymmetric_choice choice);

/*
 * Returns when every other thread has seen the caller's stores and the caller can see theirs
 * (STORES), and has left or begun again what restartable sequence it was in (SEQUENCES).
 */
void asymmetric_barrier(enum asymmetric_path path);

/* What the last one took, in ticks. */
uint64_t asymmetric_price(void);

#endif
