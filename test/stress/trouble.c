/*
 * What befalls a round's threads besides: policies that leave some of them without a processor for
 * long, children that the process forks in the middle, and handlers that a timer runs.
 */
#include "stress.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

/*
 * Policies. At most one worker in four is real-time, and each of them sleeps now and then: more would
 * leave the others no processor at all, and what they hold would be held for ever.
 */

struct deadline_policy {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};
enum { POLICY_DEADLINE = 6, MILLISECOND = 1000000 };

static void become_deadline(void)
{
#ifdef SYS_sched_setattr
    struct deadline_policy policy = {.size = sizeof policy,
                                     .policy = POLICY_DEADLINE,
                                     .runtime = 2 * MILLISECOND,
                                     .deadline = 20 * MILLISECOND,
                                     .period = 20 * MILLISECOND};
    syscall(SYS_sched_setattr, 0, &policy, 0);
#endif
}

/* What the system refuses is left as it is. */
void take_policy(struct worker *self)
{
    struct sched_param none = {.sched_priority = 0};
    self->rests = 0;
    if (!now->mixed)
        return;
    switch (self->index % 8) {
    case 0:
    case 4:
        if (self->index % 16 == 0) {
            struct sched_param real_time = {.sched_priority = 1 + (int)(self->index % 7)};
            pthread_setschedparam(pthread_self(), SCHED_FIFO, &real_time);
        } else {
            become_deadline();
        }
        self->rests = 64;
        break;
    case 1:
        pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
        break;
    case 2:
        pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
        break;
    case 3:
    case 5:
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
        break;
    }
}

/* Children. */

struct pair {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_barrier_t barrier;
    sem_t sem;
    int turn;
};

static void play(struct pair *pair, int me)
{
    for (int i = 0; i < 20; i++) {
        RETURNS(pthread_mutex_lock(&pair->mutex), 0);
        while (pair->turn != me)
            RETURNS(pthread_cond_wait(&pair->cond, &pair->mutex), 0);
        pair->turn = !me;
        RETURNS(i % 2 ? pthread_cond_signal(&pair->cond) : pthread_cond_broadcast(&pair->cond), 0);
        RETURNS(pthread_mutex_unlock(&pair->mutex), 0);
        pthread_barrier_wait(&pair->barrier);
    }
    if (me == 0)
        RETURNS(sem_post(&pair->sem), 0);
    else
        while (sem_wait(&pair->sem) != 0)
            ;
}

static void *partner(void *pair)
{
    play(pair, 1);
    return NULL;
}

/* A child has one thread, and what the library kept for the others' must not matter to its own. */
static _Noreturn void be_a_child(void)
{
    static struct pair pair;
    pthread_t thread;
    RETURNS(pthread_mutex_init(&pair.mutex, NULL), 0);
    RETURNS(pthread_cond_init(&pair.cond, NULL), 0);
    RETURNS(pthread_barrier_init(&pair.barrier, NULL, 2), 0);
    CHECK(sem_init(&pair.sem, 0, 0) == 0);
    RETURNS(pthread_create(&thread, NULL, partner, &pair), 0);
    play(&pair, 0);
    RETURNS(pthread_join(thread, NULL), 0);
    RETURNS(pthread_barrier_destroy(&pair.barrier), 0);
    RETURNS(pthread_cond_destroy(&pair.cond), 0);
    RETURNS(pthread_mutex_destroy(&pair.mutex), 0);
    _exit(0);
}

static pid_t child;

void have_a_child(void)
{
    if (!now->forks || child != 0)
        return;
    child = fork();
    if (child == 0) {
        struct itimerval none = {0};
        setitimer(ITIMER_REAL, &none, NULL);
        alarm(20);
        be_a_child();
    }
    CHECK(child > 0);
}

void see_to_the_child(bool wait)
{
    int status;
    pid_t gone;
    if (child == 0)
        return;
    while ((gone = waitpid(child, &status, wait ? 0 : WNOHANG)) < 0 && errno == EINTR)
        ;
    if (gone == 0)
        return;
    CHECK(gone == child);
    if (status != 0)
        fail("a child ended with status 0x%x", (unsigned)status);
    child = 0;
}

/* A timer's handler does what a handler may: it posts. */

static sem_t rung;

static void ring(int signal)
{
    int saved = errno;
    (void)signal;
    if (sem_trywait(&rung) != 0)
        sem_post(&rung);
    errno = saved;
}

void set_timer(bool on)
{
    if (!now->timer)
        return;
    struct itimerval time = {{0, on ? 300 : 0}, {0, on ? 300 : 0}};
    struct sigaction action = {.sa_handler = ring, .sa_flags = now->restart ? SA_RESTART : 0};
    if (on)
        CHECK(sem_init(&rung, 0, 0) == 0);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &time, NULL);
}
