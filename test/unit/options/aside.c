/*
 * Reads a lock that was released to another one that has claimed it, and that is free: who comes then
 * stands aside once, which is a sleep. Says whether the thread has slept. The bit is Furwock's.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* a nap may be over before the thread has fallen asleep */
enum { OFFERED = 0x100, TIMES = 20, LEAST = 10 };

int main(void)
{
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    const uint64_t offered = OFFERED;
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    for (int i = 0; i < TIMES; i++) {
        memcpy(&lock, &offered, sizeof offered);
        if (pthread_rwlock_rdlock(&lock) || pthread_rwlock_unlock(&lock))
            return 1;
    }
    getrusage(RUSAGE_THREAD, &after);
    puts(after.ru_nvcsw - before.ru_nvcsw >= LEAST ? "stood aside" : "went on");
    return 0;
}
