/*
 * Cancellation points: waits on conds and on semaphores are, and nothing else is. A thread that is
 * cancelled there takes neither a permit nor a signal along, and holds the mutex again when its
 * cleanup handlers run; one that is not cancelled keeps its cancelability state and type.
 *
 * Assertions are kept out of threads to be cancelled: Check's own output is a cancellation point.
 */
#include "unit.h"
#include <threads.h>

/* Newer than some libcs: weak, so that what tests them runs where they exist. */
extern int sem_clockwait(sem_t *restrict, clockid_t, const struct timespec *restrict)
    __attribute__((weak));
extern int pthread_cond_clockwait(pthread_cond_t *restrict, pthread_mutex_t *restrict, clockid_t,
                                  const struct timespec *restrict) __attribute__((weak));
extern int pthread_mutex_clocklock(pthread_mutex_t *restrict, clockid_t,
                                   const struct timespec *restrict) __attribute__((weak));
extern int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict, clockid_t,
                                      const struct timespec *restrict) __attribute__((weak));
extern int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict, clockid_t,
                                      const struct timespec *restrict) __attribute__((weak));

/* The cancellation points, and the objects that they may wait on. */
enum point {
    COND_WAIT,
    COND_TIMEDWAIT,
    COND_CLOCKWAIT_REALTIME,
    COND_CLOCKWAIT_MONOTONIC,
    CND_WAIT,
    CND_TIMEDWAIT,
    SEM_WAIT,
    SEM_TIMEDWAIT,
    SEM_CLOCKWAIT_REALTIME,
    SEM_CLOCKWAIT_MONOTONIC
};
enum flavour { PRIVATE, SHARED, INHERIT, ROBUST };

static const struct scene {
    enum point point;
    enum flavour flavour;
} scenes[] = {
    {COND_WAIT, PRIVATE},
    {COND_TIMEDWAIT, PRIVATE},
    {COND_CLOCKWAIT_REALTIME, PRIVATE},
    {COND_CLOCKWAIT_MONOTONIC, PRIVATE},
    {COND_WAIT, SHARED},
    {COND_TIMEDWAIT, SHARED},
    {COND_CLOCKWAIT_REALTIME, SHARED},
    {COND_CLOCKWAIT_MONOTONIC, SHARED},
    {COND_WAIT, INHERIT},
    {COND_TIMEDWAIT, INHERIT},
    {COND_CLOCKWAIT_REALTIME, INHERIT},
    {COND_CLOCKWAIT_MONOTONIC, INHERIT},
    {COND_WAIT, ROBUST},
    {COND_TIMEDWAIT, ROBUST},
    {CND_WAIT, PRIVATE},
    {CND_TIMEDWAIT, PRIVATE},
    {SEM_WAIT, PRIVATE},
    {SEM_TIMEDWAIT, PRIVATE},
    {SEM_CLOCKWAIT_REALTIME, PRIVATE},
    {SEM_CLOCKWAIT_MONOTONIC, PRIVATE},
    {SEM_WAIT, SHARED},
    {SEM_TIMEDWAIT, SHARED},
    {SEM_CLOCKWAIT_REALTIME, SHARED},
    {SEM_CLOCKWAIT_MONOTONIC, SHARED},
};
enum { SCENES = sizeof scenes / sizeof scenes[0] };

/* What a scene waits on; `tickets` is the predicate of the cond, the value of the semaphore. */
struct stage {
    struct scene scene;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    mtx_t mtx;
    cnd_t cnd;
    sem_t sem;
    int tickets;
    /* How the waits are made: milliseconds to the deadline, state and type of cancelability. */
    long ms;
    int state, type;
    /* What the cleanup handler has seen. */
    atomic_int cleaned;
    int unlocked, state_then, type_then;
    /* What happened to a wait that returned. */
    atomic_int returned;
    int result;
};

static bool is_sem(enum point point)
{
    return point >= SEM_WAIT;
}

static bool is_c11(enum point point)
{
    return point == CND_WAIT || point == CND_TIMEDWAIT;
}

