/*
 * pthread_attr_init() and its family: XSH, pthread_attr_destroy, pthread_attr_getdetachstate,
 * pthread_attr_getguardsize, pthread_attr_getinheritsched, pthread_attr_getschedparam, …
 */
#include "conform.h"
#include <inttypes.h>
#include <limits.h>
#include <sys/resource.h>

static pthread_attr_t attr;

static void init(void)
{
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
}

/* A thread that tells of itself, then waits to be let go. */
static struct thread {
    pthread_t id;
    atomic_int tid, go;
    uintptr_t local; /* an address in its stack */
    int policy;
    struct sched_param param;
} thread;

static void *live(void *arg)
{
    char local;
    thread.local = (uintptr_t)&local;
    ck_assert_int_eq(pthread_getschedparam(pthread_self(), &thread.policy, &thread.param), 0);
    atomic_store(&thread.tid, unit_gettid());
    unit_wait_for(&thread.go, 1);
    return arg;
}

static void start(void)
{
    atomic_store(&thread.tid, 0);
    atomic_store(&thread.go, 0);
    ck_assert_int_eq(pthread_create(&thread.id, &attr, live, NULL), 0);
    unit_wait_for(&thread.tid, 1);
}

static void end(void)
{
    atomic_store(&thread.go, 1);
    ck_assert_int_eq(pthread_join(thread.id, NULL), 0);
}

/* How the address space grows by threads with this attribute that nobody joins, in stacks. */
static size_t growth(int detachstate)
{
    enum { ROUNDS = 40, STACK = 1 << 20 };
    size_t size[2];
    init();
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, STACK), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, detachstate), 0);
    for (int i = 0; i < 2; i++) {
        for (int round = 0; i == 1 && round < ROUNDS; round++) {
            start();
            atomic_store(&thread.go, 1);
            wait_until_gone(&thread.tid);
        }
        size[i] = address_space();
    }
    return size[1] < size[0] ? 0 : (size[1] - size[0]) / STACK;
}

/* What the kernel has mapped at an address; readable is false for a guard. */
struct mapping {
    uintptr_t low, high;
    bool readable;
};

static struct mapping mapping_at(uintptr_t address)
{
    struct mapping found = {0}, next;
    char access, line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        ck_assert_int_eq(
            sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %c", &next.low, &next.high, &access), 3);
        next.readable = access == 'r';
        if (next.low <= address && address < next.high)
            found = next;
    }
    fclose(maps);
    return found;
}

/* What is below the thread's stack. */
static struct mapping below_stack(void)
{
    struct mapping stack = mapping_at(thread.local);
    ck_assert(stack.readable);
    return mapping_at(stack.low - 1);
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t stack_min(void)
{
    return (size_t)sysconf(_SC_THREAD_STACK_MIN);
}

static void set_scheduling(int inherit, int policy, int priority)
{
    struct sched_param param = {.sched_priority = priority};
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, inherit), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, policy), 0);
    ck_assert_int_eq(pthread_attr_setschedparam(&attr, &param), 0);
}

/* pthread_attr_init and pthread_attr_destroy */

ASSERTION(pthread_attr_init, 1, "gives every attribute a default: the getters succeed; returns 0")
{
    struct sched_param param;
    size_t size;
    int value;
    memset(&attr, 0xa5, sizeof attr);
    init();
    ck_assert_int_eq(pthread_attr_getdetachstate(&attr, &value), 0);
    ck_assert_int_eq(pthread_attr_getguardsize(&attr, &size), 0);
    ck_assert_int_eq(pthread_attr_getinheritsched(&attr, &value), 0);
    ck_assert_int_eq(pthread_attr_getschedparam(&attr, &param), 0);
    ck_assert_int_eq(pthread_attr_getschedpolicy(&attr, &value), 0);
    ck_assert_int_eq(pthread_attr_getscope(&attr, &value), 0);
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &size), 0);
}

ASSERTION(pthread_attr_init, 2, "pthread_create() takes the object with its defaults")
{
    memset(&attr, 0xa5, sizeof attr);
    init();
    start();
    end();
}

ASSERTION(pthread_attr_init, 3, "one object serves for more than one pthread_create()")
{
    init();
    start();
    end();
    start();
    end();
}

UNTESTED(pthread_attr_init, 4, "returns ENOMEM when memory does not suffice",
         "an object may need no memory beyond itself")

