/* Read-write locks. */
#include "scenarios.h"

static pthread_rwlock_t l;
static uint32_t writing, flag;
static int references;

static void init_kind(int kind, int shared)
{
    pthread_rwlockattr_t attributes;
    ok(pthread_rwlockattr_init(&attributes));
    ok(pthread_rwlockattr_setkind_np(&attributes, kind));
    ok(pthread_rwlockattr_setpshared(&attributes, shared));
    ok(pthread_rwlock_init(&l, &attributes));
    NAME(l);
    NAME(writing);
    NAME(flag);
}

static void init(void)
{
    init_kind(0, PTHREAD_PROCESS_PRIVATE);
}

static void init_writer(void)
{
    init_kind(PTHREAD_RWLOCK_PREFER_WRITER_NP, PTHREAD_PROCESS_PRIVATE);
}

static void init_nonrecursive(void)
{
    init_kind(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, PTHREAD_PROCESS_PRIVATE);
}

static void init_shared(void)
{
    init_kind(0, PTHREAD_PROCESS_SHARED);
}

static void look(void)
{
    model_assert(arch_load_relaxed(&writing) == 0);
}

static void unlock(void)
{
    ok(pthread_rwlock_unlock(&l));
}

static void read(void)
{
    ok(pthread_rwlock_rdlock(&l));
    look();
    unlock();
}

static void write(void)
{
    ok(pthread_rwlock_wrlock(&l));
    visit(&writing);
    unlock();
}

static void read_twice(void)
{
    read();
    read();
}

static void write_twice(void)
{
    write();
    write();
}

static void read_nested(void)
{
    ok(pthread_rwlock_rdlock(&l));
    read();
    look();
    unlock();
}

static void try_both(void)
{
    int error = pthread_rwlock_tryrdlock(&l);
    model_assert(error == 0 || error == EBUSY);
    if (!error) {
        look();
        unlock();
    }
    error = pthread_rwlock_trywrlock(&l);
    model_assert(error == 0 || error == EBUSY);
    if (!error) {
        visit(&writing);
        unlock();
    }
}

static void read_timed(void)
{
    int error = pthread_rwlock_timedrdlock(&l, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    if (error)
        return;
    look();
    unlock();
}

static void write_timed(void)
{
    int error = pthread_rwlock_timedwrlock(&l, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    if (error)
        return;
    visit(&writing);
    unlock();
}

static void free_at_end(void)
{
    ok(pthread_rwlock_trywrlock(&l));
    unlock();
    ok(pthread_rwlock_destroy(&l));
}

/* The last to unlock may free it at once. */
static void init_references(void)
{
    init();
    references = 3;
}

static void init_references_writer(void)
{
    init_writer();
    references = 3;
}

static void drop_reference(void)
{
    ok(pthread_rwlock_wrlock(&l));
    bool last = --references == 0;
    unlock();
    if (last) {
        ok(pthread_rwlock_destroy(&l));
        GONE(l);
    }
}

static void read_and_drop(void)
{
    read();
    drop_reference();
}

const struct scenario rwlock_scenarios[] = {
    SCENARIO("rwlock-read-write", init, free_at_end, RUN(read_twice, write_twice),
             .flags = SPURIOUS | INTERRUPTED),
    SCENARIO("rwlock-writers", init, free_at_end, RUN(write, write, write)),
    SCENARIO("rwlock-writers-again", init, free_at_end, RUN(write_twice, write_twice)),
    SCENARIO("rwlock-readers", init, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock-readers-again", init, free_at_end, RUN(read_twice, read_twice, write)),
    SCENARIO("rwlock-2-writers", init, free_at_end, RUN(read, write, write)),
    SCENARIO("rwlock-2-2", init, free_at_end, RUN(read, read, write, write), .quick = 1),
    SCENARIO("rwlock-try", init, free_at_end, RUN(try_both, read, write)),
    SCENARIO("rwlock-timed-write", init, free_at_end, RUN(read, write_timed, write)),
    SCENARIO("rwlock-timed-read", init, free_at_end, RUN(read_timed, read, write)),
    SCENARIO("rwlock-timed", init, free_at_end, RUN(read_timed, write_timed, write)),
    SCENARIO("rwlock-writer", init_writer, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock-writer-2", init_writer, free_at_end, RUN(read, write, write)),
    SCENARIO("rwlock-writer-nested", init_writer, free_at_end, RUN(read_nested, write)),
    SCENARIO("rwlock-writer-timed", init_writer, free_at_end, RUN(read, read, write_timed)),
    SCENARIO("rwlock-writer-timed-read", init_writer, free_at_end, RUN(read_timed, read, write)),
    SCENARIO("rwlock-writer-timed-both", init_writer, free_at_end,
             RUN(read, read_timed, write_timed)),
    SCENARIO("rwlock-nonrecursive", init_nonrecursive, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock-nonrecursive-timed", init_nonrecursive, free_at_end,
             RUN(read, write_timed, write)),
    SCENARIO("rwlock-nonrecursive-2-2", init_nonrecursive, free_at_end,
             RUN(read, read, write, write_timed), .quick = 1),
    SCENARIO("rwlock-shared", init_shared, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock-destroy", init_references, NULL,
             RUN(drop_reference, drop_reference, read_and_drop)),
    SCENARIO("rwlock-destroy-writer", init_references_writer, NULL,
             RUN(drop_reference, drop_reference, read_and_drop)),
    {.name = NULL},
};
