/*
 * Threads beside the rest of libc: what each of them has for itself, what all share, the library
 * functions that create threads or do something in all of them, processes that come and go, and
 * signals, scheduling and names.
 */
#include "unit.h"
#include <aio.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <locale.h>
#include <mqueue.h>
#include <netdb.h>
#include <sched.h>
#include <sys/socket.h>

static atomic_int count, ready, go;

static int exit_status(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "child ended with status 0x%x", (unsigned)status);
    return WEXITSTATUS(status);
}

static void *do_nothing(void *arg)
{
    return arg;
}

static void *wait_until_go(void *arg)
{
    atomic_fetch_add(&ready, 1);
    unit_wait_for(&go, 1);
    return arg;
}

static void *sleep_for_ever(void *arg)
{
    atomic_fetch_add(&ready, 1);
    for (;;)
        pause();
    return arg;
}

static void start(pthread_t *threads, int n, void *(*routine)(void *), void *arg)
{
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, routine, arg), 0);
}

static void join(pthread_t *threads, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

/* Until the thread has ended, though it is not joined. */
static void wait_until_ended(const atomic_int *tid)
{
    struct timespec nap = {0, 100000};
    unit_wait_for(tid, 1);
    while (syscall(SYS_tgkill, getpid(), atomic_load(tid), 0) == 0)
        nanosleep(&nap, NULL);
}

static void *tell_tid(void *arg)
{
    atomic_store((atomic_int *)arg, unit_gettid());
    return NULL;
}

static void create_ended(pthread_t *thread)
{
    atomic_int tid = 0;
    ck_assert_int_eq(pthread_create(thread, NULL, tell_tid, &tid), 0);
    wait_until_ended(&tid);
}

/* What each thread has for itself. */

static void *use_errno(void *arg)
{
    errno = (int)(intptr_t)arg;
    atomic_fetch_add(&ready, 1);
    unit_wait_for(&go, 1);
    close(-1);
    intptr_t good = errno == EBADF;
    errno = (int)(intptr_t)arg;
    for (int i = 0; i < 1000; i++) {
        sched_yield();
        good &= errno == (int)(intptr_t)arg;
    }
    return (void *)good;
}

START_TEST(errno_is_each_threads_own)
{
    pthread_t threads[8];
    errno = 4711;
    for (intptr_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_errno, (void *)(i + 1)), 0);
    while (atomic_load(&ready) < 8)
        ;
    atomic_store(&go, 1);
    for (int i = 0; i < 8; i++) {
        void *good;
        ck_assert_int_eq(pthread_join(threads[i], &good), 0);
        ck_assert_int_eq((intptr_t)good, 1);
    }
    ck_assert_int_eq(errno, 4711);
}
END_TEST

static locale_t utf8;

static int has_global_locale(void *unused)
{
    (void)unused;
    return uselocale((locale_t)0) == LC_GLOBAL_LOCALE;
}

static int use_utf8(void *unused)
{
    (void)unused;
    int before = (int)MB_CUR_MAX;
    uselocale(utf8);
    return before == 1 && MB_CUR_MAX > 1;
}

START_TEST(a_locale_is_the_threads_own_until_it_is_the_processs)
{
    utf8 = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    if (!utf8)
        unit_skip("no such locale");
    ck_assert_ptr_nonnull(setlocale(LC_ALL, "C"));
    ck_assert_int_eq(unit_elsewhere(use_utf8, NULL), 1);
    ck_assert_int_eq((int)MB_CUR_MAX, 1);
    ck_assert_ptr_nonnull((void *)uselocale(utf8));
    ck_assert_int_gt((int)MB_CUR_MAX, 1);
    ck_assert_int_eq(unit_elsewhere(has_global_locale, NULL), 1);
    ck_assert_int_eq(unit_elsewhere(use_utf8, NULL), 1);
    uselocale(LC_GLOBAL_LOCALE);
    freelocale(utf8);
}
END_TEST

static int fail_to_load(void *unused)
{
    (void)unused;
    int errors = dlerror() != NULL;
    errors += dlopen("/nowhere/libnothing.so", RTLD_NOW) != NULL;
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < 4)
        sched_yield();
    errors += dlerror() == NULL;
    errors += dlerror() != NULL;
    return errors;
}

START_TEST(dlerror_tells_each_thread_its_own_error)
{
    struct unit_call calls[4];
    for (int i = 0; i < 4; i++)
        unit_start(&calls[i], fail_to_load, NULL);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(unit_finish(&calls[i]), 0);
    ck_assert_ptr_null(dlerror());
}
END_TEST

/* Standard I/O. */

static FILE *shared_file;

static int hold_file(void *file)
{
    flockfile(file);
    return 0;
}

static int try_file(void *file)
{
    int busy = ftrylockfile(file) != 0;
    if (!busy)
        funlockfile(file);
    return busy;
}

