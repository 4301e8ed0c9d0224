/*
 * Is the libc.a at hand the musl that pthread/host/musl.h describes? configure links this program to
 * it, with libc's own threads, and runs it. Prints what differs and exits with 1, or prints nothing.
 */
#include "../../pthread/host/musl.h"

#include <errno.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

static int differences;

static void check(bool same, const char *what)
{
    if (same)
        return;
    printf("%s\n", what);
    differences++;
}
#define CHECK(condition) check(condition, #condition)

static void nothing(void *unused)
{
    (void)unused;
}

static _Thread_local int initialised = 4711;

/* Where libc keeps the initial values of thread-local variables. */
static void check_tls(struct musl_thread *self)
{
    const struct musl_tls_image *tls = __libc.tls_head;
    CHECK(tls && !tls->next && __libc.tls_count == 1);
    CHECK(tls && tls->length >= sizeof initialised && tls->length <= tls->size);
    if (differences)
        return;
    size_t at = (size_t)((char *)&initialised - musl_variables(self, tls));
    int value = 0;
    CHECK(at <= tls->length - sizeof initialised);
    if (at <= tls->length - sizeof initialised)
        memcpy(&value, (const char *)tls->image + at, sizeof initialised);
    CHECK(value == 4711);
}

static void check_thread(struct musl_thread *self)
{
    check_tls(self);
    initialised = 0;
    CHECK((void *)self == (void *)pthread_self());
    CHECK(self->self == self);
    CHECK(self->tid == syscall(SYS_gettid));
    CHECK(&self->error == &errno);
    CHECK(self->locale == &__libc.global_locale);
    CHECK(self->next->prev == self && self->prev->next == self);
    CHECK(self->cancel_state == PTHREAD_CANCEL_ENABLE);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    CHECK(self->cancel_state == PTHREAD_CANCEL_DISABLE);
    CHECK(self->cancel_asynchronous == PTHREAD_CANCEL_DEFERRED);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    CHECK(self->cancel_asynchronous == PTHREAD_CANCEL_ASYNCHRONOUS);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    CHECK(self->cancelled == 0);
    pthread_cancel(pthread_self());
    CHECK(self->cancelled != 0);
    self->cancelled = 0;
    pthread_setcancelstate(MUSL_CANCEL_MASKED, NULL);
    CHECK(self->cancel_state == MUSL_CANCEL_MASKED);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    CHECK(self->cleanup == NULL);
    pthread_cleanup_push(nothing, NULL);
    CHECK(self->cleanup && self->cleanup->__f == nothing);
    pthread_cleanup_pop(0);
    CHECK(self->cleanup == NULL);
    CHECK(self->stdio_locks == NULL);
    flockfile(stdin);
    CHECK(self->stdio_locks != NULL || !__libc.threaded);
    funlockfile(stdin);
}

static pthread_t initial;

void __tl_lock(void) MUSL_HIDDEN;
void __tl_unlock(void) MUSL_HIDDEN;

static void *thread(void *unused)
{
    (void)unused;
    struct musl_thread *self = musl_self();
    /* libc puts a thread into the ring when it runs already, and holds the ring's lock meanwhile */
    __tl_lock();
    __tl_unlock();
    check_thread(self);
    CHECK(self->next == (struct musl_thread *)initial && self->prev == self->next);
    CHECK(self->canary == self->next->canary);
    CHECK(&self->host_error == &h_errno);
    pthread_attr_t attributes;
    void *stack;
    size_t size, guard;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &stack, &size);
    pthread_attr_getguardsize(&attributes, &guard);
    CHECK(self->stack == (char *)stack + size && self->stack_size == size);
    CHECK(self->guard_size == guard);
    CHECK((char *)self->map < (char *)stack && (char *)self < (char *)self->map + self->map_size);
    CHECK(__libc.threads_minus_1 == 1 && __libc.need_locks == 1 && __libc.threaded == 1);
    return NULL;
}

static FILE *find_open(FILE *file)
{
    FILE *found = *__ofl_lock();
    while (found && found != file)
        found = *(FILE **)((char *)found + MUSL_FILE_NEXT);
    __ofl_unlock();
    return found;
}

static void ignore(int signal)
{
    (void)signal;
}

int main(void)
{
    struct musl_thread *self = musl_self();
    CHECK(__libc.can_do_threads == 1 && __libc.threaded == 0 && __libc.need_locks == 0);
    CHECK(__libc.threads_minus_1 == 0);
    CHECK((unsigned long)sysconf(_SC_PAGESIZE) == __libc.page_size);
    CHECK(__libc.auxv && getauxval(__libc.auxv[0]) == __libc.auxv[1]);
    CHECK(__libc.tls_size >= sizeof(struct musl_thread) && __libc.tls_align > 0);
    CHECK(self->state == 2);
    CHECK(self->next == self);
    check_thread(self);

    pthread_attr_t attributes;
    size_t stack, guard;
    pthread_attr_init(&attributes);
    pthread_attr_getstacksize(&attributes, &stack);
    pthread_attr_getguardsize(&attributes, &guard);
    CHECK(stack == __default_stacksize && guard == __default_guardsize);

    /* a block that libc's threads are not in */
    unsigned char *storage = calloc(1, __libc.tls_size);
    struct musl_thread *made = __copy_tls(storage);
    CHECK((unsigned char *)made >= storage &&
          (unsigned char *)made + sizeof *made <= storage + __libc.tls_size);

    FILE *before = fopen("/dev/null", "r"), *second = fopen("/dev/null", "r");
    int *lock = (int *)((char *)before + MUSL_FILE_LOCK);
    CHECK(*lock == -1);
    CHECK(*(int *)((char *)stdout + MUSL_FILE_LOCK) == -1);
    CHECK(find_open(before) == before && find_open(second) == second);
    CHECK(__stdout_used == stdout);

    struct sigaction action = {.sa_handler = SIG_IGN};
    CHECK(__libc_sigaction(MUSL_SIGSYNCCALL, NULL, &action) == 0);
    CHECK(sigaction(MUSL_SIGTIMER, NULL, &action) == -1);
    uint64_t handled[2] = {0, 1};
    action.sa_handler = ignore;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    __get_handler_set(handled);
    CHECK((handled[0] >> (SIGUSR1 - 1) & 1) && handled[1] == 1);

    initial = pthread_self();
    pthread_t other;
    if (pthread_create(&other, NULL, thread, NULL) == 0)
        pthread_join(other, NULL);
    else
        CHECK(!"pthread_create");
    CHECK(*lock == 0);
    CHECK(self->next == self && __libc.threads_minus_1 == 0);
    CHECK((int)__thread_list_lock == 0);
    CHECK(getuid() != 0 || setuid(0) == 0);
    return differences != 0;
}
