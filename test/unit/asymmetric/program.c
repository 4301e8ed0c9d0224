/*
 * Locks that one thread has used long enough to have them its way, and then others use: program
 * [start|middle], membarrier refused from then on. Exit status 0 if exclusion held, and every thread
 * may still run where it might before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOCKS = 8, LONG = 3000000, SHORT = 20000, THREADS = 3 };

static pthread_mutex_t mutexes[LOCKS];
static pthread_rwlock_t rwlocks[LOCKS];
static long counters[LOCKS];
static volatile long pairs[LOCKS][2];
static pthread_barrier_t both;

static void must(int error, const char *what)
{
    if (error) {
        fprintf(stderr, "%s: %s\n", what, strerror(error));
        exit(1);
    }
}

static void refuse_membarrier(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
        must(errno, "seccomp");
}

static void use(int i)
{
    must(pthread_mutex_lock(&mutexes[i]), "pthread_mutex_lock");
    counters[i]++;
    must(pthread_mutex_unlock(&mutexes[i]), "pthread_mutex_unlock");
}

static void look(int i)
{
    must(pthread_rwlock_rdlock(&rwlocks[i]), "pthread_rwlock_rdlock");
    if (pairs[i][0] != pairs[i][1]) {
        fprintf(stderr, "a reader and a writer at once\n");
        exit(1);
    }
    must(pthread_rwlock_unlock(&rwlocks[i]), "pthread_rwlock_unlock");
}

static void change(int i)
{
    must(pthread_rwlock_wrlock(&rwlocks[i]), "pthread_rwlock_wrlock");
    pairs[i][0]++;
    pairs[i][1]++;
    must(pthread_rwlock_unlock(&rwlocks[i]), "pthread_rwlock_unlock");
}

/* What a revocation does to the thread that makes it is over when it returns. */
static void remain_where(const cpu_set_t *allowed)
{
    cpu_set_t now;
    CPU_ZERO(&now);
    must(sched_getaffinity(0, sizeof now, &now) ? errno : 0, "sched_getaffinity");
    if (!CPU_EQUAL(&now, allowed)) {
        fprintf(stderr, "a thread is kept from its processors\n");
        exit(1);
    }
}

static void *come_later(void *unused)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    must(sched_getaffinity(0, sizeof allowed, &allowed) ? errno : 0, "sched_getaffinity");
    pthread_barrier_wait(&both);
    for (int n = 0; n < SHORT; n++) {
        use(n % LOCKS);
        if (n % 64 == 0)
            change(n / 64 % LOCKS);
        else
            look(n % LOCKS);
    }
    remain_where(&allowed);
    return unused;
}

/* Mutexes that one thread has long used, after that for another one must be taken from it. */
static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;

static void use_both(void)
{
    must(pthread_mutex_lock(&first), "pthread_mutex_lock");
    must(pthread_mutex_unlock(&first), "pthread_mutex_unlock");
    must(pthread_mutex_lock(&second), "pthread_mutex_lock");
    must(pthread_mutex_unlock(&second), "pthread_mutex_unlock");
}

static void *take_first(void *unused)
{
    must(pthread_mutex_lock(&first), "pthread_mutex_lock");
    must(pthread_mutex_unlock(&first), "pthread_mutex_unlock");
    return unused;
}

static void *try_second(void *unused)
{
    must(pthread_mutex_trylock(&second), "pthread_mutex_trylock of a free mutex");
    must(pthread_mutex_unlock(&second), "pthread_mutex_unlock");
    return unused;
}

static void elsewhere(void *(*routine)(void *))
{
    pthread_t thread;
    must(pthread_create(&thread, NULL, routine, NULL), "pthread_create");
    must(pthread_join(thread, NULL), "pthread_join");
}

int main(int count, char **arguments)
{
    const char *when = count > 1 ? arguments[1] : "";
    pthread_t threads[THREADS];
    if (strcmp(when, "start") == 0)
        refuse_membarrier();
    for (int i = 0; i < LOCKS; i++) {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_settype(&attributes, i % 3);
        must(pthread_mutex_init(&mutexes[i], &attributes), "pthread_mutex_init");
        must(pthread_rwlock_init(&rwlocks[i], NULL), "pthread_rwlock_init");
    }
    pthread_barrier_init(&both, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, come_later, NULL), "pthread_create");
    for (int n = 0; n < LONG; n++) {
        use(n % LOCKS);
        look(n % LOCKS);
        if (n % LOCKS == 0)
            use_both();
    }
    if (strcmp(when, "middle") == 0)
        refuse_membarrier();
    elsewhere(take_first);
    try_second(NULL);
    elsewhere(try_second);
    try_second(NULL);
    pthread_barrier_wait(&both);
    for (int n = 0; n < SHORT; n++) {
        use(n % LOCKS);
        look(n % LOCKS);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    long sum = 0;
    for (int i = 0; i < LOCKS; i++)
        sum += counters[i];
    if (sum != LONG + (THREADS + 1L) * SHORT) {
        fprintf(stderr, "%ld sections were not exclusive\n", LONG + (THREADS + 1L) * SHORT - sum);
        return 1;
    }
    return 0;
}