START_TEST(a_file_that_was_locked_by_an_ended_thread_stays_locked)
{
    /* libc defect: to glibc a thread in the memory of the ended one is the owner. */
    if (!unit_on_furwock_threads())
        unit_skip("taken over by others");
    /* In a child, which ends without a look at its files. */
    pid_t pid = unit_fork();
    if (pid == 0) {
        shared_file = tmpfile();
        unit_child_assert(shared_file != NULL);
        unit_child_assert(unit_elsewhere(try_file, shared_file) == 0);
        unit_child_assert(unit_elsewhere(hold_file, shared_file) == 0);
        for (int i = 0; i < 20; i++)
            unit_child_assert(unit_elsewhere(try_file, shared_file) == 1);
        unit_child_assert(try_file(shared_file) == 1);
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

START_TEST(a_file_is_locked_out_by_another_thread_until_unlocked)
{
    shared_file = tmpfile();
    ck_assert_ptr_nonnull(shared_file);
    ck_assert_int_eq(unit_elsewhere(try_file, shared_file), 0);
    flockfile(shared_file);
    flockfile(shared_file);
    ck_assert_int_eq(unit_elsewhere(try_file, shared_file), 1);
    funlockfile(shared_file);
    ck_assert_int_eq(unit_elsewhere(try_file, shared_file), 1);
    funlockfile(shared_file);
    ck_assert_int_eq(unit_elsewhere(try_file, shared_file), 0);
    fclose(shared_file);
}
END_TEST

enum { PRINTERS = 4, LINES = 3000 };

static void *print_lines(void *arg)
{
    int number = (int)(intptr_t)arg;
    for (int i = 0; i < LINES; i++) {
        if (i % 2) {
            fprintf(shared_file, "%d %d %s\n", number, i, "a line that is printed in one call");
        } else {
            flockfile(shared_file);
            fprintf(shared_file, "%d ", number);
            fprintf(shared_file, "%d ", i);
            fputs("a line that is printed in one", shared_file);
            putc_unlocked(' ', shared_file);
            fprintf(shared_file, "call\n");
            funlockfile(shared_file);
        }
    }
    return NULL;
}

START_TEST(lines_of_several_threads_are_not_mixed)
{
    pthread_t threads[PRINTERS];
    char line[256];
    int next[PRINTERS] = {0}, number, i, end;
    shared_file = tmpfile();
    ck_assert_ptr_nonnull(shared_file);
    /* It is in use before there is a second thread. */
    fputs("first\n", shared_file);
    for (intptr_t j = 0; j < PRINTERS; j++)
        ck_assert_int_eq(pthread_create(&threads[j], NULL, print_lines, (void *)j), 0);
    join(threads, PRINTERS);
    rewind(shared_file);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, shared_file));
    ck_assert_str_eq(line, "first\n");
    for (int lines = 0; lines < PRINTERS * LINES; lines++) {
        ck_assert_ptr_nonnull(fgets(line, sizeof line, shared_file));
        end = 0;
        sscanf(line, "%d %d a line that is printed in one call\n%n", &number, &i, &end);
        ck_assert_msg(end > 0 && line[end] == 0 && number >= 0 && number < PRINTERS, "%s", line);
        ck_assert_int_eq(i, next[number]++);
    }
    ck_assert_ptr_null(fgets(line, sizeof line, shared_file));
    fclose(shared_file);
}
END_TEST

/* Memory. */

enum { BLOCKS = 64 };
static _Atomic(unsigned char *) blocks[BLOCKS];

/* Blocks are filled by one thread, looked at and freed by another. */
static void *pass_blocks_on(void *arg)
{
    unsigned random = (unsigned)(uintptr_t)arg;
    intptr_t bad = 0;
    for (int i = 0; i < 40000; i++) {
        random = random * 1103515245 + 12345;
        size_t size = 16 + random / 65536 % (i % 100 == 0 ? 300000 : 2000);
        unsigned char *block = malloc(size);
        if (!block)
            return (void *)-1;
        memcpy(block, &size, sizeof size);
        memset(block + sizeof size, (int)size & 0xff, size - sizeof size);
        block = atomic_exchange(&blocks[random / 1024 % BLOCKS], block);
        if (!block)
            continue;
        memcpy(&size, block, sizeof size);
        bad += block[sizeof size] != (size & 0xff) && size > sizeof size;
        bad += block[size - 1] != (size & 0xff);
        free(block);
    }
    return (void *)bad;
}

START_TEST(memory_is_allocated_and_freed_by_many_threads)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, pass_blocks_on, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++) {
        void *bad;
        ck_assert_int_eq(pthread_join(threads[i], &bad), 0);
        ck_assert_int_eq((intptr_t)bad, 0);
    }
}
END_TEST

/* What has to be done in all threads. */

/* How many threads have another number first in that line of their status file. */
static int threads_other_than(const char *what, unsigned id)
{
    int others = 0;
    char line[256], path[300];
    DIR *tasks = opendir("/proc/self/task");
    unit_child_assert(tasks != NULL);
    for (struct dirent *entry; (entry = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *status = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!status)
            continue;
        while (fgets(line, sizeof line, status))
            if (strncmp(line, what, strlen(what)) == 0)
                others += (unsigned)atoi(line + strlen(what)) != id;
        fclose(status);
    }
    closedir(tasks);
    return others;
}

static void *block_signals_and_sleep(void *arg)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return sleep_for_ever(arg);
}

START_TEST(users_and_groups_are_set_in_all_threads)
{
    if (geteuid() != 0)
        unit_skip("needs root");
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t thread;
        gid_t groups[] = {12345};
        for (int i = 0; i < 20; i++)
            unit_child_assert(pthread_create(&thread, NULL,
                                             i % 2 ? sleep_for_ever : block_signals_and_sleep,
                                             NULL) == 0);
        unit_wait_for(&ready, 20);
        unit_child_assert(setgroups(1, groups) == 0);
        unit_child_assert(threads_other_than("Groups:", 12345) == 0);
        unit_child_assert(setgid(65533) == 0);
        unit_child_assert(threads_other_than("Gid:", 65533) == 0);
        unit_child_assert(setuid(65534) == 0);
        unit_child_assert(threads_other_than("Uid:", 65534) == 0);
        unit_child_assert(setuid(0) == -1 && errno == EPERM);
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

/* Create threads until told not to; of those that are detached now and then one stays for good. */
static void *stay_or_end(void *stay)
{
    while (stay)
        pause();
    return NULL;
}

static void *create_for_a_while(void *detached)
{
    for (int i = 0; i < 1500 && !atomic_load(&go); i++) {
        pthread_t thread;
        void *stay = detached && i % 64 == 0 ? detached : NULL;
        unit_child_assert(pthread_create(&thread, NULL, stay_or_end, stay) == 0);
        if (detached)
            pthread_detach(thread);
        else
            pthread_join(thread, NULL);
        atomic_fetch_add(&count, 1);
    }
    unit_wait_for(&go, 2);
    return NULL;
}

static void *set_user(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++)
        unit_child_assert(setresuid((uid_t)(1000 + i), (uid_t)-1, 0) == 0);
    atomic_fetch_add(&ready, 1);
    return NULL;
}