ASSERTION(pthread_attr_destroy, 1, "destroys the object, and returns 0")
{
    init();
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}

ASSERTION(pthread_attr_destroy, 2, "the object can be initialised again, to the defaults")
{
    int state;
    init();
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    init();
    ck_assert_int_eq(pthread_attr_getdetachstate(&attr, &state), 0);
    ck_assert_int_eq(state, PTHREAD_CREATE_JOINABLE);
}

ASSERTION(pthread_attr_destroy, 3, "does not affect threads that were created with the object")
{
    init();
    start();
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    unit_wait_until_asleep(getpid(), atomic_load(&thread.tid));
    end();
}

/* detachstate */

static int detachstate(void)
{
    int state = -1;
    ck_assert_int_eq(pthread_attr_getdetachstate(&attr, &state), 0);
    return state;
}

ASSERTION(pthread_attr_getdetachstate, 1, "stores the detachstate attribute, and returns 0")
{
    init();
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(detachstate(), PTHREAD_CREATE_DETACHED);
}

ASSERTION(pthread_attr_getdetachstate, 2, "the default is PTHREAD_CREATE_JOINABLE")
{
    init();
    ck_assert_int_eq(detachstate(), PTHREAD_CREATE_JOINABLE);
}

ASSERTION(pthread_attr_setdetachstate, 1, "sets the detachstate attribute, and returns 0")
{
    init();
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(detachstate(), PTHREAD_CREATE_DETACHED);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_JOINABLE), 0);
    ck_assert_int_eq(detachstate(), PTHREAD_CREATE_JOINABLE);
}

ASSERTION(pthread_attr_setdetachstate, 2,
          "PTHREAD_CREATE_DETACHED: threads are created detached, "
          "what they took is reclaimed when they end")
{
    ck_assert_uint_lt(growth(PTHREAD_CREATE_DETACHED), 20);
}

ASSERTION(pthread_attr_setdetachstate, 3, "PTHREAD_CREATE_JOINABLE: threads are created joinable")
{
    init();
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_JOINABLE), 0);
    start();
    atomic_store(&thread.go, 1);
    wait_until_gone(&thread.tid);
    ck_assert_int_eq(pthread_join(thread.id, NULL), 0);
}

ASSERTION(pthread_attr_setdetachstate, 4, "returns EINVAL for another value, and sets nothing")
{
    init();
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, -12345), EINVAL);
    ck_assert_int_eq(detachstate(), PTHREAD_CREATE_JOINABLE);
}

/* guardsize */

static size_t guardsize(void)
{
    size_t size = SIZE_MAX;
    ck_assert_int_eq(pthread_attr_getguardsize(&attr, &size), 0);
    return size;
}

static void set_guardsize(size_t size)
{
    init();
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, size), 0);
}

ASSERTION(pthread_attr_getguardsize, 1, "stores the guardsize attribute, and returns 0")
{
    set_guardsize(5 * page_size());
    ck_assert_uint_eq(guardsize(), 5 * page_size());
}

ASSERTION(pthread_attr_getguardsize, 2,
          "stores the size that was set, even where the guard itself "
          "is rounded up to pages")
{
    set_guardsize(page_size() + 1);
    start();
    ck_assert_uint_eq(guardsize(), page_size() + 1);
    end();
}

ASSERTION(pthread_attr_setguardsize, 1, "sets the guardsize attribute, and returns 0")
{
    set_guardsize(3 * page_size());
    ck_assert_uint_eq(guardsize(), 3 * page_size());
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, 0), 0);
    ck_assert_uint_eq(guardsize(), 0);
}

ASSERTION(pthread_attr_setguardsize, 2,
          "a size above 0: threads have a guard of that size at least")
{
    size_t size = 16 * page_size() + 1;
    set_guardsize(size);
    start();
    struct mapping guard = below_stack();
    ck_assert_uint_ge(guard.high - guard.low, size);
    ck_assert(!guard.readable);
    end();
}

ASSERTION(pthread_attr_setguardsize, 3, "0: threads have no guard")
{
    set_guardsize(0);
    start();
    struct mapping below = below_stack();
    ck_assert(below.high == 0 || below.readable);
    end();
}

