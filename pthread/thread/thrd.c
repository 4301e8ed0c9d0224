/* The threads of <threads.h>: ISO C11 7.26.5. */
#include "thread.h"

#include <errno.h>
#include <threads.h>

PUBLIC int thrd_create(thrd_t *thread, thrd_start_t routine, void *argument)
{
    switch (thread_create(thread, NULL, (void *)routine, true, argument)) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

PUBLIC _Noreturn void thrd_exit(int status)
{
    pthread_exit((void *)(intptr_t)status);
}

PUBLIC int thrd_join(thrd_t thread, int *status)
{
    void *result;
    if (pthread_join(thread, &result) != 0)
        return thrd_error;
    if (status)
        *status = (int)(intptr_t)result;
    return thrd_success;
}

PUBLIC int thrd_detach(thrd_t thread)
{
    return pthread_detach(thread) == 0 ? thrd_success : thrd_error;
}

PUBLIC thrd_t thrd_current(void)
{
    return pthread_self();
}

#undef thrd_equal
PUBLIC int thrd_equal(thrd_t a, thrd_t b)
{
    return a == b;
}
