/*
 * The cancellation points that XSH 2.9.5.2 requires, as far as Linux has them: with a request that is
 * there before the call, and with one that comes while the call blocks; and what is none. cancel.c has
 * conds, semaphores, and what is no cancellation point among the synchronisation functions.
 */
#include "thread_cancel.h"
#include <sys/prctl.h>
#include <sys/stat.h>
#include <aio.h>
#include <mqueue.h>
#include <poll.h>
#include <termios.h>
#include <threads.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#ifndef F_OFD_SETLKW
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

/* What the calls have to do with. */
static struct {
    /* a pipe with nothing in it, one that is full; the same of sockets */
    int empty[2], full[2], empty_socket[2], full_socket[2];
    int listener, connecting, file, terminal;
    struct sockaddr_un address;
    socklen_t address_size;
    char directory[64], fifo[80];
    char *page;
    pid_t child;
    int queue;
    mqd_t empty_mq, full_mq;
    struct aiocb aio;
    pthread_t sleeper;
} scene;

static char buffer[1 << 16];
static struct iovec vector = {buffer, 1};
static sigset_t signals;

static struct msghdr message(void)
{
    return (struct msghdr){.msg_iov = &vector, .msg_iovlen = 1};
}

static struct timespec long_time(void)
{
    return (struct timespec){20, 0};
}

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