static bool is_timed(enum point point)
{
    return point != COND_WAIT && point != CND_WAIT && point != SEM_WAIT;
}

static bool exists(enum point point)
{
    if (point == COND_CLOCKWAIT_REALTIME || point == COND_CLOCKWAIT_MONOTONIC)
        return pthread_cond_clockwait != NULL;
    if (point == SEM_CLOCKWAIT_REALTIME || point == SEM_CLOCKWAIT_MONOTONIC)
        return sem_clockwait != NULL;
    return true;
}

static void set_stage(struct stage *stage, const struct scene *scene, int type)
{
    memset(stage, 0, sizeof *stage);
    stage->scene = *scene;
    stage->ms = 20000;
    stage->state = PTHREAD_CANCEL_ENABLE;
    stage->type = type;
    bool shared = scene->flavour == SHARED;
    ck_assert_int_eq(
        unit_mutex_init(&stage->mutex, PTHREAD_MUTEX_ERRORCHECK, shared, scene->flavour == ROBUST,
                        scene->flavour == INHERIT ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE),
        0);
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, shared), 0);
    ck_assert_int_eq(pthread_cond_init(&stage->cond, &attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
    ck_assert_int_eq(mtx_init(&stage->mtx, mtx_plain), thrd_success);
    ck_assert_int_eq(cnd_init(&stage->cnd), thrd_success);
    ck_assert_int_eq(sem_init(&stage->sem, shared, 0), 0);
}

static void strike_stage(struct stage *stage)
{
    ck_assert_int_eq(pthread_cond_destroy(&stage->cond), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&stage->mutex), 0);
    cnd_destroy(&stage->cnd);
    mtx_destroy(&stage->mtx);
    ck_assert_int_eq(sem_destroy(&stage->sem), 0);
}

static int lock(struct stage *stage)
{
    if (is_sem(stage->scene.point))
        return 0;
    return is_c11(stage->scene.point) ? mtx_lock(&stage->mtx) : pthread_mutex_lock(&stage->mutex);
}

/* An error unless the calling thread is the owner; C11 can only tell that somebody is. */
static int unlock(struct stage *stage)
{
    if (is_sem(stage->scene.point))
        return 0;
    if (!is_c11(stage->scene.point))
        return pthread_mutex_unlock(&stage->mutex);
    return mtx_trylock(&stage->mtx) == thrd_busy ? mtx_unlock(&stage->mtx) : EPERM;
}

/* One ticket more, for one waiter; of a cond, under its mutex. */
static int give(struct stage *stage)
{
    if (is_sem(stage->scene.point))
        return sem_post(&stage->sem);
    stage->tickets++;
    return is_c11(stage->scene.point) ? cnd_signal(&stage->cnd) : pthread_cond_signal(&stage->cond);
}

static int tickets(struct stage *stage)
{
    int value = stage->tickets;
    if (is_sem(stage->scene.point))
        ck_assert_int_eq(sem_getvalue(&stage->sem, &value), 0);
    return value;
}

/* One call of the scene's function: 0, or the POSIX error. */
static int wait_once(struct stage *stage)
{
    clockid_t clock = stage->scene.point == COND_CLOCKWAIT_MONOTONIC ||
                              stage->scene.point == SEM_CLOCKWAIT_MONOTONIC
                          ? CLOCK_MONOTONIC
                          : CLOCK_REALTIME;
    struct timespec deadline = unit_deadline(clock, stage->ms);
    int result;
    switch (stage->scene.point) {
    case COND_WAIT:
        return pthread_cond_wait(&stage->cond, &stage->mutex);
    case COND_TIMEDWAIT:
        return pthread_cond_timedwait(&stage->cond, &stage->mutex, &deadline);
    case COND_CLOCKWAIT_REALTIME:
    case COND_CLOCKWAIT_MONOTONIC:
        return pthread_cond_clockwait(&stage->cond, &stage->mutex, clock, &deadline);
    case CND_WAIT:
        return cnd_wait(&stage->cnd, &stage->mtx) == thrd_success ? 0 : EINVAL;
    case CND_TIMEDWAIT:
        result = cnd_timedwait(&stage->cnd, &stage->mtx, &deadline);
        return result == thrd_success ? 0 : result == thrd_timedout ? ETIMEDOUT : EINVAL;
    case SEM_WAIT:
        return sem_wait(&stage->sem) == 0 ? 0 : errno;
    case SEM_TIMEDWAIT:
        return sem_timedwait(&stage->sem, &deadline) == 0 ? 0 : errno;
    default:
        return sem_clockwait(&stage->sem, clock, &deadline) == 0 ? 0 : errno;
    }
}

