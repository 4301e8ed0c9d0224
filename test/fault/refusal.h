/*
 * A system call, or some operations of it, refused to the calling thread and all that it creates or
 * executes, by a seccomp filter that answers an error number. Structures and numbers are the
 * kernel's interface, which musl's headers lack.
 */
#ifndef REFUSAL_H
#define REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

struct refusal {
    const char *name;
    int call;
    /* which argument says what is refused, under a mask; all of the call if there is no value */
    int argument;
    uint32_t mask, count, values[6];
};

static const struct refusal refusals[] = {
    {"rseq", SYS_rseq, 0, 0, 0, {0}},
    {"membarrier", SYS_membarrier, 0, 0, 0, {0}},
    {"gettid", SYS_gettid, 0, 0, 0, {0}},
    {"set_robust_list", SYS_set_robust_list, 0, 0, 0, {0}},
    /* LOCK_PI, UNLOCK_PI, TRYLOCK_PI, WAIT_REQUEUE_PI, CMP_REQUEUE_PI, LOCK_PI2 */
    {"futex_pi", SYS_futex, 1, 0x7f, 6, {6, 7, 8, 11, 12, 13}},
    {"futex_lock_pi2", SYS_futex, 1, 0x7f, 1, {13}},
    {"pidfd_open", SYS_pidfd_open, 0, 0, 0, {0}},
    {"clock_gettime", SYS_clock_gettime, 0, 0, 0, {0}},
    {"clone3", SYS_clone3, 0, 0, 0, {0}},
    {"futex_waitv", SYS_futex_waitv, 0, 0, 0, {0}},
    /* madvise(MADV_WIPEONFORK) */
    {"wipeonfork", SYS_madvise, 2, ~0u, 1, {18}},
};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

/* struct sock_filter, struct sock_fprog, and the instructions needed. */
struct instruction {
    uint16_t code;
    uint8_t if_true, if_false;
    uint32_t value;
};
struct program {
    uint16_t length;
    struct instruction *instructions;
};
enum { LOAD = 0x20, AND = 0x54, IF_EQUAL = 0x15, RETURN = 0x06 };
#define ALLOW 0x7fff0000u
#define ERRNO 0x00050000u
#define TRAP 0x00030000u

static inline bool install(struct instruction *filter, unsigned length, bool all_threads)
{
    struct program program = {(uint16_t)length, filter};
    enum { SET_NO_NEW_PRIVS = 38, MODE_FILTER = 1, SYNCHRONISE = 1 };
    return prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, MODE_FILTER, all_threads ? SYNCHRONISE : 0, &program) == 0;
}

/* All of a call. */
static inline bool refuse_call(int call, int error)
{
    struct instruction filter[] = {{LOAD, 0, 0, 0},
                                   {IF_EQUAL, 0, 1, (uint32_t)call},
                                   {RETURN, 0, 0, ERRNO | (uint32_t)error},
                                   {RETURN, 0, 0, ALLOW}};
    return install(filter, 4, true);
}

static inline bool refuse(const char *name, int error)
{
    const struct refusal *r = refusals;
    while (r < refusals + REFUSALS && strcmp(r->name, name) != 0)
        r++;
    if (r == refusals + REFUSALS)
        return false;
    /* of struct seccomp_data: the call's number at 0, the arguments' low halves at 16, 24, ... */
    struct instruction filter[16];
    unsigned n = 0;
    filter[n++] = (struct instruction){LOAD, 0, 0, 0};
    filter[n++] = (struct instruction){IF_EQUAL, 1, 0, (uint32_t)r->call};
    filter[n++] = (struct instruction){RETURN, 0, 0, ALLOW};
    if (r->count > 0) {
        unsigned big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;
        filter[n++] = (struct instruction){LOAD, 0, 0, 16 + 8 * (uint32_t)r->argument + big};
        filter[n++] = (struct instruction){AND, 0, 0, r->mask};
        for (unsigned i = 0; i < r->count; i++)
            filter[n++] = (struct instruction){IF_EQUAL, (uint8_t)(r->count - i), 0, r->values[i]};
        filter[n++] = (struct instruction){RETURN, 0, 0, ALLOW};
    }
    filter[n++] = (struct instruction){RETURN, 0, 0, ERRNO | (uint32_t)error};
    return install(filter, n, false);
}

#endif