START_TEST(users_are_set_in_threads_that_come_and_go)
{
    if (geteuid() != 0)
        unit_skip("needs root");
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t threads[4], setters[2];
        for (intptr_t i = 0; i < 4; i++)
            unit_child_assert(
                pthread_create(&threads[i], NULL, create_for_a_while, (void *)(i % 2)) == 0);
        for (int i = 0; i < 2; i++)
            unit_child_assert(pthread_create(&setters[i], NULL, set_user, NULL) == 0);
        for (int i = 0; i < 2; i++)
            unit_child_assert(pthread_join(setters[i], NULL) == 0);
        unit_child_assert(setresuid(4711, (uid_t)-1, 0) == 0);
        atomic_store(&go, 1);
        /* Only threads that are about to go may not have heard of it. */
        while (threads_other_than("Uid:", 4711) > 0)
            sched_yield();
        atomic_store(&go, 2);
        for (int i = 0; i < 4; i++)
            unit_child_assert(pthread_join(threads[i], NULL) == 0);
        unit_child_assert(atomic_load(&count) > 0);
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

static int resolve(void *unused)
{
    (void)unused;
    int errors = 0;
    for (int i = 0; i < 200; i++) {
        struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                 .ai_socktype = SOCK_STREAM},
                        *found = NULL;
        errors += getaddrinfo(i % 2 ? "127.0.0.1" : "::1", "80", &hints, &found) != 0;
        errors += !found || found->ai_family != (i % 2 ? AF_INET : AF_INET6);
        if (found)
            freeaddrinfo(found);
        errors += getaddrinfo("no address", "80", &hints, &found) != EAI_NONAME;
    }
    return errors;
}

START_TEST(addresses_are_resolved_by_many_threads)
{
    struct unit_call calls[4];
    for (int i = 0; i < 4; i++)
        unit_start(&calls[i], resolve, NULL);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(unit_finish(&calls[i]), 0);
}
END_TEST

/* Functions that libc calls in threads of its own making. */

static pthread_t notified_in;
static atomic_int notified, value_seen;

static void be_notified(union sigval value)
{
    notified_in = pthread_self();
    atomic_store(&value_seen, value.sival_int);
    atomic_fetch_add(&notified, 1);
}

static void be_notified_and_exit(union sigval value)
{
    be_notified(value);
    pthread_exit(NULL);
}

static void be_notified_and_cancel(union sigval value)
{
    be_notified(value);
    pthread_cancel(pthread_self());
    pthread_testcancel();
    atomic_store(&value_seen, -1);
}

static pthread_key_t life_key;

static void count_destroyed(void *value)
{
    (void)value;
    atomic_fetch_add(&count, 1);
}

static void be_notified_with_value_of_key(union sigval value)
{
    pthread_setspecific(life_key, &life_key);
    be_notified(value);
}

START_TEST(a_timer_calls_its_function_in_another_thread_again_and_again)
{
    void (*const functions[])(union sigval) = {be_notified, be_notified_and_exit,
                                               be_notified_and_cancel};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 4711};
    struct itimerspec time = {{0, 1000000}, {0, 1000000}};
    timer_t timer;
    event.sigev_notify_function = functions[_i];
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    ck_assert_int_eq(timer_settime(timer, 0, &time, NULL), 0);
    unit_wait_for(&notified, 50);
    ck_assert_int_eq(timer_delete(timer), 0);
    ck_assert_int_eq(atomic_load(&value_seen), 4711);
    ck_assert(!pthread_equal(notified_in, pthread_self()));
}
END_TEST

START_TEST(keys_are_destroyed_after_the_function_of_a_timer)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD};
    struct itimerspec time = {{0, 1000000}, {0, 1000000}};
    timer_t timer;
    ck_assert_int_eq(pthread_key_create(&life_key, count_destroyed), 0);
    event.sigev_notify_function = be_notified_with_value_of_key;
    ck_assert_int_eq(timer_create(CLOCK_REALTIME, &event, &timer), 0);
    ck_assert_int_eq(timer_settime(timer, 0, &time, NULL), 0);
    unit_wait_for(&count, 10);
    ck_assert_int_eq(timer_delete(timer), 0);
}
END_TEST

static atomic_uintptr_t notified_stack;

static void tell_stack(union sigval value)
{
    atomic_store(&notified_stack, (uintptr_t)__builtin_frame_address(0));
    be_notified(value);
}

START_TEST(a_timer_has_the_attributes_it_is_given)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = tell_stack};
    struct itimerspec time = {{0, 0}, {0, 1000000}};
    pthread_attr_t attr;
    timer_t timer;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    /* A frame this far down would be outside of a default stack on musl. */
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 1 << 20), 0);
    event.sigev_notify_attributes = &attr;
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(timer_settime(timer, 0, &time, NULL), 0);
    unit_wait_for(&notified, 1);
    ck_assert_uint_ne(atomic_load(&notified_stack), 0);
    ck_assert_int_eq(timer_delete(timer), 0);
}
END_TEST

START_TEST(many_timers_come_and_go)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = be_notified};
    struct itimerspec time = {{0, 0}, {0, 1}};
    for (int i = 0; i < 200; i++) {
        timer_t timer;
        ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
        if (i % 2) {
            int before = atomic_load(&notified);
            ck_assert_int_eq(timer_settime(timer, 0, &time, NULL), 0);
            unit_wait_for(&notified, before + 1);
        }
        ck_assert_int_eq(timer_delete(timer), 0);
    }
}
END_TEST

START_TEST(input_and_output_are_done_asynchronously)
{
    int ends[2];
    char in[] = "hello", out[8] = "";
    ck_assert_int_eq(pipe(ends), 0);
    for (int i = 0; i < 50; i++) {
        struct aiocb read = {.aio_fildes = ends[0], .aio_buf = out, .aio_nbytes = 5},
                     write = {.aio_fildes = ends[1], .aio_buf = in, .aio_nbytes = 5};
        const struct aiocb *list[] = {&read};
        memset(out, 0, sizeof out);
        read.aio_sigevent.sigev_notify = SIGEV_THREAD;
        read.aio_sigevent.sigev_notify_function = i % 2 ? be_notified : be_notified_and_exit;
        read.aio_sigevent.sigev_value.sival_int = i;
        ck_assert_int_eq(aio_read(&read), 0);
        ck_assert_int_eq(aio_error(&read), EINPROGRESS);
        ck_assert_int_eq(aio_write(&write), 0);
        while (aio_suspend(list, 1, NULL) != 0)
            ck_assert_int_eq(errno, EINTR);
        ck_assert_int_eq(aio_error(&read), 0);
        ck_assert_int_eq(aio_return(&read), 5);
        ck_assert_str_eq(out, "hello");
        unit_wait_for(&notified, i + 1);
        while (aio_error(&write) == EINPROGRESS)
            sched_yield();
        ck_assert_int_eq(aio_return(&write), 5);
    }
}
END_TEST