/* The calls; each returns what it returns. */
static int call_accept(void)
{
    return accept(scene.listener, NULL, NULL);
}
static int call_accept4(void)
{
    return accept4(scene.listener, NULL, NULL, SOCK_CLOEXEC);
}
static int call_aio_suspend(void)
{
    const struct aiocb *list[] = {&scene.aio};
    return aio_suspend(list, 1, NULL);
}
static int call_aio_suspend_timed(void)
{
    const struct aiocb *list[] = {&scene.aio};
    struct timespec time = long_time();
    return aio_suspend(list, 1, &time);
}
static int call_clock_nanosleep(void)
{
    struct timespec time = long_time();
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}
static int call_clock_nanosleep_until(void)
{
    struct timespec time = unit_deadline(CLOCK_REALTIME, 20000);
    return clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL);
}
static int call_close(void)
{
    return close(scene.file);
}
static int call_connect(void)
{
    return connect(scene.connecting, (struct sockaddr *)&scene.address, scene.address_size);
}
static int call_creat(void)
{
    return creat(scene.fifo, 0600);
}
static int call_fcntl_setlkw(void)
{
    struct flock lock = whole_file();
    return fcntl(scene.file, F_SETLKW, &lock);
}
static int call_fcntl_ofd_setlkw(void)
{
    struct flock lock = whole_file();
    return fcntl(scene.file, F_OFD_SETLKW, &lock);
}
static int call_fdatasync(void)
{
    return fdatasync(scene.file);
}
static int call_fsync(void)
{
    return fsync(scene.file);
}
static int call_lockf(void)
{
    return lockf(scene.file, F_LOCK, 0);
}
static int call_mq_receive(void)
{
    return (int)mq_receive(scene.empty_mq, buffer, sizeof buffer, NULL);
}
static int call_mq_timedreceive(void)
{
    struct timespec time = unit_deadline(CLOCK_REALTIME, 20000);
    return (int)mq_timedreceive(scene.empty_mq, buffer, sizeof buffer, NULL, &time);
}
static int call_mq_send(void)
{
    return mq_send(scene.full_mq, buffer, 1, 0);
}
static int call_mq_timedsend(void)
{
    struct timespec time = unit_deadline(CLOCK_REALTIME, 20000);
    return mq_timedsend(scene.full_mq, buffer, 1, 0, &time);
}
static int call_msgrcv(void)
{
    return (int)msgrcv(scene.queue, buffer, 1, 2, 0);
}
static int call_msgsnd(void)
{
    static struct {
        long type;
        char text[1024];
    } text = {.type = 1};
    return msgsnd(scene.queue, &text, sizeof text.text, 0);
}
static int call_msync(void)
{
    return msync(scene.page, 4096, MS_SYNC);
}
static int call_nanosleep(void)
{
    struct timespec time = long_time();
    return nanosleep(&time, NULL);
}
static int call_open(void)
{
    return open(scene.fifo, O_RDONLY);
}
static int call_openat(void)
{
    return openat(AT_FDCWD, scene.fifo, O_RDONLY);
}
static int call_pause(void)
{
    return pause();
}
static int call_poll(void)
{
    struct pollfd fd = {scene.empty[0], POLLIN, 0};
    return poll(&fd, 1, -1);
}
static int call_ppoll(void)
{
    struct pollfd fd = {scene.empty[0], POLLIN, 0};
    return ppoll(&fd, 1, NULL, NULL);
}
static int call_pread(void)
{
    return (int)pread(scene.file, buffer, 1, 0);
}
static int call_pselect(void)
{
    fd_set fds;
    FD_ZERO(&fds);
    FD_SET(scene.empty[0], &fds);
    return pselect(scene.empty[0] + 1, &fds, NULL, NULL, NULL, NULL);
}
static int call_pthread_join(void)
{
    return pthread_join(scene.sleeper, NULL);
}
static int call_pthread_timedjoin(void)
{
    struct timespec time = unit_deadline(CLOCK_REALTIME, 20000);
    return pthread_timedjoin_np(scene.sleeper, NULL, &time);
}
static int call_pthread_clockjoin(void)
{
    struct timespec time = unit_deadline(CLOCK_MONOTONIC, 20000);
    return pthread_clockjoin_np(scene.sleeper, NULL, CLOCK_MONOTONIC, &time);
}
static int call_pthread_testcancel(void)
{
    pthread_testcancel();
    return 0;
}
static int call_pwrite(void)
{
    return (int)pwrite(scene.file, buffer, 1, 0);
}
static int call_read(void)
{
    return (int)read(scene.empty[0], buffer, 1);
}
static int call_readv(void)
{
    return (int)readv(scene.empty[0], &vector, 1);
}
static int call_recv(void)
{
    return (int)recv(scene.empty_socket[0], buffer, 1, 0);
}
static int call_recvfrom(void)
{
    return (int)recvfrom(scene.empty_socket[0], buffer, 1, 0, NULL, NULL);
}
static int call_recvmsg(void)
{
    struct msghdr header = message();
    return (int)recvmsg(scene.empty_socket[0], &header, 0);
}
static int call_select(void)
{
    struct timeval time = {20, 0};
    return select(0, NULL, NULL, NULL, &time);
}
static int call_send(void)
{
    return (int)send(scene.full_socket[0], buffer, 1, 0);
}
static int call_sendmsg(void)
{
    struct msghdr header = message();
    return (int)sendmsg(scene.full_socket[0], &header, 0);
}
static int call_sendto(void)
{
    return (int)sendto(scene.full_socket[0], buffer, 1, 0, NULL, 0);
}
static int call_sigsuspend(void)
{
    return sigsuspend(&signals);
}
static int call_sigtimedwait(void)
{
    struct timespec time = long_time();
    return sigtimedwait(&signals, NULL, &time);
}
static int call_sigwait(void)
{
    int signal;
    return sigwait(&signals, &signal);
}
static int call_sigwaitinfo(void)
{
    return sigwaitinfo(&signals, NULL);
}
static int call_sleep(void)
{
    return (int)sleep(20);
}
static int call_system(void)
{
    return system("exit 0");
}
static int call_tcdrain(void)
{
    return tcdrain(scene.terminal);
}
static int call_thrd_join(void)
{
    return thrd_join((thrd_t)scene.sleeper, NULL);
}
static int call_thrd_sleep(void)
{
    struct timespec time = long_time();
    return thrd_sleep(&time, NULL);
}
static int call_usleep(void)
{
    return usleep(20000000);
}
static int call_wait(void)
{
    return wait(NULL);
}
static int call_waitid(void)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)scene.child, &info, WEXITED);
}
static int call_waitpid(void)
{
    return waitpid(scene.child, NULL, 0);
}
static int call_write(void)
{
    return (int)write(scene.full[1], buffer, 1);
}
static int call_writev(void)
{
    return (int)writev(scene.full[1], &vector, 1);
}

/* What a call needs beside what is always there. */
enum need { NOTHING, QUEUE, MQ, CHILD, SLEEPER, AIO, TERMINAL };

