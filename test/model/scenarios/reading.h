/*
 * What scenarios of read-write locks do: a lock, and who reads and writes under it. Each file that
 * includes this has its own, and may say of which processes the lock is, and when timed calls end.
 */
#ifndef FURWOCK_READING_H
#define FURWOCK_READING_H

#include "scenarios.h"

#ifndef SHARING
#define SHARING PTHREAD_PROCESS_PRIVATE
#endif
#ifndef UNTIL
#define UNTIL deadline
#endif

int pthread_rwlockattr_setrobust_np(pthread_rwlockattr_t *, int);
int pthread_rwlock_consistent_np(pthread_rwlock_t *);

static pthread_rwlock_t l;
static uint32_t writing, flag, other_flag;
static int references;

ACT void init_kind(int kind, int shared, int robust)
{
    pthread_rwlockattr_t attributes;
    ok(pthread_rwlockattr_init(&attributes));
    ok(pthread_rwlockattr_setkind_np(&attributes, kind));
    ok(pthread_rwlockattr_setpshared(&attributes, shared));
    ok(pthread_rwlockattr_setrobust_np(&attributes, robust));
    ok(pthread_rwlock_init(&l, &attributes));
    references = 3;
    NAME(l);
    NAME(writing);
    NAME(flag);
    NAME(other_flag);
}

ACT void init(void)
{
    init_kind(0, SHARING, PTHREAD_MUTEX_STALLED);
}

ACT void init_writer(void)
{
    init_kind(PTHREAD_RWLOCK_PREFER_WRITER_NP, SHARING, PTHREAD_MUTEX_STALLED);
}

ACT void init_nonrecursive(void)
{
    init_kind(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, SHARING, PTHREAD_MUTEX_STALLED);
}

ACT void look(void)
{
    model_reads(&writing);
    model_assert(arch_load_relaxed(&writing) == 0);
}

ACT void unlock(void)
{
    ok(pthread_rwlock_unlock(&l));
}

/* With the lock that `error` says was taken, or not. */
ACT void look_if(int error, int unless)
{
    model_assert(error == 0 || error == unless);
    if (error)
        return;
    look();
    unlock();
}

ACT void visit_if(int error, int unless)
{
    model_assert(error == 0 || error == unless);
    if (error)
        return;
    visit(&writing);
    unlock();
}

ACT void read(void)
{
    look_if(pthread_rwlock_rdlock(&l), 0);
}

ACT void write(void)
{
    visit_if(pthread_rwlock_wrlock(&l), 0);
}

ACT void read_twice(void)
{
    read();
    read();
}

ACT void write_twice(void)
{
    write();
    write();
}

ACT void read_nested(void)
{
    ok(pthread_rwlock_rdlock(&l));
    read();
    look();
    unlock();
}

ACT void try_both(void)
{
    look_if(pthread_rwlock_tryrdlock(&l), EBUSY);
    visit_if(pthread_rwlock_trywrlock(&l), EBUSY);
}

ACT void read_timed(void)
{
    look_if(pthread_rwlock_timedrdlock(&l, &UNTIL), ETIMEDOUT);
}

ACT void write_timed(void)
{
    visit_if(pthread_rwlock_timedwrlock(&l, &UNTIL), ETIMEDOUT);
}

/* One takes a read lock, another gives it back. */
ACT void read_for_other(void)
{
    ok(pthread_rwlock_rdlock(&l));
    look();
    arch_store_release(&flag, 1);
}

ACT void unlock_for_other(void)
{
    model_await(&flag, 1);
    look();
    unlock();
}

ACT void write_second(void)
{
    model_await(&flag, 1);
    write();
}

ACT void l_usable(void)
{
    ok(pthread_rwlock_trywrlock(&l));
    unlock();
}

ACT void free_at_end(void)
{
    l_usable();
    ok(pthread_rwlock_destroy(&l));
}

/* The last to unlock may free it at once. */
ACT void drop_reference(void)
{
    ok(pthread_rwlock_wrlock(&l));
    bool last = --references == 0;
    unlock();
    if (last) {
        ok(pthread_rwlock_destroy(&l));
        GONE(l);
    }
}

ACT void read_and_drop(void)
{
    read();
    drop_reference();
}

/* The writer that comes after the reader may free the lock as soon as it has it. */
ACT void read_destroyed(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 1);
    unlock();
}

ACT void destroy_written(void)
{
    model_await(&flag, 1);
    ok(pthread_rwlock_wrlock(&l));
    unlock();
    ok(pthread_rwlock_destroy(&l));
    GONE(l);
}

#endif