START_TEST(asynchronous_input_is_cancelled)
{
    int ends[2];
    char out[8];
    ck_assert_int_eq(pipe(ends), 0);
    for (int i = 0; i < 50; i++) {
        struct aiocb read = {.aio_fildes = ends[0], .aio_buf = out, .aio_nbytes = 5};
        ck_assert_int_eq(aio_read(&read), 0);
        int result = aio_cancel(ends[0], &read);
        /* glibc's does not cancel what a thread of its own is in; there is then data for it. */
        if (result == AIO_NOTCANCELED) {
            ck_assert_int_eq(write(ends[1], "hello", 5), 5);
            while (aio_error(&read) == EINPROGRESS)
                sched_yield();
            ck_assert_int_eq(aio_return(&read), 5);
        } else {
            ck_assert_int_eq(result, AIO_CANCELED);
            /* libc defect: musl says so a moment too early. */
            while (aio_error(&read) == EINPROGRESS)
                sched_yield();
            ck_assert_int_eq(aio_error(&read), ECANCELED);
            ck_assert_int_eq(aio_return(&read), -1);
        }
    }
}
END_TEST

START_TEST(a_message_queue_calls_its_function_in_another_thread)
{
    char name[64], buffer[64];
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = sizeof buffer};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 17};
    snprintf(name, sizeof name, "/unit-life-%d", (int)getpid());
    mqd_t mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    if (mq == (mqd_t)-1)
        unit_skip("no message queues");
    mq_unlink(name);
    for (int i = 0; i < 20; i++) {
        event.sigev_notify_function = i % 2 ? be_notified : be_notified_and_exit;
        ck_assert_int_eq(mq_notify(mq, &event), 0);
        ck_assert_int_eq(mq_send(mq, "x", 1, 0), 0);
        unit_wait_for(&notified, i + 1);
        ck_assert_int_eq(mq_receive(mq, buffer, sizeof buffer, NULL), 1);
    }
    ck_assert_int_eq(atomic_load(&value_seen), 17);
    ck_assert(!pthread_equal(notified_in, pthread_self()));
    mq_close(mq);
}
END_TEST

/* Processes. */

static pthread_t forker;

static void *join_forker(void *arg)
{
    void *result = NULL;
    unit_child_assert(pthread_join(forker, &result) == 0);
    unit_child_assert(result == arg);
    _exit(42);
}

/* The child has one thread, which goes on, creates others, and is joined by one of them. */
static int fork_here(void *arg)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        void *result = NULL;
        alarm(30);
        forker = pthread_self();
        for (int i = 0; i < 100; i++) {
            unit_child_assert(pthread_create(&thread, NULL, do_nothing, &count) == 0);
            unit_child_assert(pthread_join(thread, &result) == 0);
            unit_child_assert(result == &count);
        }
        unit_child_assert(pthread_equal(forker, pthread_self()));
        unit_child_assert(pthread_kill(forker, 0) == 0);
        if (arg) {
            unit_child_assert(pthread_create(&thread, NULL, join_forker, &forker) == 0);
            pthread_exit(&forker);
        }
        _exit(42);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

START_TEST(a_child_of_fork_creates_threads_and_its_first_is_joined)
{
    pthread_t threads[4];
    static int yes;
    void *arg = _i / 2 ? &yes : NULL;
    start(threads, 4, wait_until_go, NULL);
    for (int i = 0; i < 10; i++) {
        int status = _i % 2 ? unit_elsewhere(fork_here, arg) : fork_here(arg);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status 0x%x", status);
    }
    atomic_store(&go, 1);
    join(threads, 4);
}
END_TEST

static void *fork_detached(void *unused)
{
    (void)unused;
    int status = fork_here(NULL);
    atomic_store(&ready, WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    return NULL;
}

START_TEST(a_detached_thread_forks)
{
    pthread_t thread;
    pthread_attr_t attr;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, fork_detached, NULL), 0);
    unit_wait_for(&ready, 1);
    ck_assert_int_eq(atomic_load(&ready), 42);
}
END_TEST

START_TEST(forks_while_threads_come_and_go_are_good)
{
    pthread_t threads[3];
    for (intptr_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, create_for_a_while, (void *)(i % 2)), 0);
    for (int i = 0; i < 100; i++) {
        int status = fork_here(i % 2 ? &go : NULL);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status 0x%x", status);
    }
    atomic_store(&go, 2);
    join(threads, 3);
}
END_TEST

static char order[64];

static void append(char c)
{
    size_t length = strlen(order);
    order[length] = c;
    order[length + 1] = 0;
}
static void prepare_a(void)
{
    append('a');
}
static void prepare_b(void)
{
    append('b');
}
static void parent_a(void)
{
    append('p');
}
static void parent_b(void)
{
    append('q');
}
static void child_a(void)
{
    append('c');
}
static void child_b(void)
{
    append('d');
}

static int fork_with_handlers(void *unused)
{
    (void)unused;
    pid_t pid = fork();
    if (pid == 0)
        _exit(strcmp(order, "bacd") != 0);
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

START_TEST(atfork_handlers_run_in_order_in_the_thread_that_forks)
{
    ck_assert_int_eq(pthread_atfork(prepare_a, parent_a, child_a), 0);
    ck_assert_int_eq(pthread_atfork(prepare_b, parent_b, child_b), 0);
    ck_assert_int_eq(_i ? unit_elsewhere(fork_with_handlers, NULL) : fork_with_handlers(NULL), 0);
    ck_assert_str_eq(order, "bapq");
}
END_TEST

static void say_good_bye(void)
{
    _exit(atomic_load(&count) == 3 ? 43 : 1);
}

static void *count_after_initial_thread(void *arg)
{
    /* The initial thread has ended when it is a zombie. */
    char state;
    do {
        state = unit_state(getpid(), getpid());
        unit_child_assert(state != 0);
    } while (state != 'Z');
    atomic_fetch_add(&count, 1);
    return arg;
}

START_TEST(the_process_goes_on_after_the_initial_thread_and_ends_with_the_last)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t thread;
        for (int i = 0; i < 3; i++)
            unit_child_assert(pthread_create(&thread, NULL, count_after_initial_thread, NULL) == 0);
        if (_i == 1)
            atexit(say_good_bye);
        pthread_exit((void *)1);
    }
    ck_assert_int_eq(exit_status(pid), _i == 1 ? 43 : 0);
}
END_TEST

