/*
 * A shared object whose constructor and destructor start threads and wait for them, while the
 * dynamic loader holds its lock: see loader.c. Nothing here may need the loader, so there are no
 * thread-local variables.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

enum { THREADS = 4 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once;
static pthread_key_t key;
static sem_t sem;
static int arrived, runs, destroyed, written;

/* What went wrong so far. */
static int errors;

/* How often work has been done: by the constructor, by plugin_work(). */
static int worked;

static void run_once(void)
{
    runs++;
}

static void destroy_value(void *value)
{
    pthread_mutex_lock(&mutex);
    destroyed += value == &key;
    pthread_mutex_unlock(&mutex);
}

static void *work_as_one(void *unused)
{
    int wrong = 0;
    (void)unused;
    wrong += pthread_once(&once, run_once) != 0 || runs != 1;
    wrong += pthread_getspecific(key) != NULL;
    wrong += pthread_setspecific(key, &key) != 0;
    wrong += pthread_getspecific(key) != &key;

    /* Everybody waits until everybody is here. */
    wrong += pthread_mutex_lock(&mutex) != 0;
    if (++arrived == THREADS)
        wrong += pthread_cond_broadcast(&cond) != 0;
    while (arrived < THREADS)
        wrong += pthread_cond_wait(&cond, &mutex) != 0;
    wrong += pthread_mutex_unlock(&mutex) != 0;

    wrong += pthread_rwlock_wrlock(&rwlock) != 0;
    written++;
    wrong += pthread_rwlock_unlock(&rwlock) != 0;
    wrong += pthread_rwlock_rdlock(&rwlock) != 0;
    wrong += pthread_rwlock_unlock(&rwlock) != 0;
    wrong += sem_post(&sem) != 0;

    pthread_mutex_lock(&mutex);
    errors += wrong;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void work(void)
{
    pthread_t thread[THREADS];
    static const pthread_once_t initial = PTHREAD_ONCE_INIT;
    once = initial;
    arrived = runs = destroyed = written = 0;
    errors += pthread_key_create(&key, destroy_value) != 0;
    errors += sem_init(&sem, 0, 0) != 0;
    for (int i = 0; i < THREADS; i++)
        errors += pthread_create(&thread[i], NULL, work_as_one, NULL) != 0;
    for (int i = 0; i < THREADS; i++)
        errors += sem_wait(&sem) != 0;
    for (int i = 0; i < THREADS; i++)
        errors += pthread_join(thread[i], NULL) != 0;
    errors += runs != 1 || destroyed != THREADS || written != THREADS;
    errors += sem_destroy(&sem) != 0;
    errors += pthread_key_delete(key) != 0;
    worked++;
}

static int *report;

__attribute__((constructor)) static void construct(void)
{
    work();
}

__attribute__((destructor)) static void destruct(void)
{
    work();
    if (report != NULL)
        *report = errors == 0 ? worked : -errors;
}

/* How often work was done by now, or the number of errors, negative. */
__attribute__((visibility("default"))) int plugin_work(void)
{
    work();
    return errors == 0 ? worked : -errors;
}

/* Where the destructor is to leave what plugin_work() would have returned. */
__attribute__((visibility("default"))) void plugin_report(int *where)
{
    report = where;
}
