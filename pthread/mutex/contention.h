/* What a thread does before it sleeps for a mutex: the same for words of either format. */
#ifndef FURWOCK_MUTEX_CONTENTION_H
#define FURWOCK_MUTEX_CONTENTION_H

#include "../hints.h"
#include "../layout.h"

/* Five microseconds: another thread fills or empties a queue. */
enum { BRIEFLY = 5 * 1000 };

/* Are condition variables used with it? */
static inline bool has_conditions(const struct mutex *mutex)
{
    return hints_used(&mutex->hints);
}

/* Watch the word until nobody holds it. False if that is not to be, or took too long. */
bool spin_for_word(struct mutex *mutex);

#endif