START_TEST(pthread_exit_of_the_only_thread_ends_the_process_with_success)
{
    pid_t pid = unit_fork();
    if (pid == 0)
        pthread_exit((void *)1);
    ck_assert_int_eq(exit_status(pid), 0);
}
END_TEST

static void *exit_process(void *arg)
{
    unit_wait_for(&ready, 4);
    exit((int)(intptr_t)arg);
}

static void leave_with_count(void)
{
    _exit(44);
}

START_TEST(exit_in_a_thread_ends_the_process_whatever_others_do)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t thread;
        for (int i = 0; i < 4; i++)
            unit_child_assert(pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0);
        if (_i == 1)
            atexit(leave_with_count);
        unit_child_assert(pthread_create(&thread, NULL, exit_process, (void *)41) == 0);
        pthread_join(thread, NULL);
        pause();
    }
    ck_assert_int_eq(exit_status(pid), _i == 1 ? 44 : 41);
}
END_TEST

static void *create_for_ever(void *arg)
{
    atomic_fetch_add(&ready, 1);
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, do_nothing, arg) == 0)
            pthread_join(thread, NULL);
    }
    return NULL;
}

START_TEST(exit_amid_creations_ends_the_process)
{
    for (int i = 0; i < 30; i++) {
        pid_t pid = unit_fork();
        if (pid == 0) {
            pthread_t thread;
            for (int j = 0; j < 4; j++)
                unit_child_assert(pthread_create(&thread, NULL, create_for_ever, NULL) == 0);
            unit_wait_for(&ready, 4);
            exit(40);
        }
        ck_assert_int_eq(exit_status(pid), 40);
    }
}
END_TEST

/* The end of a thread. */

static void note_and_exit(void *arg)
{
    append(*(char *)arg);
    pthread_exit(arg);
}

static void note(void *arg)
{
    append(*(char *)arg);
}

static void *exit_again_and_again(void *arg)
{
    pthread_setspecific(life_key, "k");
    pthread_cleanup_push(note, "a");
    pthread_cleanup_push(note_and_exit, "b");
    pthread_cleanup_push(note, "c");
    pthread_exit(arg);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

/* Undefined by POSIX; but the thread ends, and what was to be done before is done once. */
START_TEST(pthread_exit_in_a_cleanup_handler_goes_on_with_the_end)
{
    if (!unit_on_furwock_threads())
        unit_skip("undefined here");
    pthread_t thread;
    ck_assert_int_eq(pthread_key_create(&life_key, note), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, exit_again_and_again, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(order, "cbak");
}
END_TEST

static void *set_key(void *arg)
{
    pthread_setspecific(life_key, arg);
    return arg;
}

START_TEST(pthread_exit_in_a_destructor_goes_on_with_the_end)
{
    if (!unit_on_furwock_threads())
        unit_skip("undefined here");
    pthread_t thread;
    ck_assert_int_eq(pthread_key_create(&life_key, note_and_exit), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, set_key, "k"), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(order, "k");
}
END_TEST

static void set_again(void *value)
{
    atomic_fetch_add(&count, 1);
    pthread_setspecific(life_key, value);
}

START_TEST(destructors_run_in_rounds_as_many_as_promised)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_key_create(&life_key, set_again), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, set_key, "k"), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(atomic_load(&count), PTHREAD_DESTRUCTOR_ITERATIONS);
}
END_TEST

static void create_in_destructor(void *value)
{
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, do_nothing, value) == 0 &&
        pthread_join(thread, &result) == 0 && result == value)
        atomic_fetch_add(&count, 1);
}

START_TEST(a_destructor_creates_and_joins_threads)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_key_create(&life_key, create_in_destructor), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, set_key, "k"), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(atomic_load(&count), 1);
}
END_TEST

static pthread_mutex_t robust;

static void *lock_and_end(void *arg)
{
    pthread_mutex_lock(&robust);
    atomic_store(&ready, unit_gettid());
    switch ((intptr_t)arg) {
    case 0:
        return NULL;
    case 1:
        pthread_exit(NULL);
    default:
        for (;;)
            pause();
    }
}

START_TEST(a_robust_mutex_is_handed_on_however_its_owner_ends)
{
    enum { RETURN, EXIT, CANCEL, DETACHED };
    ck_assert_int_eq(unit_mutex_init(&robust, PTHREAD_MUTEX_NORMAL, 0, 1, PTHREAD_PRIO_NONE), 0);
    for (int round = 0; round < 100; round++) {
        pthread_t thread;
        atomic_store(&ready, 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, lock_and_end,
                                        (void *)(intptr_t)(_i == DETACHED ? RETURN : _i)),
                         0);
        if (_i == DETACHED)
            ck_assert_int_eq(pthread_detach(thread), 0);
        unit_wait_for(&ready, 1);
        if (_i == CANCEL)
            ck_assert_int_eq(pthread_cancel(thread), 0);
        ck_assert_int_eq(pthread_mutex_lock(&robust), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_consistent(&robust), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&robust), 0);
        if (_i != DETACHED)
            ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
}
END_TEST

/* Names. */

static void expect_name(pthread_t thread, const char *wanted)
{
    char name[16] = "";
    ck_assert_int_eq(pthread_getname_np(thread, name, sizeof name), 0);
    ck_assert_str_eq(name, wanted);
}

static int has_name(void *wanted)
{
    char name[16] = "", comm[32] = "", path[64];
    if (pthread_getname_np(pthread_self(), name, sizeof name) != 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)unit_gettid());
    FILE *file = fopen(path, "r");
    if (!file || !fgets(comm, sizeof comm, file))
        return 0;
    fclose(file);
    comm[strcspn(comm, "\n")] = 0;
    return strcmp(name, wanted) == 0 && strcmp(comm, wanted) == 0;
}