static const struct point {
    const char *name;
    int (*call)(void);
    bool blocks;
    enum need need;
} points[] = {
    {"accept", call_accept, true, NOTHING},
    {"accept4", call_accept4, true, NOTHING},
    {"aio_suspend", call_aio_suspend, true, AIO},
    {"aio_suspend with a timeout", call_aio_suspend_timed, true, AIO},
    {"clock_nanosleep", call_clock_nanosleep, true, NOTHING},
    {"clock_nanosleep until a time", call_clock_nanosleep_until, true, NOTHING},
    {"close", call_close, false, NOTHING},
    {"connect", call_connect, true, NOTHING},
    {"creat", call_creat, true, NOTHING},
    {"fcntl F_SETLKW", call_fcntl_setlkw, true, NOTHING},
    {"fcntl F_OFD_SETLKW", call_fcntl_ofd_setlkw, true, NOTHING},
    {"fdatasync", call_fdatasync, false, NOTHING},
    {"fsync", call_fsync, false, NOTHING},
    {"lockf", call_lockf, true, NOTHING},
    {"mq_receive", call_mq_receive, true, MQ},
    {"mq_send", call_mq_send, true, MQ},
    {"mq_timedreceive", call_mq_timedreceive, true, MQ},
    {"mq_timedsend", call_mq_timedsend, true, MQ},
    {"msgrcv", call_msgrcv, true, QUEUE},
    {"msgsnd", call_msgsnd, true, QUEUE},
    {"msync", call_msync, false, NOTHING},
    {"nanosleep", call_nanosleep, true, NOTHING},
    {"open", call_open, true, NOTHING},
    {"openat", call_openat, true, NOTHING},
    {"pause", call_pause, true, NOTHING},
    {"poll", call_poll, true, NOTHING},
    {"ppoll", call_ppoll, true, NOTHING},
    {"pread", call_pread, false, NOTHING},
    {"pselect", call_pselect, true, NOTHING},
    {"pthread_join", call_pthread_join, true, SLEEPER},
    {"pthread_timedjoin_np", call_pthread_timedjoin, true, SLEEPER},
    {"pthread_clockjoin_np", call_pthread_clockjoin, true, SLEEPER},
    {"pthread_testcancel", call_pthread_testcancel, false, NOTHING},
    {"pwrite", call_pwrite, false, NOTHING},
    {"read", call_read, true, NOTHING},
    {"readv", call_readv, true, NOTHING},
    {"recv", call_recv, true, NOTHING},
    {"recvfrom", call_recvfrom, true, NOTHING},
    {"recvmsg", call_recvmsg, true, NOTHING},
    {"select", call_select, true, NOTHING},
    {"send", call_send, true, NOTHING},
    {"sendmsg", call_sendmsg, true, NOTHING},
    {"sendto", call_sendto, true, NOTHING},
    {"sigsuspend", call_sigsuspend, true, NOTHING},
    {"sigtimedwait", call_sigtimedwait, true, NOTHING},
    {"sigwait", call_sigwait, true, NOTHING},
    {"sigwaitinfo", call_sigwaitinfo, true, NOTHING},
    {"sleep", call_sleep, true, NOTHING},
    {"system", call_system, false, NOTHING},
    {"tcdrain", call_tcdrain, false, TERMINAL},
    {"thrd_join", call_thrd_join, true, SLEEPER},
    {"thrd_sleep", call_thrd_sleep, true, NOTHING},
    {"usleep", call_usleep, true, NOTHING},
    {"wait", call_wait, true, CHILD},
    {"waitid", call_waitid, true, CHILD},
    {"waitpid", call_waitpid, true, CHILD},
    {"write", call_write, true, NOTHING},
    {"writev", call_writev, true, NOTHING},
};
enum { POINTS = sizeof points / sizeof points[0] };

static void fill(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    ck_assert_int_eq(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    for (size_t size = sizeof buffer; size > 0; size /= 2)
        while (write(fd, buffer, size) > 0)
            ;
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(fcntl(fd, F_SETFL, flags), 0);
}

static void set_sockets(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, scene.empty_socket), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, scene.full_socket), 0);
    fill(scene.full_socket[0]);
    scene.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_ge(scene.listener, 0);
    scene.address.sun_family = AF_UNIX;
    ck_assert_int_eq(bind(scene.listener, (struct sockaddr *)&scene.address, sizeof(sa_family_t)),
                     0);
    scene.address_size = sizeof scene.address;
    ck_assert_int_eq(
        getsockname(scene.listener, (struct sockaddr *)&scene.address, &scene.address_size), 0);
    ck_assert_int_eq(listen(scene.listener, 0), 0);
    scene.connecting = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_ge(scene.connecting, 0);
}