/* Wait for a ticket and take it. */
static int take(struct stage *stage)
{
    if (is_sem(stage->scene.point))
        return wait_once(stage);
    int error = 0;
    while (error == 0 && stage->tickets == 0)
        error = wait_once(stage);
    if (error == 0)
        stage->tickets--;
    return error;
}

static void clean_up(void *arg)
{
    struct stage *stage = arg;
    atomic_fetch_add(&stage->cleaned, 1);
    stage->unlocked = unlock(stage);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &stage->state_then);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &stage->type_then);
}

/* The part of a thread that waits, with the cancelability that the stage says. */
static int act(void *arg)
{
    struct stage *stage = arg;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    lock(stage);
    pthread_cleanup_push(clean_up, stage);
    pthread_setcanceltype(stage->type, NULL);
    pthread_setcancelstate(stage->state, NULL);
    stage->result = take(stage);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    atomic_fetch_add(&stage->returned, 1);
    unlock(stage);
    pthread_cleanup_pop(0);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    return stage->result;
}

static void expect_cancelled(pthread_t thread)
{
    void *result;
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}

/*
 * It was cancelled inside: the handlers ran once, owning the mutex, and the type was deferred, XSH
 * 2.9.5.2. libc defect: glibc leaves it.
 */
static void expect_cancelled_inside(struct stage *stage, pthread_t thread)
{
    expect_cancelled(thread);
    ck_assert_int_eq(atomic_load(&stage->returned), 0);
    ck_assert_int_eq(atomic_load(&stage->cleaned), 1);
    ck_assert_int_eq(stage->unlocked, 0);
    if (unit_on_furwock())
        ck_assert_int_eq(stage->type_then, PTHREAD_CANCEL_DEFERRED);
}