START_TEST(names_are_set_and_told)
{
    static const char *const names[] = {"a", "fifteen letters", "", "with % and /", "z"};
    pthread_t thread;
    start(&thread, 1, wait_until_go, NULL);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(pthread_setname_np(pthread_self(), names[i]), 0);
        expect_name(pthread_self(), names[i]);
        ck_assert_int_eq(has_name((void *)names[i]), 1);
        /* libc defect: glibc cannot take another thread's name away. */
        if (i == 2)
            continue;
        ck_assert_int_eq(pthread_setname_np(thread, names[4 - i]), 0);
        expect_name(thread, names[4 - i]);
        expect_name(pthread_self(), names[i]);
    }
    /* A new thread has its creator's. */
    ck_assert_int_eq(unit_elsewhere(has_name, (void *)"z"), 1);
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

START_TEST(names_that_are_too_long_return_ERANGE_and_change_nothing)
{
    char name[64];
    pthread_t thread;
    start(&thread, 1, wait_until_go, NULL);
    ck_assert_int_eq(pthread_setname_np(pthread_self(), "self"), 0);
    ck_assert_int_eq(pthread_setname_np(thread, "other"), 0);
    ck_assert_int_eq(pthread_setname_np(pthread_self(), "sixteen letters."), ERANGE);
    ck_assert_int_eq(pthread_setname_np(thread, "sixteen letters."), ERANGE);
    ck_assert_int_eq(pthread_setname_np(thread, "many more than sixteen letters"), ERANGE);
    for (size_t size = 0; size < 16; size++) {
        ck_assert_int_eq(pthread_getname_np(pthread_self(), name, size), ERANGE);
        ck_assert_int_eq(pthread_getname_np(thread, name, size), ERANGE);
    }
    expect_name(pthread_self(), "self");
    expect_name(thread, "other");
    ck_assert_int_eq(pthread_getname_np(thread, name, sizeof name), 0);
    ck_assert_str_eq(name, "other");
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

/* Ended threads that have not been joined. */

START_TEST(an_ended_thread_takes_signals_and_has_nothing_else)
{
    pthread_t thread;
    char name[16];
    int policy;
    struct sched_param param = {0};
    clockid_t clock;
    cpu_set_t cpus;
    create_ended(&thread);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_kill(thread, 0), 0);
        ck_assert_int_eq(pthread_kill(thread, SIGKILL), 0);
        ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
        ck_assert_int_eq(pthread_cancel(thread), 0);
    }
    /* glibc does not say the same of all these. */
    if (unit_on_furwock_threads()) {
        ck_assert_int_eq(pthread_sigqueue(thread, SIGUSR1, (union sigval){0}), 0);
        ck_assert_int_eq(pthread_setname_np(thread, "x"), ESRCH);
        ck_assert_int_eq(pthread_getname_np(thread, name, sizeof name), ESRCH);
        ck_assert_int_eq(pthread_getschedparam(thread, &policy, &param), ESRCH);
        ck_assert_int_eq(pthread_setschedparam(thread, SCHED_OTHER, &param), ESRCH);
        ck_assert_int_eq(pthread_setschedprio(thread, 0), ESRCH);
        ck_assert_int_eq(pthread_getcpuclockid(thread, &clock), ESRCH);
        ck_assert_int_eq(pthread_getaffinity_np(thread, sizeof cpus, &cpus), ESRCH);
        CPU_ZERO(&cpus);
        ck_assert_int_eq(pthread_setaffinity_np(thread, sizeof cpus, &cpus), ESRCH);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

static void *end_when_told(void *unused)
{
    (void)unused;
    while (!atomic_load(&go))
        ;
    return NULL;
}

START_TEST(signals_at_any_moment_of_the_end_reach_nobody_else)
{
    /* The number of an ended thread may be another's: SIGUSR1 kills. */
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    for (int i = 0; i < 3000; i++) {
        pthread_t thread;
        atomic_store(&go, 0);
        ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &mask, NULL), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, end_when_told, NULL), 0);
        ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &mask, NULL), 0);
        atomic_store(&go, 1);
        for (int j = 0; j < 10; j++)
            ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
}
END_TEST

/* Signals. */

static pthread_t handled_in;
static atomic_int handled, code, value;

static void handle(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    handled_in = pthread_self();
    atomic_store(&code, info->si_code);
    atomic_store(&value, info->si_value.sival_int);
    atomic_fetch_add(&handled, 1);
}

static void set_handler(int signal)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
    ck_assert_int_eq(sigaction(signal, &action, NULL), 0);
}

START_TEST(pthread_kill_reaches_the_thread)
{
    pthread_t threads[4];
    set_handler(SIGUSR1);
    start(threads, 4, wait_until_go, NULL);
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(pthread_kill(threads[i % 4], SIGUSR1), 0);
        unit_wait_for(&handled, i + 1);
        ck_assert(pthread_equal(handled_in, threads[i % 4]));
        ck_assert_int_eq(atomic_load(&code), SI_TKILL);
    }
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_int_eq(atomic_load(&handled), 41);
    ck_assert(pthread_equal(handled_in, pthread_self()));
    atomic_store(&go, 1);
    join(threads, 4);
}
END_TEST

START_TEST(pthread_sigqueue_reaches_the_thread_with_a_value)
{
    pthread_t thread;
    set_handler(SIGRTMIN);
    start(&thread, 1, wait_until_go, NULL);
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(pthread_sigqueue(thread, SIGRTMIN, (union sigval){.sival_int = i}), 0);
        unit_wait_for(&handled, i + 1);
        ck_assert(pthread_equal(handled_in, thread));
        ck_assert_int_eq(atomic_load(&code), SI_QUEUE);
        ck_assert_int_eq(atomic_load(&value), i);
    }
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

START_TEST(what_is_no_signal_returns_EINVAL)
{
    const int bad[] = {-1, 65, 1000, INT_MAX, INT_MIN, 32, 33};
    for (int i = 0; i < 7; i++) {
        ck_assert_int_eq(pthread_kill(pthread_self(), bad[i]), EINVAL);
        ck_assert_int_eq(pthread_sigqueue(pthread_self(), bad[i], (union sigval){0}), EINVAL);
    }
    for (int signal = 1; signal < SIGRTMIN; signal++)
        if (signal >= 32)
            ck_assert_int_eq(pthread_kill(pthread_self(), signal), EINVAL);
}
END_TEST