/* Connections until one more would have to wait. */
static void fill_listener(void)
{
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(fd, 0);
        if (connect(fd, (struct sockaddr *)&scene.address, scene.address_size) != 0)
            break;
    }
    ck_assert_int_eq(errno, EAGAIN);
}

static void set_files(void)
{
    snprintf(scene.directory, sizeof scene.directory, "/tmp/unit-cancel-%d", (int)getpid());
    ck_assert_int_eq(mkdir(scene.directory, 0700), 0);
    snprintf(scene.fifo, sizeof scene.fifo, "%s/fifo", scene.directory);
    ck_assert_int_eq(mkfifo(scene.fifo, 0600), 0);

    int locked = unit_memory(4096);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", locked);
    scene.file = open(path, O_RDWR);
    ck_assert_int_ge(scene.file, 0);
    scene.page = unit_map(scene.file, 4096);
    /* A lock of an open file keeps out those of others and those of processes. */
    struct flock lock = whole_file();
    ck_assert_int_eq(fcntl(locked, F_OFD_SETLK, &lock), 0);
}

/* It outlives the process, unless strike_scene removes it. */
static void set_full_queue(void)
{
    scene.queue = msgget(IPC_PRIVATE, 0600);
    ck_assert_int_ge(scene.queue, 0);
    struct msqid_ds status;
    ck_assert_int_eq(msgctl(scene.queue, IPC_STAT, &status), 0);
    struct {
        long type;
        char text[1024];
    } text = {.type = 1};
    while (msgsnd(scene.queue, &text, sizeof text.text, IPC_NOWAIT) == 0)
        ;
    ck_assert_int_eq(errno, EAGAIN);
}

static bool set_message_queues(void)
{
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 64};
    char name[64];
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "/unit-cancel-%d", (int)getpid());
        mqd_t mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
        if (mq == (mqd_t)-1)
            return false;
        mq_unlink(name);
        if (i == 0)
            scene.empty_mq = mq;
        else
            scene.full_mq = mq;
    }
    return mq_send(scene.full_mq, "", 1, 0) == 0;
}

static void *sleep_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