static int use_stack(int depth)
{
    volatile char page[1024];
    page[0] = (char)depth;
    return depth < 0 ? 0 : use_stack(depth + 1) + page[0];
}

static void *overflow(void *arg)
{
    return use_stack(1) ? arg : NULL;
}

ASSERTION(pthread_attr_setguardsize, 4,
          "a thread that overflows its stack into the guard gets an "
          "error: SIGSEGV or SIGBUS")
{
    int status;
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        pthread_t id;
        setrlimit(RLIMIT_CORE, &none);
        set_guardsize(page_size());
        unit_child_assert(pthread_create(&id, &attr, overflow, NULL) == 0);
        pthread_join(id, NULL);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert(WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
}

/* A stack of the test's own, all accessible, and accessible memory below it. */
enum { OWN_STACK = 1 << 20 };

static char *own_stack(void)
{
    char *memory =
        mmap(NULL, 3 * OWN_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory + OWN_STACK;
}

ASSERTION(pthread_attr_setguardsize, 5, "is ignored for a stack that the application provides")
{
    char *stack = own_stack();
    set_guardsize(page_size());
    ck_assert_int_eq(pthread_attr_setstack(&attr, stack, OWN_STACK), 0);
    start();
    struct mapping whole = mapping_at((uintptr_t)stack);
    ck_assert(whole.readable);
    ck_assert_uint_le(whole.low, (uintptr_t)stack - OWN_STACK);
    ck_assert_uint_ge(whole.high, (uintptr_t)stack + OWN_STACK);
    end();
}

UNTESTED(pthread_attr_setguardsize, 6, "returns EINVAL for a size that is not valid",
         "which sizes are not is left to the implementation, pthread_create() may refuse them")

/* inheritsched */

static int inheritsched(void)
{
    int inherit = -1;
    ck_assert_int_eq(pthread_attr_getinheritsched(&attr, &inherit), 0);
    return inherit;
}

ASSERTION(pthread_attr_getinheritsched, 1, "stores the inheritsched attribute, and returns 0")
{
    init();
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED), 0);
    ck_assert_int_eq(inheritsched(), PTHREAD_EXPLICIT_SCHED);
}

ASSERTION(pthread_attr_setinheritsched, 1, "sets the inheritsched attribute, and returns 0")
{
    init();
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED), 0);
    ck_assert_int_eq(inheritsched(), PTHREAD_EXPLICIT_SCHED);
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, PTHREAD_INHERIT_SCHED), 0);
    ck_assert_int_eq(inheritsched(), PTHREAD_INHERIT_SCHED);
}

ASSERTION(pthread_attr_setinheritsched, 2,
          "PTHREAD_INHERIT_SCHED: threads are scheduled as their "
          "creator, whatever else the object says")
{
    int priority = sched_get_priority_min(SCHED_RR) + 1;
    struct sched_param mine = {.sched_priority = priority};
    need_realtime();
    init();
    set_scheduling(PTHREAD_INHERIT_SCHED, SCHED_FIFO, priority + 1);
    ck_assert_int_eq(pthread_setschedparam(pthread_self(), SCHED_RR, &mine), 0);
    start();
    ck_assert_int_eq(thread.policy, SCHED_RR);
    ck_assert_int_eq(thread.param.sched_priority, priority);
    end();
}

ASSERTION(pthread_attr_setinheritsched, 3,
          "PTHREAD_EXPLICIT_SCHED: threads are scheduled as the "
          "object says")
{
    int priority = sched_get_priority_min(SCHED_FIFO) + 1;
    need_realtime();
    init();
    set_scheduling(PTHREAD_EXPLICIT_SCHED, SCHED_FIFO, priority);
    start();
    ck_assert_int_eq(thread.policy, SCHED_FIFO);
    ck_assert_int_eq(thread.param.sched_priority, priority);
    ck_assert_int_eq(syscall(SYS_sched_getscheduler, atomic_load(&thread.tid)), SCHED_FIFO);
    end();
}

ASSERTION(pthread_attr_setinheritsched, 4,
          "PTHREAD_EXPLICIT_SCHED with SCHED_OTHER: also where the "
          "creator has another policy")
{
    struct sched_param mine = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    need_realtime();
    init();
    set_scheduling(PTHREAD_EXPLICIT_SCHED, SCHED_OTHER, sched_get_priority_min(SCHED_OTHER));
    ck_assert_int_eq(pthread_setschedparam(pthread_self(), SCHED_RR, &mine), 0);
    start();
    ck_assert_int_eq(thread.policy, SCHED_OTHER);
    ck_assert_int_eq(syscall(SYS_sched_getscheduler, atomic_load(&thread.tid)), SCHED_OTHER);
    end();
}