START_TEST(pthread_sigmask_changes_the_mask_of_the_caller_only)
{
    sigset_t set, former;
    pthread_t thread;
    set_handler(SIGUSR1);
    start(&thread, 1, wait_until_go, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, &former), 0);
    ck_assert_int_eq(sigismember(&former, SIGUSR1), 0);
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_int_eq(atomic_load(&handled), 0);
    ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
    unit_wait_for(&handled, 1);
    ck_assert(pthread_equal(handled_in, thread));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, &former), 0);
    ck_assert_int_eq(sigismember(&former, SIGUSR1), 1);
    ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &former, NULL), 0);
    /* It comes before the return. */
    ck_assert_int_eq(atomic_load(&handled), 2);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &former), 0);
    ck_assert_int_eq(sigismember(&former, SIGUSR1), 0);
    ck_assert_int_eq(sigismember(&former, SIGUSR2), 1);
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

START_TEST(pthread_sigmask_refuses_what_it_is_not_to_do)
{
    sigset_t set, former, after;
    const int bad[] = {-1, 3, 100, INT_MAX};
    sigfillset(&set);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &former), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_sigmask(bad[i], &set, NULL), EINVAL);
        /* Without a set there is nothing to do. */
        ck_assert_int_eq(pthread_sigmask(bad[i], NULL, &after), 0);
        for (int signal = 1; signal < 32; signal++)
            ck_assert_int_eq(sigismember(&after, signal), sigismember(&former, signal));
    }
    /* What cannot be blocked is left out. */
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &set, NULL), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (signal < 32 || signal >= SIGRTMIN)
            ck_assert_int_eq(sigismember(&after, signal), signal != SIGKILL && signal != SIGSTOP);
}
END_TEST

START_TEST(a_signal_for_the_process_comes_to_a_thread_that_lets_it)
{
    pthread_t thread;
    sigset_t set;
    set_handler(SIGUSR1);
    start(&thread, 1, wait_until_go, NULL);
    unit_wait_for(&ready, 1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
        unit_wait_for(&handled, i + 1);
        ck_assert(pthread_equal(handled_in, thread));
    }
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

/* Clocks and scheduling. */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    ck_assert_int_eq(clock_gettime(clock, &time), 0);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *use_processor(void *unused)
{
    (void)unused;
    atomic_store(&ready, 1);
    while (!atomic_load(&go))
        ;
    return NULL;
}

START_TEST(the_clock_of_a_thread_counts_what_it_uses)
{
    pthread_t busy, idle;
    clockid_t busy_clock, idle_clock, self_clock;
    ck_assert_int_eq(pthread_create(&idle, NULL, sleep_for_ever, NULL), 0);
    unit_wait_for(&ready, 1);
    atomic_store(&ready, 0);
    ck_assert_int_eq(pthread_create(&busy, NULL, use_processor, NULL), 0);
    unit_wait_for(&ready, 1);
    ck_assert_int_eq(pthread_getcpuclockid(busy, &busy_clock), 0);
    ck_assert_int_eq(pthread_getcpuclockid(idle, &idle_clock), 0);
    ck_assert_int_eq(pthread_getcpuclockid(pthread_self(), &self_clock), 0);
    int64_t begin = clock_ns(busy_clock), idle_begin = clock_ns(idle_clock);
    while (clock_ns(busy_clock) < begin + 20000000)
        ;
    ck_assert_int_lt(clock_ns(idle_clock) - idle_begin, 10000000);
    int64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID), self = clock_ns(self_clock),
            after = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    ck_assert(before <= self && self <= after);
    atomic_store(&go, 1);
    ck_assert_int_eq(pthread_join(busy, NULL), 0);
}
END_TEST