/* A later waiter is served as if nothing had happened. */
static void expect_in_order(struct stage *stage)
{
    struct unit_call call;
    atomic_store(&stage->returned, 0);
    unit_start(&call, act, stage);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(lock(stage), 0);
    ck_assert_int_eq(give(stage), 0);
    ck_assert_int_eq(unlock(stage), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_int_eq(atomic_load(&stage->returned), 1);
    ck_assert_int_eq(stage->result, 0);
    ck_assert_int_eq(tickets(stage), 0);
}

/* Like act(), but the request is pending when the function is called. */
static int act_with_request_pending(void *arg)
{
    struct stage *stage = arg;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(pthread_self());
    lock(stage);
    pthread_cleanup_push(clean_up, stage);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    stage->result = wait_once(stage);
    atomic_fetch_add(&stage->returned, 1);
    pthread_cleanup_pop(0);
    return stage->result;
}

START_TEST(a_request_pending_before_the_call_is_acted_on)
{
    const struct scene *scene = &scenes[_i];
    if (!exists(scene->point))
        unit_skip("no such function");
    struct unit_call call;
    struct stage stage;
    /* libc defect: glibc's sem_clockwait() looks for a request only when it is about to block. */
    bool blocking_only = !unit_on_furwock() && (scene->point == SEM_CLOCKWAIT_REALTIME ||
                                                scene->point == SEM_CLOCKWAIT_MONOTONIC);
    /* Whether it would have blocked, timed out, or taken a permit. */
    for (int permits = 0; permits < (is_sem(scene->point) && !blocking_only ? 2 : 1); permits++)
        for (long ms = 20000; ms >= (is_timed(scene->point) && !blocking_only ? -10 : 20000);
             ms -= 20010) {
            set_stage(&stage, scene, PTHREAD_CANCEL_DEFERRED);
            stage.ms = ms;
            for (int i = 0; i < permits; i++)
                ck_assert_int_eq(give(&stage), 0);
            unit_start(&call, act_with_request_pending, &stage);
            expect_cancelled_inside(&stage, call.thread);
            ck_assert_int_eq(tickets(&stage), permits);
            strike_stage(&stage);
        }
}
END_TEST

static void cancel_the_blocked(const struct scene *scene, int type)
{
    if (!exists(scene->point))
        unit_skip("no such function");
    struct stage stage;
    /* With the mutex free, and with the mutex held until after the request. */
    for (int held = 0; held < (is_sem(scene->point) ? 1 : 2); held++) {
        set_stage(&stage, scene, type);
        struct unit_call call;
        unit_start(&call, act, &stage);
        unit_wait_until_blocked(&call);
        if (held) {
            ck_assert_int_eq(lock(&stage), 0);
            ck_assert_int_eq(pthread_cancel(call.thread), 0);
            unit_wait_until_asleep(getpid(), atomic_load(&call.tid));
            ck_assert_int_eq(atomic_load(&stage.cleaned), 0);
            ck_assert_int_eq(unlock(&stage), 0);
        } else {
            ck_assert_int_eq(pthread_cancel(call.thread), 0);
        }
        expect_cancelled_inside(&stage, call.thread);
        ck_assert_int_eq(tickets(&stage), 0);
        expect_in_order(&stage);
        strike_stage(&stage);
    }
}

START_TEST(a_blocked_thread_is_cancelled)
{
    cancel_the_blocked(&scenes[_i], PTHREAD_CANCEL_DEFERRED);
}
END_TEST

START_TEST(a_blocked_thread_of_asynchronous_type_is_cancelled)
{
    /* POSIX lets next to nothing be called in this state; glibc and Furwock allow for the waits. */
#ifndef __GLIBC__
    if (!unit_on_furwock())
        unit_skip("libc does not own the mutex in the handlers");
#endif
    cancel_the_blocked(&scenes[_i], PTHREAD_CANCEL_ASYNCHRONOUS);
}
END_TEST

START_TEST(a_thread_with_cancellation_disabled_waits_on)
{
    const struct scene *scene = &scenes[_i];
    if (!exists(scene->point))
        unit_skip("no such function");
#ifndef __GLIBC__
    /* libc defect: musl sends its signal even so, after which the kernel resumes no timed wait. */
    if (is_sem(scene->point) && is_timed(scene->point) && !unit_on_furwock_threads())
        unit_skip("libc's signal ends the wait with EINTR");
#endif
    for (int type = 0; type < 2; type++) {
        struct stage stage;
        set_stage(&stage, scene, type ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED);
        stage.state = PTHREAD_CANCEL_DISABLE;
        struct unit_call call;
        unit_start(&call, act, &stage);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(pthread_cancel(call.thread), 0);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(lock(&stage), 0);
        ck_assert_int_eq(give(&stage), 0);
        ck_assert_int_eq(unlock(&stage), 0);
        /* It has its ticket, and is cancelled afterwards. */
        expect_cancelled(call.thread);
        ck_assert_int_eq(atomic_load(&stage.returned), 1);
        ck_assert_int_eq(stage.result, 0);
        ck_assert_int_eq(atomic_load(&stage.cleaned), 0);
        ck_assert_int_eq(tickets(&stage), 0);
        strike_stage(&stage);
    }
}
END_TEST

/* A wait that returns normally; 0 if state and type are what they were. */
static int act_and_compare(void *arg)
{
    struct stage *stage = arg;
    int state = -1, type = -1;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    lock(stage);
    pthread_setcanceltype(stage->type, NULL);
    pthread_setcancelstate(stage->state, NULL);
    stage->result = take(stage);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
    unlock(stage);
    return state == stage->state && type == stage->type ? 0 : -1;
}

START_TEST(state_and_type_are_the_same_after_the_wait)
{
    const struct scene *scene = &scenes[_i];
    if (!exists(scene->point))
        unit_skip("no such function");
    for (int i = 0; i < 4; i++) {
        int type = i & 1 ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED;
        struct stage stage;
        set_stage(&stage, scene, type);
        stage.state = i & 2 ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE;

        /* Served at once, having slept, timed out at once, and having slept. */
        ck_assert_int_eq(lock(&stage), 0);
        ck_assert_int_eq(give(&stage), 0);
        ck_assert_int_eq(unlock(&stage), 0);
        ck_assert_int_eq(unit_elsewhere(act_and_compare, &stage), 0);
        ck_assert_int_eq(stage.result, 0);

        struct unit_call call;
        unit_start(&call, act_and_compare, &stage);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(lock(&stage), 0);
        ck_assert_int_eq(give(&stage), 0);
        ck_assert_int_eq(unlock(&stage), 0);
        ck_assert_int_eq(unit_finish(&call), 0);
        ck_assert_int_eq(stage.result, 0);

        for (stage.ms = -10; is_timed(scene->point) && stage.ms <= 5; stage.ms += 15) {
            ck_assert_int_eq(unit_elsewhere(act_and_compare, &stage), 0);
            ck_assert_int_eq(stage.result, ETIMEDOUT);
        }
        strike_stage(&stage);
    }
}
END_TEST

START_TEST(a_cancelled_waiter_consumes_no_signal)
{
    enum { ROUNDS = 60 };
    const struct scene *scene = &scenes[_i];
    /* sem.c has this for semaphores. */
    if (is_sem(scene->point) || !exists(scene->point))
        return;
    for (int round = 0; round < ROUNDS; round++) {
        struct stage stage;
        set_stage(&stage, scene, PTHREAD_CANCEL_DEFERRED);
        struct unit_call victim, other;
        unit_start(&victim, act, &stage);
        unit_wait_until_blocked(&victim);
        unit_start(&other, act, &stage);
        unit_wait_until_blocked(&other);
        ck_assert_int_eq(lock(&stage), 0);
        if (round % 2 == 0)
            ck_assert_int_eq(pthread_cancel(victim.thread), 0);
        give(&stage);
        if (round % 4 == 1)
            ck_assert_int_eq(pthread_cancel(victim.thread), 0);
        ck_assert_int_eq(unlock(&stage), 0);
        if (round % 4 == 3)
            ck_assert_int_eq(pthread_cancel(victim.thread), 0);

        /* It was cancelled in the wait, or it was served first. */
        ck_assert_int_eq(pthread_join(victim.thread, NULL), 0);
        if (atomic_load(&stage.cleaned) == 0) {
            ck_assert_int_eq(lock(&stage), 0);
            ck_assert_int_eq(give(&stage), 0);
            ck_assert_int_eq(unlock(&stage), 0);
        } else {
            ck_assert_int_eq(stage.unlocked, 0);
        }
        ck_assert_int_eq(unit_finish(&other), 0);
        ck_assert_int_eq(tickets(&stage), 0);
        strike_stage(&stage);
    }
}
END_TEST

/* Wait again and again, briefly, with a handler for whatever moment the request comes at. */
static int act_again_and_again(void *arg)
{
    struct stage *stage = arg;
    for (;;) {
        lock(stage);
        pthread_cleanup_push(clean_up, stage);
        stage->ms = 1;
        wait_once(stage);
        pthread_cleanup_pop(0);
        unlock(stage);
        atomic_fetch_add(&stage->returned, 1);
    }
    return 0;
}

START_TEST(a_request_at_any_moment_finds_the_mutex_owned)
{
    enum { ROUNDS = 60 };
    const struct scene *scene = &scenes[_i];
    if (is_sem(scene->point) || !is_timed(scene->point) || !exists(scene->point))
        return;
    struct stage stage;
    set_stage(&stage, scene, PTHREAD_CANCEL_DEFERRED);
    for (int round = 0; round < ROUNDS; round++) {
        struct unit_call call;
        atomic_store(&stage.returned, 0);
        atomic_store(&stage.cleaned, 0);
        unit_start(&call, act_again_and_again, &stage);
        unit_wait_for(&stage.returned, 1);
        /* Some part of a millisecond, which is the length of a wait. */
        struct timespec now, until = unit_deadline(CLOCK_MONOTONIC, 0);
        until.tv_nsec += round * 31 % 100 * 11000;
        do
            clock_gettime(CLOCK_MONOTONIC, &now);
        while ((now.tv_sec - until.tv_sec) * 1000000000L + now.tv_nsec < until.tv_nsec);
        ck_assert_int_eq(pthread_cancel(call.thread), 0);
        expect_cancelled(call.thread);
        ck_assert_int_eq(atomic_load(&stage.cleaned), 1);
        ck_assert_int_eq(stage.unlocked, 0);
        ck_assert_int_eq(lock(&stage), 0);
        ck_assert_int_eq(unlock(&stage), 0);
    }
    strike_stage(&stage);
}
END_TEST

/* Everything that must not be a cancellation point, in turn, with a request pending. */
static atomic_int passed;
static pthread_key_t key;

static int pass_all(void *unused)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    pthread_mutex_t inherit, robust;
    pthread_barrier_t barrier;
    pthread_spinlock_t spin;
    sem_t sem;
    mtx_t mtx;
    cnd_t cnd;
    struct timespec deadline = unit_deadline(CLOCK_REALTIME, 20000);
    (void)unused;
    if (unit_mutex_init(&inherit, PTHREAD_MUTEX_RECURSIVE, 0, 0, PTHREAD_PRIO_INHERIT) != 0 ||
        unit_mutex_init(&robust, PTHREAD_MUTEX_ERRORCHECK, 0, 1, PTHREAD_PRIO_NONE) != 0)
        return -1;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(pthread_self());
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    int errors = 0;
    pthread_mutex_t *mutexes[] = {&mutex, &inherit, &robust};
    for (int i = 0; i < 3; i++) {
        errors += pthread_mutex_lock(mutexes[i]) != 0;
        errors += pthread_mutex_unlock(mutexes[i]) != 0;
        errors += pthread_mutex_trylock(mutexes[i]) != 0;
        errors += pthread_mutex_unlock(mutexes[i]) != 0;
        errors += pthread_mutex_timedlock(mutexes[i], &deadline) != 0;
        errors += pthread_mutex_unlock(mutexes[i]) != 0;
    }
    errors += pthread_rwlock_rdlock(&rwlock) != 0;
    errors += pthread_rwlock_unlock(&rwlock) != 0;
    errors += pthread_rwlock_wrlock(&rwlock) != 0;
    errors += pthread_rwlock_unlock(&rwlock) != 0;
    errors += pthread_rwlock_tryrdlock(&rwlock) != 0;
    errors += pthread_rwlock_unlock(&rwlock) != 0;
    errors += pthread_rwlock_trywrlock(&rwlock) != 0;
    errors += pthread_rwlock_unlock(&rwlock) != 0;
    errors += pthread_rwlock_timedrdlock(&rwlock, &deadline) != 0;
    errors += pthread_rwlock_unlock(&rwlock) != 0;
    errors += pthread_rwlock_timedwrlock(&rwlock, &deadline) != 0;
    errors += pthread_rwlock_unlock(&rwlock) != 0;
    errors += pthread_cond_signal(&cond) != 0;
    errors += pthread_cond_broadcast(&cond) != 0;
    errors += pthread_barrier_init(&barrier, NULL, 1) != 0;
    errors += pthread_barrier_wait(&barrier) != PTHREAD_BARRIER_SERIAL_THREAD;
    errors += pthread_barrier_destroy(&barrier) != 0;
    errors += pthread_spin_init(&spin, 0) != 0;
    errors += pthread_spin_lock(&spin) != 0;
    errors += pthread_spin_unlock(&spin) != 0;
    errors += pthread_spin_trylock(&spin) != 0;
    errors += pthread_spin_unlock(&spin) != 0;
    errors += pthread_spin_destroy(&spin) != 0;
    errors += sem_init(&sem, 0, 1) != 0;
    errors += sem_post(&sem) != 0;
    errors += sem_trywait(&sem) != 0;
    errors += sem_destroy(&sem) != 0;
    errors += pthread_setspecific(key, &sem) != 0;
    errors += pthread_getspecific(key) != &sem;
    errors += pthread_setspecific(key, NULL) != 0;
    errors += mtx_init(&mtx, mtx_timed) != thrd_success;
    errors += mtx_lock(&mtx) != thrd_success;
    errors += mtx_unlock(&mtx) != thrd_success;
    errors += mtx_timedlock(&mtx, &deadline) != thrd_success;
    errors += mtx_unlock(&mtx) != thrd_success;
    errors += cnd_init(&cnd) != thrd_success;
    errors += cnd_signal(&cnd) != thrd_success;
    errors += cnd_broadcast(&cnd) != thrd_success;
    cnd_destroy(&cnd);
    mtx_destroy(&mtx);
    atomic_store(&passed, errors == 0 ? 1 : -errors);
    pthread_testcancel();
    return 0;
}