/* For a value that is none, these may report either error. */
static void check_refused(int error)
{
    ck_assert_msg(error == EINVAL || error == ENOTSUP, "it returned %d", error);
}

ASSERTION(pthread_attr_setinheritsched, 5,
          "fails with ENOTSUP or EINVAL for another value, and "
          "sets nothing")
{
    init();
    int former = inheritsched();
    check_refused(pthread_attr_setinheritsched(&attr, -12345));
    ck_assert_int_eq(inheritsched(), former);
}

/* schedpolicy and schedparam */

static int schedpolicy(void)
{
    int policy = -1;
    ck_assert_int_eq(pthread_attr_getschedpolicy(&attr, &policy), 0);
    return policy;
}

static int schedpriority(void)
{
    struct sched_param param = {.sched_priority = -1};
    ck_assert_int_eq(pthread_attr_getschedparam(&attr, &param), 0);
    return param.sched_priority;
}

ASSERTION(pthread_attr_getschedpolicy, 1, "stores the schedpolicy attribute, and returns 0")
{
    init();
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_RR), 0);
    ck_assert_int_eq(schedpolicy(), SCHED_RR);
}

ASSERTION(pthread_attr_setschedpolicy, 1, "sets SCHED_FIFO, SCHED_RR or SCHED_OTHER; returns 0")
{
    static const int policies[] = {SCHED_FIFO, SCHED_RR, SCHED_OTHER};
    init();
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, policies[i]), 0);
        ck_assert_int_eq(schedpolicy(), policies[i]);
    }
}

ASSERTION(pthread_attr_setschedpolicy, 2,
          "fails with ENOTSUP or EINVAL for another value, and "
          "sets nothing")
{
    init();
    check_refused(pthread_attr_setschedpolicy(&attr, -12345));
    ck_assert_int_eq(schedpolicy(), SCHED_OTHER);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int turns;
static int taken[3];

struct contender {
    pthread_t id;
    atomic_int tid;
    int priority;
};

static void *contend(void *arg)
{
    struct contender *c = arg;
    atomic_store(&c->tid, unit_gettid());
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    taken[atomic_fetch_add(&turns, 1)] = c->priority;
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

/* Threads that have blocked on the mutex in this order of priorities get it by priority. */
static void check_mutex_order(int policy)
{
    struct contender contenders[] = {{.priority = 2}, {.priority = 4}, {.priority = 3}};
    need_realtime();
    init();
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    for (int i = 0; i < 3; i++) {
        set_scheduling(PTHREAD_EXPLICIT_SCHED, policy, contenders[i].priority);
        ck_assert_int_eq(pthread_create(&contenders[i].id, &attr, contend, &contenders[i]), 0);
        unit_wait_for(&contenders[i].tid, 1);
        unit_wait_until_asleep(getpid(), atomic_load(&contenders[i].tid));
    }
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_join(contenders[i].id, NULL), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(taken[i], 4 - i);
}

ASSERTION(pthread_attr_setschedpolicy, 3,
          "threads of SCHED_FIFO that wait for a mutex get it in "
          "the order of their priorities")
{
    check_mutex_order(SCHED_FIFO);
}

ASSERTION(pthread_attr_setschedpolicy, 4, "threads of SCHED_RR likewise")
{
    check_mutex_order(SCHED_RR);
}

ASSERTION(pthread_attr_getschedparam, 1, "stores the scheduling parameters, and returns 0")
{
    init();
    set_scheduling(PTHREAD_EXPLICIT_SCHED, SCHED_FIFO, sched_get_priority_max(SCHED_FIFO));
    ck_assert_int_eq(schedpriority(), sched_get_priority_max(SCHED_FIFO));
}

ASSERTION(pthread_attr_setschedparam, 1,
          "sets sched_priority, for SCHED_FIFO and SCHED_RR within "
          "their limits; returns 0")
{
    static const int policies[] = {SCHED_FIFO, SCHED_RR};
    init();
    for (int i = 0; i < 2; i++) {
        int min = sched_get_priority_min(policies[i]), max = sched_get_priority_max(policies[i]);
        for (int priority = min; priority <= max; priority++) {
            set_scheduling(PTHREAD_EXPLICIT_SCHED, policies[i], priority);
            ck_assert_int_eq(schedpriority(), priority);
        }
    }
}

ASSERTION(pthread_attr_setschedparam, 2,
          "fails with ENOTSUP or EINVAL for a priority beyond the "
          "policy's, and sets nothing, if it detects that")
{
    struct sched_param beyond = {.sched_priority = sched_get_priority_max(SCHED_FIFO) + 1};
    init();
    set_scheduling(PTHREAD_EXPLICIT_SCHED, SCHED_FIFO, sched_get_priority_min(SCHED_FIFO));
    int error = pthread_attr_setschedparam(&attr, &beyond);
    if (error == 0)
        unsupported("it does not detect this");
    check_refused(error);
    ck_assert_int_eq(schedpriority(), sched_get_priority_min(SCHED_FIFO));
}

/* contentionscope */

static int scope(void)
{
    int value = -1;
    ck_assert_int_eq(pthread_attr_getscope(&attr, &value), 0);
    return value;
}

ASSERTION(pthread_attr_getscope, 1, "stores the contentionscope attribute, and returns 0")
{
    init();
    ck_assert(scope() == PTHREAD_SCOPE_SYSTEM || scope() == PTHREAD_SCOPE_PROCESS);
}

ASSERTION(pthread_attr_setscope, 1, "sets PTHREAD_SCOPE_SYSTEM, or returns ENOTSUP")
{
    init();
    int error = pthread_attr_setscope(&attr, PTHREAD_SCOPE_SYSTEM);
    ck_assert(error == 0 || error == ENOTSUP);
    ck_assert(error != 0 || scope() == PTHREAD_SCOPE_SYSTEM);
}

ASSERTION(pthread_attr_setscope, 2, "sets PTHREAD_SCOPE_PROCESS, or returns ENOTSUP")
{
    init();
    int error = pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS);
    ck_assert(error == 0 || error == ENOTSUP);
    ck_assert(error != 0 || scope() == PTHREAD_SCOPE_PROCESS);
}

ASSERTION(pthread_attr_setscope, 3, "supports one of the two at least")
{
    init();
    ck_assert(pthread_attr_setscope(&attr, PTHREAD_SCOPE_SYSTEM) == 0 ||
              pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS) == 0);
}

