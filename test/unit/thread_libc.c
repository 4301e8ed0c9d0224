/* libc beside threads: what is each thread's own, what all have together, what makes threads. */
#include "thread_life.h"
#include <aio.h>
#include <dirent.h>
#include <dlfcn.h>
#include <grp.h>
#include <locale.h>
#include <mqueue.h>
#include <netdb.h>

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

enum { OPENED, INPUT, OUTPUT, ERRORS, FILES, MUCH = 1 << 17 };

/* Blocks, while the file is locked. */
static int use_file(void *file)
{
    static char much[MUCH];
    if (file == stdin)
        return fgetc(file);
    return fwrite(much, MUCH, 1, file) == 1 && fflush(file) == 0;
}

START_TEST(a_file_from_before_the_first_thread_is_locked_while_it_is_used)
{
    int ends[2];
    static char much[MUCH];
    struct unit_call user;
    ck_assert_int_eq(pipe(ends), 0);
    FILE *file = _i == INPUT    ? stdin
                 : _i == OUTPUT ? stdout
                 : _i == ERRORS ? stderr
                                : fdopen(ends[1], "w");
    ck_assert_ptr_nonnull(file);
    if (_i != OPENED)
        ck_assert_int_eq(dup2(ends[_i != INPUT], fileno(file)), fileno(file));
    unit_start(&user, use_file, file);
    unit_wait_until_blocked(&user);
    ck_assert_int_eq(unit_elsewhere(try_file, file), 1);
    if (_i == INPUT)
        ck_assert_int_eq(write(ends[1], "\1", 1), 1);
    else
        for (long left = MUCH, n; left > 0; left -= n)
            ck_assert_int_gt(n = read(ends[0], much, (size_t)left), 0);
    ck_assert_int_eq(unit_finish(&user), 1);
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

static void count_destroyed(void *value)
{
    (void)value;
    atomic_fetch_add(&count, 1);
}

static pthread_key_t life_key;

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

static Suite *thread_libc_suite(void)
{
    Suite *suite = suite_create("thread_libc");
    TCase *tcase = tcase_create("thread_libc");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, errno_is_each_threads_own);
    tcase_add_test(tcase, a_locale_is_the_threads_own_until_it_is_the_processs);
    tcase_add_test(tcase, dlerror_tells_each_thread_its_own_error);
    tcase_add_test(tcase, a_file_that_was_locked_by_an_ended_thread_stays_locked);
    tcase_add_test(tcase, a_file_is_locked_out_by_another_thread_until_unlocked);
    tcase_add_loop_test(tcase, a_file_from_before_the_first_thread_is_locked_while_it_is_used, 0,
                        FILES);
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
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_libc_suite)