START_TEST(other_functions_are_no_cancellation_points)
{
    ck_assert_int_eq(pthread_key_create(&key, NULL), 0);
    struct unit_call call;
    unit_start(&call, pass_all, NULL);
    expect_cancelled(call.thread);
    ck_assert_int_eq(atomic_load(&passed), 1);
}
END_TEST

/* The functions that block and are no cancellation points. */
enum blocker {
    MUTEX_LOCK,
    MUTEX_TIMEDLOCK,
    MUTEX_CLOCKLOCK,
    INHERIT_LOCK,
    INHERIT_TIMEDLOCK,
    ROBUST_LOCK,
    SHARED_LOCK,
    RDLOCK,
    TIMEDRDLOCK,
    CLOCKRDLOCK,
    WRLOCK,
    TIMEDWRLOCK,
    CLOCKWRLOCK,
    BARRIER_WAIT,
    MTX_LOCK,
    MTX_TIMEDLOCK,
    BLOCKERS
};

static struct {
    enum blocker blocker;
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
    pthread_barrier_t barrier;
    mtx_t mtx;
    atomic_int returned;
} obstacle;

/* Block, and be cancelled only after that. */
static int run_into_obstacle(void *unused)
{
    struct timespec deadline = unit_deadline(CLOCK_REALTIME, 20000);
    struct timespec monotonic = unit_deadline(CLOCK_MONOTONIC, 20000);
    int error;
    (void)unused;
    switch (obstacle.blocker) {
    case MUTEX_TIMEDLOCK:
    case INHERIT_TIMEDLOCK:
        error = pthread_mutex_timedlock(&obstacle.mutex, &deadline);
        break;
    case MUTEX_CLOCKLOCK:
        error = pthread_mutex_clocklock(&obstacle.mutex, CLOCK_MONOTONIC, &monotonic);
        break;
    case RDLOCK:
        error = pthread_rwlock_rdlock(&obstacle.rwlock);
        break;
    case TIMEDRDLOCK:
        error = pthread_rwlock_timedrdlock(&obstacle.rwlock, &deadline);
        break;
    case CLOCKRDLOCK:
        error = pthread_rwlock_clockrdlock(&obstacle.rwlock, CLOCK_MONOTONIC, &monotonic);
        break;
    case WRLOCK:
        error = pthread_rwlock_wrlock(&obstacle.rwlock);
        break;
    case TIMEDWRLOCK:
        error = pthread_rwlock_timedwrlock(&obstacle.rwlock, &deadline);
        break;
    case CLOCKWRLOCK:
        error = pthread_rwlock_clockwrlock(&obstacle.rwlock, CLOCK_MONOTONIC, &monotonic);
        break;
    case BARRIER_WAIT:
        error = pthread_barrier_wait(&obstacle.barrier);
        error = error == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : error;
        break;
    case MTX_LOCK:
        error = mtx_lock(&obstacle.mtx);
        break;
    case MTX_TIMEDLOCK:
        error = mtx_timedlock(&obstacle.mtx, &deadline);
        break;
    default:
        error = pthread_mutex_lock(&obstacle.mutex);
    }
    atomic_store(&obstacle.returned, error == 0 ? 1 : 2);
    /* What has been locked is left locked: the objects of this test end here. */
    pthread_testcancel();
    return error;
}