ASSERTION(pthread_attr_setscope, 4,
          "fails with ENOTSUP or EINVAL for another value, and sets "
          "nothing")
{
    init();
    int former = scope();
    check_refused(pthread_attr_setscope(&attr, -12345));
    ck_assert_int_eq(scope(), former);
}

/* stack and stacksize */

ASSERTION(pthread_attr_getstack, 1, "stores the address and the size that were set; returns 0")
{
    char *stack = own_stack();
    void *address = NULL;
    size_t size = 0;
    init();
    ck_assert_int_eq(pthread_attr_setstack(&attr, stack, OWN_STACK), 0);
    ck_assert_int_eq(pthread_attr_getstack(&attr, &address, &size), 0);
    ck_assert_ptr_eq(address, stack);
    ck_assert_uint_eq(size, OWN_STACK);
}

ASSERTION(pthread_attr_setstack, 1, "threads have their stacks between address and address + size")
{
    char *stack = own_stack();
    init();
    ck_assert_int_eq(pthread_attr_setstack(&attr, stack, OWN_STACK), 0);
    start();
    ck_assert_uint_ge(thread.local, (uintptr_t)stack);
    ck_assert_uint_lt(thread.local, (uintptr_t)stack + OWN_STACK);
    end();
}

ASSERTION(pthread_attr_setstack, 2, "nothing outside of that area is written")
{
    char *stack = own_stack();
    init();
    ck_assert_int_eq(pthread_attr_setstack(&attr, stack, OWN_STACK), 0);
    start();
    end();
    static const char untouched[OWN_STACK];
    ck_assert_mem_eq(stack - OWN_STACK, untouched, OWN_STACK);
    ck_assert_mem_eq(stack + OWN_STACK, untouched, OWN_STACK);
}

