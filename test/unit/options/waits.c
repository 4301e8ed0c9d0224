/*
 * Waits for a semaphore until its time is over, and says whether the thread looked out for a permit
 * before it slept: what that was good for is noted in the object, beside the first word.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int main(void)
{
    sem_t sem, before;
    struct timespec end;
    memset(&sem, 0, sizeof sem);
    if (sem_init(&sem, 0, 0) || clock_gettime(CLOCK_REALTIME, &end))
        return 1;
    memcpy(&before, &sem, sizeof sem);
    end.tv_sec += end.tv_nsec >= 999000000;
    end.tv_nsec = (end.tv_nsec + 1000000) % 1000000000;
    if (!sem_timedwait(&sem, &end) || errno != ETIMEDOUT)
        return 1;
    size_t word = sizeof(int);
    int same = memcmp((char *)&sem + word, (char *)&before + word, sizeof sem - word) == 0;
    puts(same ? "slept at once" : "looked out first");
    return 0;
}