START_TEST(a_thread_blocked_elsewhere_is_cancelled_only_afterwards)
{
    obstacle.blocker = (enum blocker)_i;
    if ((_i == MUTEX_CLOCKLOCK && pthread_mutex_clocklock == NULL) ||
        (_i == CLOCKRDLOCK && pthread_rwlock_clockrdlock == NULL) ||
        (_i == CLOCKWRLOCK && pthread_rwlock_clockwrlock == NULL))
        unit_skip("no such function");
    bool inherit = _i == INHERIT_LOCK || _i == INHERIT_TIMEDLOCK;
    ck_assert_int_eq(unit_mutex_init(&obstacle.mutex, PTHREAD_MUTEX_NORMAL, _i == SHARED_LOCK,
                                     _i == ROBUST_LOCK,
                                     inherit ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE),
                     0);
    ck_assert_int_eq(pthread_rwlock_init(&obstacle.rwlock, NULL), 0);
    ck_assert_int_eq(pthread_barrier_init(&obstacle.barrier, NULL, 2), 0);
    ck_assert_int_eq(mtx_init(&obstacle.mtx, mtx_timed), thrd_success);
    ck_assert_int_eq(pthread_mutex_lock(&obstacle.mutex), 0);
    ck_assert_int_eq(pthread_rwlock_wrlock(&obstacle.rwlock), 0);
    ck_assert_int_eq(mtx_lock(&obstacle.mtx), thrd_success);

    struct unit_call call;
    unit_start(&call, run_into_obstacle, NULL);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(atomic_load(&obstacle.returned), 0);
    if (_i == BARRIER_WAIT) {
        int got = pthread_barrier_wait(&obstacle.barrier);
        ck_assert(got == 0 || got == PTHREAD_BARRIER_SERIAL_THREAD);
    }
    ck_assert_int_eq(pthread_mutex_unlock(&obstacle.mutex), 0);
    ck_assert_int_eq(pthread_rwlock_unlock(&obstacle.rwlock), 0);
    ck_assert_int_eq(mtx_unlock(&obstacle.mtx), thrd_success);
    expect_cancelled(call.thread);
    ck_assert_int_eq(atomic_load(&obstacle.returned), 1);
}
END_TEST

static Suite *cancel_suite(void)
{
    Suite *suite = suite_create("cancel");
    TCase *tcase = tcase_create("cancel");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_request_pending_before_the_call_is_acted_on, 0, SCENES);
    tcase_add_loop_test(tcase, a_blocked_thread_is_cancelled, 0, SCENES);
    tcase_add_loop_test(tcase, a_blocked_thread_of_asynchronous_type_is_cancelled, 0, SCENES);
    tcase_add_loop_test(tcase, a_thread_with_cancellation_disabled_waits_on, 0, SCENES);
    tcase_add_loop_test(tcase, state_and_type_are_the_same_after_the_wait, 0, SCENES);
    tcase_add_loop_test(tcase, a_cancelled_waiter_consumes_no_signal, 0, SCENES);
    tcase_add_loop_test(tcase, a_request_at_any_moment_finds_the_mutex_owned, 0, SCENES);
    tcase_add_test(tcase, other_functions_are_no_cancellation_points);
    tcase_add_loop_test(tcase, a_thread_blocked_elsewhere_is_cancelled_only_afterwards, 0,
                        BLOCKERS);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(cancel_suite)
