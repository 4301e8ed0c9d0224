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
extern __typeof__(pthread_testcancel) pthread_testcancel MAY_LACK;
extern _Noreturn __typeof__(pthread_exit) pthread_exit MAY_LACK;

/*
 * Thread exit: libc runs the destructor of one key of its own, made here, in every thread that set
 * it. In a dynamic program its functions are found behind this library's in the search order, and
 * only from the constructor, or from the first pthread_key_create that comes earlier: a later dlsym
 * could wait for the loader's lock, whose holder may wait for the caller. In a static program they
 * have other names as well.
 */
int __pthread_key_create(pthread_key_t *, void (*)(void *));
int __pthread_setspecific(pthread_key_t, const void *);
static int (*libc_setspecific)(pthread_key_t, const void *);
static pthread_key_t libc_key;
static uint32_t libc_key_state;
enum { KEY_UNKNOWN, KEY_BUSY, KEY_MADE, KEY_NONE };

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

static bool make_libc_key(void)
{
    uint32_t state = arch_load_acquire(&libc_key_state);
    if (likely(state != KEY_UNKNOWN))
        return state == KEY_MADE;
    if (!arch_cas(&libc_key_state, KEY_UNKNOWN, KEY_BUSY))
        return false;
    int (*create)(pthread_key_t *, void (*)(void *));
#ifdef FURWOCK_ARCHIVE
    create = __pthread_key_create;
    libc_setspecific = __pthread_setspecific;
#else
    create = (int (*)(pthread_key_t *, void (*)(void *)))dlsym(RTLD_NEXT, "pthread_key_create");
    libc_setspecific =
        (int (*)(pthread_key_t, const void *))dlsym(RTLD_NEXT, "pthread_setspecific");
#endif
    bool made = create && libc_setspecific && create(&libc_key, thread_exit) == 0;
    arch_store_release(&libc_key_state, made ? KEY_MADE : KEY_NONE);
    return made;
}

bool host_exit_possible(void)
{
    return make_libc_key();
}

bool host_arm_exit(void)
{
    if (self.exit_armed)
        return true;
    if (arch_load_acquire(&libc_key_state) != KEY_MADE || libc_setspecific(libc_key, &self) != 0)
        return false;
    self.exit_armed = true;
    return true;
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
    make_libc_key();
    options_read();
}

void host_test_cancel(void)
{
    if (HAS(pthread_testcancel))
        pthread_testcancel();
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
