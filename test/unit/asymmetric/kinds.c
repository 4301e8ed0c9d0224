/*
 * What the bias of a mutex is not to change: kinds nothing|destroy|shared. Exit status 0 if all is
 * well; how many calls of membarrier it takes is for the script to count.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* More than a thread has to lock a mutex in a row until it is biased to it. */
enum { LONG = 40000 };

struct room {
    pthread_mutex_t mutex;
    volatile long counter;
};

static pthread_mutex_t waits = PTHREAD_MUTEX_INITIALIZER;

static void must(int error, const char *what)
{
    if (error) {
        fprintf(stderr, "%s: %s\n", what, strerror(error));
        exit(1);
    }
}

static void *stay(void *unused)
{
    must(pthread_mutex_lock(&waits), "pthread_mutex_lock");
    return unused;
}

static void *lock_once(void *mutex)
{
    must(pthread_mutex_lock(mutex), "pthread_mutex_lock");
    must(pthread_mutex_unlock(mutex), "pthread_mutex_unlock");
    return NULL;
}

static void lock_elsewhere(pthread_mutex_t *mutex)
{
    pthread_t thread;
    must(pthread_create(&thread, NULL, lock_once, mutex), "pthread_create");
    must(pthread_join(thread, NULL), "pthread_join");
}

/* Free mutexes of one thread are destroyed; but one changes hands, which shows by a call. */
static void destroy(void)
{
    enum { TYPES = 3 };
    static const int types[TYPES + 1] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
                                         PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_NORMAL};
    pthread_mutex_t mutexes[TYPES + 1];
    for (int i = 0; i <= TYPES; i++) {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_settype(&attributes, types[i]);
        must(pthread_mutex_init(&mutexes[i], &attributes), "pthread_mutex_init");
        for (int n = 0; n < LONG; n++)
            lock_once(&mutexes[i]);
    }
    for (int i = 0; i < TYPES; i++)
        must(pthread_mutex_destroy(&mutexes[i]), "pthread_mutex_destroy");
    lock_elsewhere(&mutexes[TYPES]);
    must(pthread_mutex_destroy(&mutexes[TYPES]), "pthread_mutex_destroy");
}

static void count(struct room *room)
{
    struct timespec late;
    clock_gettime(CLOCK_REALTIME, &late);
    late.tv_sec += 60;
    for (int n = 0; n < LONG; n++) {
        must(pthread_mutex_timedlock(&room->mutex, &late), "pthread_mutex_timedlock");
        room->counter++;
        must(pthread_mutex_unlock(&room->mutex), "pthread_mutex_unlock");
    }
}

/* One that other processes may use belongs to no thread, however often that one has locked it. */
static void share(void)
{
    struct room *room =
        mmap(NULL, sizeof *room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    must(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    if (room == MAP_FAILED)
        exit(1);
    must(pthread_mutex_init(&room->mutex, &attributes), "pthread_mutex_init");
    count(room);
    lock_elsewhere(&room->mutex);
    pid_t child = fork();
    count(room);
    if (child == 0)
        _exit(0);
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        exit(1);
    if (room->counter != 3L * LONG) {
        fprintf(stderr, "%ld sections were not exclusive\n", 3L * LONG - room->counter);
        exit(1);
    }
    must(pthread_mutex_destroy(&room->mutex), "pthread_mutex_destroy");
}

int main(int argc, char **arguments)
{
    const char *what = argc > 1 ? arguments[1] : "";
    pthread_t thread;
    /* A process with one thread has other fast paths. */
    must(pthread_mutex_lock(&waits), "pthread_mutex_lock");
    must(pthread_create(&thread, NULL, stay, NULL), "pthread_create");
    if (strcmp(what, "destroy") == 0)
        destroy();
    if (strcmp(what, "shared") == 0)
        share();
    must(pthread_mutex_unlock(&waits), "pthread_mutex_unlock");
    must(pthread_join(thread, NULL), "pthread_join");
    return 0;
}
