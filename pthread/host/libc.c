/*
 * A libc whose own the threads are: any, in a dynamic process, and glibc in a static program. Their
 * exit and their cancellation are reached through its public functions.
 */
#include "../host.h"
#include "../options.h"
#include "../self.h"
#include "libc.h"

#include <arch/arch_landing.h>
#ifndef FURWOCK_ARCHIVE
#include <dlfcn.h>
#endif
#include <pthread.h>
#include <stddef.h>

#ifdef FURWOCK_ARCHIVE
/* only with key.c or rwlock.c in the program */
#pragma weak keys_exit
#pragma weak readers_exit
#define HAS_KEYS (keys_exit != NULL)
#define HAS_READERS (readers_exit != NULL)
#else
#define HAS_KEYS true
#define HAS_READERS true
#endif
#define ON_GLIBC HAS(gnu_get_libc_version)

/* glibc's flag; musl has none, and then no process counts as single-threaded. */
extern const char __libc_single_threaded MAY_LACK;

static const char never_alone;
const char *host_alone = &never_alone;

/* Both libcs have these names with the same meaning; musl's header declares its record for them. */
extern __typeof__(_pthread_cleanup_push) _pthread_cleanup_push MAY_LACK;
extern __typeof__(_pthread_cleanup_pop) _pthread_cleanup_pop MAY_LACK;
_Static_assert(sizeof(struct __ptcb) <= sizeof(struct cleanup_record), "a record fits");

extern const char *gnu_get_libc_version(void) MAY_LACK;
extern __typeof__(pthread_setcanceltype) pthread_setcanceltype MAY_LACK;
extern _Noreturn __typeof__(pthread_exit) pthread_exit MAY_LACK;
/* before glibc 2.34 a process without libpthread lacks it */
extern __typeof__(pthread_getcpuclockid) pthread_getcpuclockid MAY_LACK;

/*
 * Thread exit: libc runs the destructor of one key of its own, made here, in every thread that set
 * it. In a dynamic program its functions are found behind this library's in the search order, and
 * only from the constructor, or from the first pthread_key_create that comes earlier: a later dlsym
 * could wait for the loader's lock, whose holder may wait for the caller. In a static program they
 * have other names as well.
 *
 * Several threads may be first at once, and one of them may be stopped in the middle, or be left
 * behind by a fork: so each makes a key, the first to say so has made the one that counts, and the
 * others delete theirs.
 */
typedef int create_key(pthread_key_t *, void (*)(void *));
typedef int set_key(pthread_key_t, const void *);
typedef int delete_key(pthread_key_t);
create_key __pthread_key_create;
set_key __pthread_setspecific;
delete_key __pthread_key_delete;

/* KEY_MADE with the key above it, else one of the others. */
enum { KEY_UNKNOWN, KEY_NONE, KEY_MADE, KEY_SHIFT = 2 };
static uint32_t libc_key;

/* libc's function of this name. */
#ifdef FURWOCK_ARCHIVE
#define LIBC(name) (__##name)
#else
#define LIBC(name) dlsym(RTLD_NEXT, #name)
#endif
static void *libc_setspecific;

static void thread_exit(void *unused)
{
    (void)unused;
    if (HAS_KEYS)
        keys_exit();
    robust_exit();
    if (HAS_READERS)
        readers_exit();
    /* libc's destructors of other keys may still run, and store values here again */
    self.exit_armed = false;
}

static COLD void make_libc_key(void)
{
    create_key *create = (create_key *)LIBC(pthread_key_create);
    delete_key *drop = (delete_key *)LIBC(pthread_key_delete);
    void *set = (void *)LIBC(pthread_setspecific);
    pthread_key_t key = 0;
    bool made = create && set && create(&key, thread_exit) == 0;
    if (made)
        arch_store_pointer(&libc_setspecific, set);
    bool first = arch_cas(&libc_key, KEY_UNKNOWN, made ? key << KEY_SHIFT | KEY_MADE : KEY_NONE);
    if (made && !first && drop)
        drop(key);
}

bool host_exit_possible(void)
{
    if (unlikely(arch_load_acquire(&libc_key) == KEY_UNKNOWN))
        make_libc_key();
    return arch_load_acquire(&libc_key) != KEY_NONE;
}

bool host_arm_exit(void)
{
    if (self.exit_armed)
        return true;
    uint32_t key = arch_load_acquire(&libc_key);
    if (key == KEY_UNKNOWN || key == KEY_NONE ||
        ((set_key *)libc_setspecific)(key >> KEY_SHIFT, &self) != 0)
        return false;
    self.exit_armed = true;
    return true;
}

/* A thread's clock is made of its tid: clock_gettime(2). */
uint32_t host_tid(void)
{
    clockid_t clock;
    if (!HAS(pthread_getcpuclockid) || pthread_getcpuclockid(pthread_self(), &clock) != 0)
        return 0;
    return ~(clock >> 3);
}

/* musl does, for a detached thread. */
bool host_frees_threads_early(void)
{
    return !ON_GLIBC;
}

__attribute__((constructor)) static void start(void)
{
    if (HAS(__libc_single_threaded))
        host_alone = &__libc_single_threaded;
    self_start();
    host_exit_possible();
    options_read();
}

int host_defer_cancel(void)
{
    int type = PTHREAD_CANCEL_DEFERRED;
    if (HAS(pthread_setcanceltype))
        pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
    return type;
}

void host_restore_cancel(int type)
{
    if (type != PTHREAD_CANCEL_DEFERRED && HAS(pthread_setcanceltype))
        pthread_setcanceltype(type, NULL);
}

void host_push_cleanup(struct cleanup_record *record, void (*routine)(void *), void *argument)
{
    if (HAS(_pthread_cleanup_push))
        _pthread_cleanup_push((struct __ptcb *)record, routine, argument);
}

void host_pop_cleanup(struct cleanup_record *record)
{
    if (HAS(_pthread_cleanup_pop))
        _pthread_cleanup_pop((struct __ptcb *)record, 0);
}

struct cancel_closure {
    struct arch_landing landing;
    void (*cancelled)(void *);
    void *argument;
};

/*
 * libc's cancellation is made asynchronous around the system call alone. When it strikes, libc
 * unwinds to the cleanup record and calls arch_land, which comes here with an aligned stack.
 * musl arrives with the stack as the signal found it, and would run the thread's other cleanup
 * handlers so as well: there its exit is begun again from here.
 */
static void land(struct arch_landing *landing)
{
    struct cancel_closure *closure = (struct cancel_closure *)landing;
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    closure->cancelled(closure->argument);
    if (!ON_GLIBC)
        pthread_exit(PTHREAD_CANCELED);
}

int host_wait_cancellable(int (*wait)(void *, system_call *), void *closure,
                          void (*cancelled)(void *), void *argument)
{
    if (!HAS(pthread_setcanceltype) || !HAS(_pthread_cleanup_push) || !HAS(_pthread_cleanup_pop))
        return wait(closure, NULL);
    struct cancel_closure cancel = {{land}, cancelled, argument};
    struct cleanup_record record;
    _pthread_cleanup_push((struct __ptcb *)&record, arch_land, &cancel);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    int result = wait(closure, NULL);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    _pthread_cleanup_pop((struct __ptcb *)&record, 0);
    return result;
}
