/*
 * Mutexes that inherit priority: owned.h has the word.
 *
 * What the kernel says to one that wants to lock, and what that means. An owner that gives the word
 * back without the kernel wakes only those whom the kernel has queued. So one whom it does not queue
 * looks again and again, and lends the owner nothing meanwhile.
 *
 *   the kernel    why                                    lock                     trylock
 *   0             the word is the caller's               0; after a death         0; EOWNERDEAD
 *                                                        EOWNERDEAD if robust     if robust
 *   EAGAIN,       the word changed, or its owner is      asks at once             EBUSY
 *   EINTR         dying; a signal handler ran            (park.c)
 *   ETIMEDOUT     the deadline                           ETIMEDOUT                -
 *   EDEADLK       to wait would close a circle of        looks again: one of the  EBUSY
 *                 waits, or make a chain of over 1024    circle may give up
 *                 or the word has the caller's tid,      the same; it is nobody's
 *                 from a dead thread that had it before
 *   ESRCH         the tid in the word is nobody's        looks again: its owner   EBUSY
 *                                                        may be of another pid
 *                                                        namespace; or is dead
 *   EPERM         it is a kernel thread's, or, of a      looks again              EBUSY
 *                 private word, another process's;
 *                 or a sandbox refuses the call
 *   EINVAL        an owner has died without a mark, and  looks again              EBUSY
 *                 its heir is on the way
 *   ENOMEM        no memory to queue the caller          looks again              EBUSY
 *   ENOSYS        no such call                           looks again              EBUSY
 *
 * The same for all types: one that checks whether the caller owns it already has done so before. That
 * a mutex is locked for ever shows in nothing but the deadline, and POSIX has it so. What is passed on
 * from a dead owner is simply locked, if it is not robust.
 */
#include "owned.h"
#include "../self.h"

#include <errno.h>

/* In nanoseconds: a look costs two microseconds. */
enum { FIRST_NAP = 50 * 1000, LONGEST_NAP = 6400 * 1000 };

/* The word was got through the kernel: has that left the mark of a death in it? */
static int got(struct mutex *mutex, uint32_t kind)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    if (likely(!(word & WORD_OWNER_DIED)))
        return 0;
    while (!arch_cas_fetch(&mutex->word, &word, word & ~WORD_OWNER_DIED))
        ;
    return kind & MUTEX_ROBUST ? EOWNERDEAD : 0;
}

/* Nobody holds it, nor is queued for it: the kernel need not be asked. */
static bool take(struct mutex *mutex)
{
    return arch_cas(&mutex->word, 0, self_tid()) ||
           arch_cas(&mutex->word, WORD_OWNER_DIED, WORD_OWNER_DIED | self_tid());
}

/* Ask the kernel until it gives the word, or the deadline passes. */
static COLD int ask_until_given(struct mutex *mutex, enum scope scope,
                                const struct deadline *deadline)
{
    static const uint32_t nothing;
    int error;
    for (long pause = FIRST_NAP;; pause = pause < LONGEST_NAP ? 2 * pause : pause) {
        error = park_lock_pi(&mutex->word, deadline, scope);
        if (error == 0 || error == ETIMEDOUT)
            return error;
        error = nap(&nothing, 0, pause, deadline);
        if (error == ETIMEDOUT || error == EINVAL)
            return error;
        if (take(mutex))
            return 0;
    }
}

int inheriting_acquire(struct mutex *mutex, uint32_t kind, struct attempt how)
{
    if (likely(arch_cas(&mutex->word, 0, self_tid())))
        return 0;
    enum scope scope = kind_scope(kind);
    if (how.try) {
        bool died = arch_load_relaxed(&mutex->word) & WORD_OWNER_DIED;
        return died && park_trylock_pi(&mutex->word, scope) == 0 ? got(mutex, kind) : EBUSY;
    }
    int error = deadline_check(how.deadline);
    if (!error)
        error = ask_until_given(mutex, scope, how.deadline);
    return error ? error : got(mutex, kind);
}

void inheriting_release(struct mutex *mutex, enum scope scope)
{
    if (!arch_cas(&mutex->word, self_tid(), 0))
        park_unlock_pi(&mutex->word, scope);
}