ASSERTION(pthread_attr_setstack, 3, "a size of PTHREAD_STACK_MIN is enough to set it; returns 0")
{
    init();
    ck_assert_int_eq(pthread_attr_setstack(&attr, own_stack(), stack_min()), 0);
}

ASSERTION(pthread_attr_setstack, 4, "returns EINVAL for a size below PTHREAD_STACK_MIN")
{
    char *stack = own_stack();
    init();
    ck_assert_int_eq(pthread_attr_setstack(&attr, stack, stack_min() - 1), EINVAL);
    ck_assert_int_eq(pthread_attr_setstack(&attr, stack, 0), EINVAL);
}

ASSERTION(pthread_attr_setstack, 5,
          "pthread_attr_getstacksize() too gives the size of such a stack")
{
    size_t size = 0;
    init();
    ck_assert_int_eq(pthread_attr_setstack(&attr, own_stack(), OWN_STACK), 0);
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &size), 0);
    ck_assert_uint_eq(size, OWN_STACK);
}

ASSERTION(pthread_attr_setstack, 6, "the stack can be used again when its thread has been joined")
{
    char *stack = own_stack();
    init();
    ck_assert_int_eq(pthread_attr_setstack(&attr, stack, OWN_STACK), 0);
    for (int i = 0; i < 3; i++) {
        start();
        end();
        memset(stack, 0xa5, OWN_STACK);
    }
}

UNTESTED(pthread_attr_setstack, 7, "may return EINVAL for an address or an end not aligned",
         "no alignment is said to be wrong")

UNTESTED(pthread_attr_setstack, 8, "may return EACCES for pages that are not readable and writable",
         "it may as well not look, and the stack is then useless")

static size_t stacksize(void)
{
    size_t size = 0;
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &size), 0);
    return size;
}

ASSERTION(pthread_attr_getstacksize, 1, "stores the stacksize attribute, and returns 0")
{
    init();
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 3 << 20), 0);
    ck_assert_uint_eq(stacksize(), 3 << 20);
}

ASSERTION(pthread_attr_getstacksize, 2, "the default is PTHREAD_STACK_MIN at least")
{
    init();
    ck_assert_uint_ge(stacksize(), stack_min());
}

ASSERTION(pthread_attr_setstacksize, 1, "sets the stacksize attribute, and returns 0")
{
    init();
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, stack_min()), 0);
    ck_assert_uint_eq(stacksize(), stack_min());
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 64 << 20), 0);
    ck_assert_uint_eq(stacksize(), 64 << 20);
}

/* Touch every page of a stack frame that leaves little room beside it. */
static void *fill_stack(void *arg)
{
    size_t size = *(size_t *)arg - (64 << 10);
    volatile char *room = __builtin_alloca(size);
    for (size_t i = 0; i < size; i += 1024)
        room[size - 1 - i] = 1;
    return arg;
}

ASSERTION(pthread_attr_setstacksize, 2, "threads have a stack of that size at least")
{
    static size_t sizes[] = {256 << 10, 20 << 20};
    init();
    for (int i = 0; i < 2; i++) {
        pthread_t id;
        ck_assert_int_eq(pthread_attr_setstacksize(&attr, sizes[i]), 0);
        ck_assert_int_eq(pthread_create(&id, &attr, fill_stack, &sizes[i]), 0);
        ck_assert_int_eq(pthread_join(id, NULL), 0);
    }
}

static void *return_argument(void *arg)
{
    return arg;
}

ASSERTION(pthread_attr_setstacksize, 3, "a thread with the least stack, PTHREAD_STACK_MIN, can run")
{
    pthread_t id;
    void *result = NULL;
    init();
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, stack_min()), 0);
    ck_assert_int_eq(pthread_create(&id, &attr, return_argument, &thread), 0);
    ck_assert_int_eq(pthread_join(id, &result), 0);
    ck_assert_ptr_eq(result, &thread);
}

ASSERTION(pthread_attr_setstacksize, 4,
          "returns EINVAL for a size below PTHREAD_STACK_MIN, and "
          "sets nothing")
{
    init();
    size_t former = stacksize();
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, stack_min() - 1), EINVAL);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 0), EINVAL);
    ck_assert_uint_eq(stacksize(), former);
}

UNTESTED(pthread_attr_setstacksize, 5, "returns EINVAL for a size beyond the system's limit",
         "there may be no limit other than memory, which pthread_create() finds")