/* False, if the system does not have what the call needs. */
static bool set_scene(const struct point *point)
{
    scene.queue = -1;
    ck_assert_int_eq(pipe(scene.empty), 0);
    ck_assert_int_eq(pipe(scene.full), 0);
    fill(scene.full[1]);
    set_sockets();
    set_files();
    /* None is ever sent. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &signals, NULL), 0);
    if (point->call == call_connect)
        fill_listener();
    switch (point->need) {
    case MQ:
        return set_message_queues();
    case QUEUE:
        set_full_queue();
        return true;
    case CHILD:
        scene.child = unit_fork();
        if (scene.child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
        return true;
    case SLEEPER:
        return pthread_create(&scene.sleeper, NULL, sleep_for_ever, NULL) == 0;
    case AIO:
        scene.aio.aio_fildes = scene.empty[0];
        scene.aio.aio_buf = buffer;
        scene.aio.aio_nbytes = 1;
        return aio_read(&scene.aio) == 0;
    case TERMINAL:
        scene.terminal = posix_openpt(O_RDWR | O_NOCTTY);
        return scene.terminal >= 0;
    default:
        return true;
    }
}

static void strike_scene(void)
{
    unlink(scene.fifo);
    rmdir(scene.directory);
    if (scene.queue >= 0)
        msgctl(scene.queue, IPC_RMID, NULL);
    if (scene.child)
        kill(scene.child, SIGKILL);
}

/* Cancellation points. */

/* libc defect: musl has it as any other fcntl. */
static bool is_missing(const struct point *point)
{
#ifdef __GLIBC__
    (void)point;
    return false;
#else
    return point->call == call_fcntl_ofd_setlkw;
#endif
}

static void expect_cancelled_at(const struct point *point, struct unit_call *call)
{
    void *result = NULL;
    ck_assert_int_eq(pthread_join(call->thread, &result), 0);
    strike_scene();
    ck_assert_msg(result == PTHREAD_CANCELED, "%s", point->name);
    ck_assert_int_eq(atomic_load(&act.cleaned), 1);
    ck_assert_int_eq(atomic_load(&act.returned), 0);
}

START_TEST(a_request_that_is_there_before_the_call_ends_the_thread)
{
    struct unit_call call;
    if (!set_scene(&points[_i]) || is_missing(&points[_i])) {
        strike_scene();
        unit_skip(points[_i].name);
    }
    start_act(&call, points[_i].call, PTHREAD_CANCEL_ENABLE, true);
    expect_cancelled_at(&points[_i], &call);
}
END_TEST

START_TEST(a_request_ends_a_thread_that_is_blocked_in_the_call)
{
    struct unit_call call;
    if (!points[_i].blocks)
        return;
    if (!set_scene(&points[_i]) || is_missing(&points[_i])) {
        strike_scene();
        unit_skip(points[_i].name);
    }
    start_act(&call, points[_i].call, PTHREAD_CANCEL_ENABLE, false);
    unit_wait_until_blocked(&call);
    ck_assert_msg(!atomic_load(&act.returned), "%s", points[_i].name);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    expect_cancelled_at(&points[_i], &call);
}
END_TEST

START_TEST(a_request_does_not_disturb_the_call_of_a_thread_that_has_disabled_cancellation)
{
    /* the thread may go on when the scene is struck */
    static struct unit_call call;
    if (!points[_i].blocks)
        return;
    if (!set_scene(&points[_i])) {
        strike_scene();
        unit_skip(points[_i].name);
    }
    start_act(&call, points[_i].call, PTHREAD_CANCEL_DISABLE, _i % 2);
    unit_wait_until_blocked(&call);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_cancel(call.thread), 0);
        unit_wait_until_blocked(&call);
    }
    int returned = atomic_load(&act.returned);
    strike_scene();
    ck_assert_msg(!returned, "%s: %d", points[_i].name, act.error);
}
END_TEST

START_TEST(a_request_ends_a_blocked_thread_of_asynchronous_type)
{
    struct unit_call call;
    if (!points[_i].blocks)
        return;
    if (!set_scene(&points[_i])) {
        strike_scene();
        unit_skip(points[_i].name);
    }
    start_act_of_type(&call, points[_i].call, PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_ASYNCHRONOUS,
                      false);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    expect_result(call.thread, PTHREAD_CANCELED);
    strike_scene();
    ck_assert_int_eq(atomic_load(&act.returned), 0);
}
END_TEST

START_TEST(a_thread_with_all_signals_blocked_is_cancelled)
{
    struct unit_call call;
    sigset_t all;
    ck_assert(set_scene(&points[0]));
    sigfillset(&all);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &all, NULL), 0);
    start_act(&call, call_read, PTHREAD_CANCEL_ENABLE, false);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    expect_cancelled(&call);
    strike_scene();
}
END_TEST

/* A request that is there before the call keeps it from taking effect. */

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) != -1;
}

