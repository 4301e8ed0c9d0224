/*
 * Small programs whose counts can be told beforehand, line by line. Threads go in turn, so no dice are
 * in it. If one of these has another count, the counter is wrong, or the library has changed.
 */
#include "../scenarios/scenarios.h"
#include "simple.h"
#include "transfers.h"

enum { WARM = 40, ROUNDS = 10 };

#define ALONE __attribute__((aligned(64)))

/* Each thread once in a round, one after the other; the last rounds count. */
static void in_turn(void (*operation)(void))
{
    unsigned last = (WARM + ROUNDS) * machine_threads() - 1;
    for (int round = 0; round < WARM + ROUNDS; round++) {
        unsigned mine = round * machine_threads() + model_thread();
        turn_await(mine);
        if (mine == (unsigned)WARM * machine_threads())
            count_begin();
        operation();
        if (mine == last)
            count_end();
        turn_pass();
    }
}

/* The rules themselves: a step each, with what it counts. */

static struct {
    uint32_t x, y;
    uint32_t z ALONE;
} words ALONE;

static void load(const uint32_t *p)
{
    model_assert(arch_load_relaxed(p) < 10);
}

static void store(uint32_t *p)
{
    arch_store_relaxed(p, 1);
}

static void first_steps(void)
{
    count_begin();
    store(&words.x); /* 1: nobody has the line */
    store(&words.x); /* 0 */
    load(&words.x);  /* 0 */
    turn_pass();
    turn_await(2);
    load(&words.x);  /* 0: it has a copy still */
    store(&words.x); /* 1: the other one has, too */
    store(&words.x); /* 0 */
    turn_pass();
    turn_await(4);
    load(&words.x); /* 1: lost to a write to y */
    count_end();
}

static void other_steps(void)
{
    turn_await(1);
    load(&words.x); /* 1 */
    load(&words.y); /* 0: the same line */
    turn_pass();
    turn_await(3);
    model_assert(!arch_cas(&words.y, 1, 2)); /* 1, though it fails */
    model_assert(arch_cas(&words.y, 0, 1));  /* 0 */
    load(&words.z);                          /* 1: another line */
    turn_pass();
}

static void rules(void)
{
    if (model_thread() == 0)
        first_steps();
    else
        other_steps();
}

/* Words of two threads, in one line and in two. */

static uint32_t together[2] ALONE;
static struct {
    uint32_t word ALONE;
} apart[2];

static void write_close(void)
{
    store(&together[model_thread()]);
}

static void write_apart(void)
{
    store(&apart[model_thread()].word);
}

static void close_by(void)
{
    in_turn(write_close);
}

static void far_apart(void)
{
    in_turn(write_apart);
}

/* Mutexes. A lock by another thread has the line twice: to look at the kind, and to change the word. */

static pthread_mutex_t m ALONE;
static struct simple_mutex simple_m ALONE;

static void lock(void)
{
    ok(pthread_mutex_lock(&m));
    ok(pthread_mutex_unlock(&m));
}

static void simple_lock(void)
{
    simple_mutex_lock(&simple_m);
    simple_mutex_unlock(&simple_m);
}

static void mutex(void)
{
    in_turn(lock);
}

static void simple_mutex(void)
{
    in_turn(simple_lock);
}

/* Spin locks have no kind. */

static pthread_spinlock_t s ALONE;

static void spin_init(void)
{
    ok(pthread_spin_init(&s, PTHREAD_PROCESS_PRIVATE));
}

static void spin_once(void)
{
    ok(pthread_spin_lock(&s));
    ok(pthread_spin_unlock(&s));
}

static void spin(void)
{
    in_turn(spin_once);
}

/* Readers: in rows after the first ones, or counted in the word. */

static pthread_rwlock_t l ALONE;
static struct simple_rwlock simple_l ALONE;

static void read_once(void)
{
    ok(pthread_rwlock_rdlock(&l));
    ok(pthread_rwlock_unlock(&l));
}

static void simple_read(void)
{
    simple_read_lock(&simple_l);
    simple_read_unlock(&simple_l);
}

static void readers(void)
{
    in_turn(read_once);
}

static void simple_readers(void)
{
    in_turn(simple_read);
}

/* Semaphores: one posts, the other takes. Nobody has to sleep. */

static sem_t p ALONE;
static struct simple_semaphore simple_p ALONE;

static void sem_begin(void)
{
    ok(sem_init(&p, 0, 0));
}

static void post_or_take(void)
{
    ok(model_thread() == 0 ? sem_post(&p) : sem_wait(&p));
}

static void simple_post_or_take(void)
{
    if (model_thread() == 0)
        simple_post(&simple_p);
    else
        simple_wait(&simple_p);
}

static void semaphore(void)
{
    in_turn(post_or_take);
}

static void simple_semaphore(void)
{
    in_turn(simple_post_or_take);
}

/* One sleeps, and is woken: two calls. */

enum { LONG_ENOUGH = 1000000 };

static void sleeper(void)
{
    if (model_thread() == 0) {
        count_begin();
        turn_pass();
        simple_wait(&simple_p); /* 1, asleep; 2 when it wakes: it looks, and takes */
        count_end();
    } else {
        turn_await(1);
        machine_elapse(LONG_ENOUGH);
        simple_post(&simple_p); /* 1 */
    }
}

/* Once. */

static pthread_once_t o ALONE;

static void nothing(void)
{
}

static void call(void)
{
    ok(pthread_once(&o, nothing));
}

static void once(void)
{
    in_turn(call);
}

const struct known transfer_cases[] = {
    {"transfers-rules", 2, NULL, rules, .transfers = 6},
    {"transfers-close-by", 2, NULL, close_by, .transfers = 2 * ROUNDS},
    {"transfers-far-apart", 2, NULL, far_apart, .transfers = 0},
    {"transfers-mutex-1", 1, NULL, mutex, .transfers = 0},
    {"transfers-mutex-2", 2, NULL, mutex, .transfers = 2 * 2 * ROUNDS},
    {"transfers-mutex-64", 64, NULL, mutex, .transfers = 2 * 64 * ROUNDS},
    {"transfers-simple-mutex-2", 2, NULL, simple_mutex, .transfers = 2 * 2 * ROUNDS},
    {"transfers-spin-2", 2, spin_init, spin, .transfers = 2 * ROUNDS},
    {"transfers-readers-8", 8, NULL, readers, .transfers = 0},
    {"transfers-readers-64", 64, NULL, readers, .transfers = 0},
    {"transfers-simple-readers-8", 8, NULL, simple_readers, .transfers = 2 * 8 * ROUNDS},
    {"transfers-sem-2", 2, sem_begin, semaphore, .transfers = 4 * ROUNDS},
    {"transfers-simple-sem-2", 2, NULL, simple_semaphore, .transfers = 3 * ROUNDS},
    {"transfers-sleeper", 2, NULL, sleeper, .transfers = 4, .calls = 2},
    {"transfers-once-8", 8, NULL, once, .transfers = 0},
    {.name = NULL},
};