START_TEST(scheduling_of_a_thread_is_set_and_told)
{
    pthread_t thread;
    int policy = -1;
    struct sched_param param = {.sched_priority = 7};
    start(&thread, 1, wait_until_go, NULL);
    int error = pthread_setschedparam(thread, SCHED_FIFO, &param);
    if (error == EPERM)
        unit_skip("no real-time priorities");
    ck_assert_int_eq(error, 0);
    param.sched_priority = -1;
    ck_assert_int_eq(pthread_getschedparam(thread, &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_FIFO);
    ck_assert_int_eq(param.sched_priority, 7);
    ck_assert_int_eq(pthread_setschedprio(thread, 9), 0);
    ck_assert_int_eq(pthread_getschedparam(thread, &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_FIFO);
    ck_assert_int_eq(param.sched_priority, 9);
    /* Refused, and as before. */
    ck_assert_int_eq(pthread_setschedprio(thread, 100), EINVAL);
    ck_assert_int_eq(pthread_setschedprio(thread, 0), EINVAL);
    param.sched_priority = 0;
    ck_assert_int_eq(pthread_setschedparam(thread, SCHED_RR, &param), EINVAL);
    ck_assert_int_eq(pthread_setschedparam(thread, 4711, &param), EINVAL);
    ck_assert_int_eq(pthread_getschedparam(thread, &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_FIFO);
    ck_assert_int_eq(param.sched_priority, 9);
    /* The caller's own is its own. */
    ck_assert_int_eq(pthread_getschedparam(pthread_self(), &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_OTHER);
    ck_assert_int_eq(param.sched_priority, 0);
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

START_TEST(scheduling_that_is_not_permitted_returns_EPERM)
{
    struct sched_param param = {.sched_priority = 7};
    int policy;
    if (geteuid() == 0)
        ck_assert_int_eq(setuid(65534), 0);
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0)
        unit_skip("permitted");
    ck_assert_int_eq(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param), EPERM);
    ck_assert_int_eq(pthread_getschedparam(pthread_self(), &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_OTHER);
}
END_TEST

START_TEST(processors_of_a_thread_are_set_and_told)
{
    pthread_t thread;
    cpu_set_t all, one, found;
    start(&thread, 1, wait_until_go, NULL);
    CPU_ZERO(&all);
    ck_assert_int_eq(pthread_getaffinity_np(pthread_self(), sizeof all, &all), 0);
    ck_assert_int_ge(CPU_COUNT(&all), 1);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        ck_assert_int_eq(pthread_setaffinity_np(thread, sizeof one, &one), 0);
        memset(&found, 0xff, sizeof found);
        ck_assert_int_eq(pthread_getaffinity_np(thread, sizeof found, &found), 0);
        ck_assert(CPU_EQUAL(&found, &one));
    }
    CPU_ZERO(&one);
    ck_assert_int_eq(pthread_setaffinity_np(thread, sizeof one, &one), EINVAL);
    ck_assert_int_eq(pthread_getaffinity_np(thread, 1, &one), EINVAL);
    CPU_ZERO(&found);
    ck_assert_int_eq(pthread_getaffinity_np(pthread_self(), sizeof found, &found), 0);
    ck_assert(CPU_EQUAL(&found, &all));
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

START_TEST(the_concurrency_level_is_kept)
{
    ck_assert_int_eq(pthread_getconcurrency(), 0);
    ck_assert_int_eq(pthread_setconcurrency(-1), EINVAL);
    ck_assert_int_eq(pthread_setconcurrency(INT_MIN), EINVAL);
    ck_assert_int_eq(pthread_getconcurrency(), 0);
    /* libc defect: musl knows none but 0. */
    if (pthread_setconcurrency(5) == EAGAIN && !unit_on_furwock_threads())
        unit_skip("not here");
    ck_assert_int_eq(pthread_getconcurrency(), 5);
    ck_assert_int_eq(pthread_setconcurrency(0), 0);
    ck_assert_int_eq(pthread_getconcurrency(), 0);
}
END_TEST

static void add_tests_beside_libc(TCase *tcase)
{
    tcase_add_test(tcase, errno_is_each_threads_own);
    tcase_add_test(tcase, a_locale_is_the_threads_own_until_it_is_the_processs);
    tcase_add_test(tcase, dlerror_tells_each_thread_its_own_error);
    tcase_add_test(tcase, a_file_that_was_locked_by_an_ended_thread_stays_locked);
    tcase_add_test(tcase, a_file_is_locked_out_by_another_thread_until_unlocked);
    tcase_add_test(tcase, lines_of_several_threads_are_not_mixed);
    tcase_add_test(tcase, memory_is_allocated_and_freed_by_many_threads);
    tcase_add_test(tcase, users_and_groups_are_set_in_all_threads);
    tcase_add_test(tcase, users_are_set_in_threads_that_come_and_go);
    tcase_add_test(tcase, addresses_are_resolved_by_many_threads);
    tcase_add_loop_test(tcase, a_timer_calls_its_function_in_another_thread_again_and_again, 0, 3);
    tcase_add_test(tcase, keys_are_destroyed_after_the_function_of_a_timer);
    tcase_add_test(tcase, a_timer_has_the_attributes_it_is_given);
    tcase_add_test(tcase, many_timers_come_and_go);
    tcase_add_test(tcase, input_and_output_are_done_asynchronously);
    tcase_add_test(tcase, asynchronous_input_is_cancelled);
    tcase_add_test(tcase, a_message_queue_calls_its_function_in_another_thread);
}

static void add_tests_of_ends(TCase *tcase)
{
    tcase_add_loop_test(tcase, a_child_of_fork_creates_threads_and_its_first_is_joined, 0, 4);
    tcase_add_test(tcase, a_detached_thread_forks);
    tcase_add_test(tcase, forks_while_threads_come_and_go_are_good);
    tcase_add_loop_test(tcase, atfork_handlers_run_in_order_in_the_thread_that_forks, 0, 2);
    tcase_add_loop_test(tcase, the_process_goes_on_after_the_initial_thread_and_ends_with_the_last,
                        0, 2);
    tcase_add_test(tcase, pthread_exit_of_the_only_thread_ends_the_process_with_success);
    tcase_add_loop_test(tcase, exit_in_a_thread_ends_the_process_whatever_others_do, 0, 2);
    tcase_add_test(tcase, exit_amid_creations_ends_the_process);
    tcase_add_test(tcase, pthread_exit_in_a_cleanup_handler_goes_on_with_the_end);
    tcase_add_test(tcase, pthread_exit_in_a_destructor_goes_on_with_the_end);
    tcase_add_test(tcase, destructors_run_in_rounds_as_many_as_promised);
    tcase_add_test(tcase, a_destructor_creates_and_joins_threads);
    tcase_add_loop_test(tcase, a_robust_mutex_is_handed_on_however_its_owner_ends, 0, 4);
}

static void add_tests_of_threads(TCase *tcase)
{
    tcase_add_test(tcase, names_are_set_and_told);
    tcase_add_test(tcase, names_that_are_too_long_return_ERANGE_and_change_nothing);
    tcase_add_test(tcase, an_ended_thread_takes_signals_and_has_nothing_else);
    tcase_add_test(tcase, signals_at_any_moment_of_the_end_reach_nobody_else);
    tcase_add_test(tcase, pthread_kill_reaches_the_thread);
    tcase_add_test(tcase, pthread_sigqueue_reaches_the_thread_with_a_value);
    tcase_add_test(tcase, what_is_no_signal_returns_EINVAL);
    tcase_add_test(tcase, pthread_sigmask_changes_the_mask_of_the_caller_only);
    tcase_add_test(tcase, pthread_sigmask_refuses_what_it_is_not_to_do);
    tcase_add_test(tcase, a_signal_for_the_process_comes_to_a_thread_that_lets_it);
    tcase_add_test(tcase, the_clock_of_a_thread_counts_what_it_uses);
    tcase_add_test(tcase, scheduling_of_a_thread_is_set_and_told);
    tcase_add_test(tcase, scheduling_that_is_not_permitted_returns_EPERM);
    tcase_add_test(tcase, processors_of_a_thread_are_set_and_told);
    tcase_add_test(tcase, the_concurrency_level_is_kept);
}

static Suite *thread_life_suite(void)
{
    Suite *suite = suite_create("thread_life");
    TCase *tcase = tcase_create("thread_life");
    tcase_set_timeout(tcase, 30);
    add_tests_beside_libc(tcase);
    add_tests_of_ends(tcase);
    add_tests_of_threads(tcase);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_life_suite)