static int next_descriptor(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static int call_open_null(void)
{
    return open("/dev/null", O_RDONLY);
}
static int call_write_byte(void)
{
    return (int)write(scene.empty[1], buffer, 1);
}
static int call_read_byte(void)
{
    return (int)read(scene.full[0], buffer, 1);
}

START_TEST(a_call_that_was_cancelled_before_it_began_has_no_effect)
{
    int (*const calls[])(void) = {call_close, call_open_null, call_write_byte, call_read_byte,
                                  call_accept};
    struct unit_call call;
    struct pollfd fd = {.events = POLLIN};
    ck_assert(set_scene(&points[0]));
    /* One connection waits to be accepted. */
    ck_assert_int_eq(call_connect(), 0);
    int next = next_descriptor();
    for (int i = 0; i < 5; i++) {
        start_act(&call, calls[i], PTHREAD_CANCEL_ENABLE, true);
        expect_cancelled(&call);
        ck_assert(is_open(scene.file));
        ck_assert_int_eq(next_descriptor(), next);
        fd.fd = scene.empty[0];
        ck_assert_int_eq(poll(&fd, 1, 0), 0);
        fd.fd = scene.full[1];
        fd.events = POLLOUT;
        ck_assert_int_eq(poll(&fd, 1, 0), 0);
        fd.fd = scene.listener;
        fd.events = POLLIN;
        ck_assert_int_eq(poll(&fd, 1, 0), 1);
    }
    strike_scene();
}
END_TEST

START_TEST(a_thread_whose_joiner_was_cancelled_can_be_joined)
{
    for (int i = 0; i < POINTS; i++) {
        if (points[i].need != SLEEPER)
            continue;
        struct unit_call call;
        ck_assert_int_eq(pthread_create(&scene.sleeper, NULL, sleep_for_ever, NULL), 0);
        start_act(&call, points[i].call, PTHREAD_CANCEL_ENABLE, false);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(pthread_cancel(call.thread), 0);
        expect_cancelled(&call);
        ck_assert_int_eq(pthread_cancel(scene.sleeper), 0);
        expect_result(scene.sleeper, PTHREAD_CANCELED);
    }
}
END_TEST

/* With a signal handler of the program's around the request. */
static atomic_int in_handler, leave_handler;

static void stay_in_handler(int signal)
{
    (void)signal;
    atomic_store(&in_handler, 1);
    while (!atomic_load(&leave_handler))
        ;
}

static int read_again_and_again(void)
{
    while (read(scene.empty[0], buffer, 1) == -1 && errno == EINTR)
        ;
    return 0;
}

START_TEST(a_request_that_comes_during_a_signal_handler_ends_the_interrupted_call)
{
    struct sigaction action = {.sa_handler = stay_in_handler, .sa_flags = _i ? SA_RESTART : 0};
    struct unit_call call;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(pipe(scene.empty), 0);
    for (int i = 0; i < 200; i++) {
        atomic_store(&in_handler, 0);
        atomic_store(&leave_handler, 0);
        start_act(&call, read_again_and_again, PTHREAD_CANCEL_ENABLE, false);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
        unit_wait_for(&in_handler, 1);
        ck_assert_int_eq(pthread_cancel(call.thread), 0);
        atomic_store(&leave_handler, 1);
        expect_cancelled(&call);
    }
}
END_TEST

static void write_in_handler(int signal)
{
    (void)signal;
    int error = errno;
    ssize_t written = write(scene.empty_socket[1], "", 1);
    (void)written;
    errno = error;
}

START_TEST(a_signal_handler_of_a_cancelled_thread_that_is_disabled_does_its_work)
{
    struct unit_call call;
    ck_assert(set_scene(&points[0]));
    signal(SIGUSR1, write_in_handler);
    start_act(&call, call_read, PTHREAD_CANCEL_DISABLE, true);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
    ck_assert_int_eq(read(scene.empty_socket[0], buffer, 1), 1);
    ck_assert_int_eq(write(scene.empty[1], "", 1), 1);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_int_eq(act.result, 1);
    strike_scene();
}
END_TEST

static atomic_int passed;

static int pass_all(void *arg)
{
    pthread_t other = *(pthread_t *)arg;
    int errors = 0, ends[2], sockets[2], value;
    socklen_t size = sizeof value;
    sigset_t set;
    struct sigaction action;
    struct timespec time;
    struct sched_param param;
    pthread_t thread, self = pthread_self();
    pthread_attr_t attr;
    clockid_t clock;
    char name[32];
    cpu_set_t cpus;
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(self);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    errors += pthread_create(&thread, NULL, return_argument, NULL) != 0;
    while ((value = pthread_tryjoin_np(thread, NULL)) == EBUSY)
        sched_yield();
    errors += value != 0;
    errors += pthread_create(&thread, NULL, return_argument, NULL) != 0;
    errors += pthread_detach(thread) != 0;
    errors += pthread_attr_init(&attr) != 0;
    errors += pthread_attr_destroy(&attr) != 0;
    errors += pthread_getattr_np(self, &attr) != 0;
    errors += pthread_attr_destroy(&attr) != 0;
    errors += pthread_cancel(self) != 0;
    errors += pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL) != 0;
    errors += pthread_kill(self, 0) != 0;
    errors += pthread_sigmask(SIG_SETMASK, NULL, &set) != 0;
    errors += pthread_getschedparam(self, &value, &param) != 0;
    errors += pthread_setschedparam(self, value, &param) != 0;
    errors += pthread_getcpuclockid(self, &clock) != 0;
    errors += pthread_getname_np(self, name, sizeof name) != 0;
    errors += pthread_setname_np(self, name) != 0;
    errors += pthread_getname_np(other, name, sizeof name) != 0;
    errors += pthread_setname_np(other, name) != 0;
    errors += pthread_getaffinity_np(self, sizeof cpus, &cpus) != 0;
    errors += sched_yield() != 0;
    errors += clock_gettime(clock, &time) != 0;
    errors += sigaction(SIGUSR1, NULL, &action) != 0;
    errors += sigpending(&set) != 0;
    errors += pipe(ends) != 0;
    errors += dup2(ends[0], ends[1]) != ends[1];
    errors += socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0;
    errors += getsockopt(sockets[0], SOL_SOCKET, SO_TYPE, &value, &size) != 0;
    errors += shutdown(sockets[0], SHUT_RDWR) != 0;
    errors += timer_create(CLOCK_MONOTONIC, &event, &timer) != 0;
    errors += timer_delete(timer) != 0;
    errors += kill(getpid(), 0) != 0;
    void *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errors += memory == MAP_FAILED;
    errors += munmap(memory, 4096) != 0;
    void *volatile block = malloc(1 << 20);
    errors += block == NULL;
    free(block);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    errors += pid < 0;
    atomic_store(&passed, errors == 0 ? 1 : -errors);
    pthread_testcancel();
    return 0;
}

START_TEST(other_functions_are_no_cancellation_points)
{
    struct unit_call call;
    pthread_t self = pthread_self();
    unit_start(&call, pass_all, &self);
    expect_result(call.thread, PTHREAD_CANCELED);
    ck_assert_int_eq(atomic_load(&passed), 1);
}
END_TEST

static int lock_file(void *descriptor)
{
    atomic_store(&passed, flock(*(int *)descriptor, LOCK_EX) == 0 ? 1 : -errno);
    pthread_testcancel();
    return 0;
}

START_TEST(a_blocked_call_that_is_no_cancellation_point_goes_on_and_succeeds)
{
    char name[] = "/tmp/furwock-flock-XXXXXX";
    struct unit_call call;
    int descriptor = mkstemp(name), other = open(name, O_RDWR);
    ck_assert_int_ge(descriptor, 0);
    ck_assert_int_ge(other, 0);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_int_eq(flock(descriptor, LOCK_EX), 0);
    unit_start(&call, lock_file, &other);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    /* The signal has been handled where it finds nothing to do: the call is the same, or fails. */
    unit_wait_until_blocked_or_over(&call);
    ck_assert_int_eq(flock(descriptor, LOCK_UN), 0);
    expect_result(call.thread, PTHREAD_CANCELED);
    ck_assert_int_eq(atomic_load(&passed), 1);
}
END_TEST

static Suite *thread_cancel_points_suite(void)
{
    Suite *suite = suite_create("thread_cancel_points");
    TCase *tcase = tcase_create("thread_cancel_points");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_request_that_is_there_before_the_call_ends_the_thread, 0, POINTS);
    tcase_add_loop_test(tcase, a_request_ends_a_thread_that_is_blocked_in_the_call, 0, POINTS);
    tcase_add_loop_test(
        tcase, a_request_does_not_disturb_the_call_of_a_thread_that_has_disabled_cancellation, 0,
        POINTS);
    tcase_add_loop_test(tcase, a_request_ends_a_blocked_thread_of_asynchronous_type, 0, POINTS);
    tcase_add_test(tcase, a_thread_with_all_signals_blocked_is_cancelled);
    tcase_add_test(tcase, a_call_that_was_cancelled_before_it_began_has_no_effect);
    tcase_add_test(tcase, a_thread_whose_joiner_was_cancelled_can_be_joined);
    tcase_add_loop_test(
        tcase, a_request_that_comes_during_a_signal_handler_ends_the_interrupted_call, 0, 2);
    tcase_add_test(tcase, a_signal_handler_of_a_cancelled_thread_that_is_disabled_does_its_work);
    tcase_add_test(tcase, other_functions_are_no_cancellation_points);
    tcase_add_test(tcase, a_blocked_call_that_is_no_cancellation_point_goes_on_and_succeeds);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_cancel_points_suite)
