/*
 * Cancellation points: XSH 2.9.5.2; under cancellation_points and no_cancellation_points which
 * functions are, and which are not.
 */
#include "cancel.h"
#include <aio.h>
#include <mqueue.h>
#include <poll.h>
#include <termios.h>
#include <threads.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

/*
 * Cancellation points. Each function is called in in_FUNCTION, where it blocks if it can; AT
 * defines that, one assertion for a request that is pending, and one for a request that comes when
 * the thread has blocked; AT_PENDING only the former, for what a test cannot make block.
 */

#define AT_PENDING(number, function)                                                               \
    static void in_##function(void);                                                               \
    ASSERTION_OF_NAME(cancellation_points, number, #function "() acts on a pending request")       \
    {                                                                                              \
        is_cancelled_before(in_##function);                                                        \
    }                                                                                              \
    static void in_##function(void)

#define AT(number, next, function)                                                                 \
    static void in_##function(void);                                                               \
    ASSERTION_OF_NAME(cancellation_points, next,                                                   \
                      #function "(), blocked, acts on a request that arrives")                     \
    {                                                                                              \
        is_cancelled_within(in_##function);                                                        \
    }                                                                                              \
    AT_PENDING(number, function)

static int ends[2];
static sem_t semaphore;
static char byte[1];
static struct iovec vector = {byte, sizeof byte};
static const struct timespec minute = {60, 0};

static struct timespec in_a_minute(clockid_t clock)
{
    return unit_deadline(clock, 60000);
}

static int empty_pipe(void)
{
    ck_assert_int_eq(pipe(ends), 0);
    return ends[0];
}

/* A descriptor that takes no more data. */
static int full(int fd)
{
    static char page[4096];
    int flags = fcntl(fd, F_GETFL);
    ck_assert_int_eq(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(fd, page, sizeof page) > 0)
        ;
    while (write(fd, page, 1) > 0)
        ;
    ck_assert_int_eq(fcntl(fd, F_SETFL, flags), 0);
    return fd;
}

static int full_pipe(void)
{
    empty_pipe();
    return full(ends[1]);
}

static int empty_socket(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    return ends[0];
}

static int full_socket(void)
{
    return full(empty_socket());
}

/* A listening socket at an address of its own, whose backlog is full. */
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_length;

static int listener(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    address_length = sizeof address;
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &address_length), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    return fd;
}

/* A path at which opening one way blocks: that of a fifo which is otherwise unlinked. */
static const char *fifo(void)
{
    static char path[64];
    char directory[] = "/tmp/conform-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/fifo", directory);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    int fd = open(path, O_PATH);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(directory), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

/* A file that another open description has locked. */
static int locked_file(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = unit_memory(4096);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int other = open(path, O_RDWR);
    ck_assert_int_ge(other, 0);
    ck_assert_int_eq(fcntl(other, F_OFD_SETLK, &lock), 0);
    return fd;
}

/* A child that does not end before the test does. */
static pid_t child(void)
{
    pid_t pid = unit_fork();
    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

static sigset_t usr1(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    return set;
}

/* A message queue with room for one message, which is there if it is to be full. */
static mqd_t queue(bool filled)
{
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 1};
    char name[64];
    snprintf(name, sizeof name, "/conform-%d", (int)getpid());
    mqd_t q = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
    if (q == (mqd_t)-1)
        unsupported("no message queues: %s", strerror(errno));
    ck_assert_int_eq(mq_unlink(name), 0);
    if (filled)
        ck_assert_int_eq(mq_send(q, byte, 1, 0), 0);
    return q;
}

struct message {
    long type;
    char text[4096];
};

static int messages = -1;

/* The same of System V, which must be removed: its removal wakes a waiter, too late to matter. */
static int system_v_queue(bool filled)
{
    static struct message message = {.type = 1};
    messages = msgget(IPC_PRIVATE, 0600);
    if (messages < 0)
        unsupported("no message queues: %s", strerror(errno));
    while (filled && msgsnd(messages, &message, sizeof message.text, IPC_NOWAIT) == 0)
        ;
    return messages;
}

static void remove_queue(void)
{
    if (messages >= 0)
        msgctl(messages, IPC_RMID, NULL);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static mtx_t c_mutex;
static cnd_t c_cond;

static void lock(void)
{
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
}

static void *wait_for_end(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static int wait_for_end_11(void *arg)
{
    return wait_for_end(arg) != NULL;
}

AT(1, 2, accept)
{
    int fd = listener();
    begin();
    accept(fd, NULL, NULL);
}

AT(3, 4, accept4)
{
    int fd = listener();
    begin();
    accept4(fd, NULL, NULL, 0);
}

AT(5, 6, aio_suspend)
{
    struct aiocb *block = calloc(1, sizeof *block);
    const struct aiocb *list[] = {block};
    block->aio_fildes = empty_pipe();
    block->aio_buf = byte;
    block->aio_nbytes = 1;
    block->aio_sigevent.sigev_notify = SIGEV_NONE;
    ck_assert_int_eq(aio_read(block), 0);
    begin();
    aio_suspend(list, 1, NULL);
}

AT(7, 8, clock_nanosleep)
{
    begin();
    clock_nanosleep(CLOCK_MONOTONIC, 0, &minute, NULL);
}

AT_PENDING(9, close)
{
    int fd = empty_pipe();
    begin();
    close(fd);
}

AT(10, 11, cnd_timedwait)
{
    struct timespec deadline = in_a_minute(CLOCK_REALTIME);
    mtx_init(&c_mutex, mtx_timed);
    cnd_init(&c_cond);
    mtx_lock(&c_mutex);
    begin();
    cnd_timedwait(&c_cond, &c_mutex, &deadline);
}

AT(12, 13, cnd_wait)
{
    mtx_init(&c_mutex, mtx_plain);
    cnd_init(&c_cond);
    mtx_lock(&c_mutex);
    begin();
    cnd_wait(&c_cond, &c_mutex);
}

AT(14, 15, connect)
{
    listener();
    int one = socket(AF_UNIX, SOCK_STREAM, 0), two = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(one, (struct sockaddr *)&address, address_length), 0);
    begin();
    connect(two, (struct sockaddr *)&address, address_length);
}

AT(16, 17, creat)
{
    const char *path = fifo();
    begin();
    creat(path, 0600);
}

AT(18, 19, fcntl)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = locked_file();
    begin();
    fcntl(fd, F_SETLKW, &lock);
}

AT_PENDING(20, fdatasync)
{
    int fd = unit_memory(1);
    begin();
    fdatasync(fd);
}

AT_PENDING(21, fsync)
{
    int fd = unit_memory(1);
    begin();
    fsync(fd);
}

AT(22, 23, lockf)
{
    int fd = locked_file();
    begin();
    ck_assert_int_le(lockf(fd, F_LOCK, 0), 0);
}

AT(24, 25, mq_receive)
{
    mqd_t q = queue(false);
    begin();
    mq_receive(q, byte, 1, NULL);
}

AT(26, 27, mq_send)
{
    mqd_t q = queue(true);
    begin();
    mq_send(q, byte, 1, 0);
}

AT(28, 29, mq_timedreceive)
{
    struct timespec deadline = in_a_minute(CLOCK_REALTIME);
    mqd_t q = queue(false);
    begin();
    mq_timedreceive(q, byte, 1, NULL, &deadline);
}

AT(30, 31, mq_timedsend)
{
    struct timespec deadline = in_a_minute(CLOCK_REALTIME);
    mqd_t q = queue(true);
    begin();
    mq_timedsend(q, byte, 1, 0, &deadline);
}

static void in_msgrcv(void)
{
    static struct message message;
    int q = system_v_queue(false);
    begin();
    ck_assert_int_le(msgrcv(q, &message, sizeof message.text, 0, 0), 0);
}

static void in_msgsnd(void)
{
    static struct message message = {.type = 1};
    int q = system_v_queue(true);
    begin();
    msgsnd(q, &message, sizeof message.text, 0);
}

/* These leave a queue behind unless the test removes it. */
static void with_queue(void (*function)(void), bool pending)
{
    start_target(function, pending);
    cancel_target();
    join_target();
    remove_queue();
    ck_assert_ptr_eq(target.result, PTHREAD_CANCELED);
}

ASSERTION_OF_NAME(cancellation_points, 32, "msgrcv() acts on a pending request")
{
    with_queue(in_msgrcv, true);
}

ASSERTION_OF_NAME(cancellation_points, 33, "msgrcv(), blocked, acts on a request that arrives")
{
    with_queue(in_msgrcv, false);
}

ASSERTION_OF_NAME(cancellation_points, 34, "msgsnd() acts on a pending request")
{
    with_queue(in_msgsnd, true);
}

ASSERTION_OF_NAME(cancellation_points, 35, "msgsnd(), blocked, acts on a request that arrives")
{
    with_queue(in_msgsnd, false);
}

AT_PENDING(36, msync)
{
    void *page = unit_map(unit_memory(4096), 4096);
    begin();
    msync(page, 4096, MS_SYNC);
}

AT(37, 38, nanosleep)
{
    begin();
    nanosleep(&minute, NULL);
}

AT(39, 40, open)
{
    const char *path = fifo();
    begin();
    ck_assert_int_ge(open(path, O_RDONLY), -1);
}

AT(41, 42, openat)
{
    const char *path = fifo();
    begin();
    ck_assert_int_ge(openat(AT_FDCWD, path, O_RDONLY), -1);
}

AT(43, 44, pause)
{
    begin();
    pause();
}

AT(45, 46, poll)
{
    struct pollfd fd = {.fd = empty_pipe(), .events = POLLIN};
    begin();
    poll(&fd, 1, -1);
}

AT(47, 48, ppoll)
{
    struct pollfd fd = {.fd = empty_pipe(), .events = POLLIN};
    begin();
    ppoll(&fd, 1, NULL, NULL);
}

AT_PENDING(49, pread)
{
    int fd = unit_memory(1);
    begin();
    ck_assert_int_le(pread(fd, byte, 1, 0), 1);
}

AT(50, 51, pselect)
{
    fd_set set;
    int fd = empty_pipe();
    FD_ZERO(&set);
    FD_SET(fd, &set);
    begin();
    pselect(fd + 1, &set, NULL, NULL, NULL, NULL);
}

AT(52, 53, pthread_cond_clockwait)
{
    need(pthread_cond_clockwait);
    struct timespec deadline = in_a_minute(CLOCK_MONOTONIC);
    lock();
    begin();
    pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &deadline);
}

AT(54, 55, pthread_cond_timedwait)
{
    struct timespec deadline = in_a_minute(CLOCK_REALTIME);
    lock();
    begin();
    pthread_cond_timedwait(&cond, &mutex, &deadline);
}

AT(56, 57, pthread_cond_wait)
{
    lock();
    begin();
    pthread_cond_wait(&cond, &mutex);
}

AT(58, 59, pthread_join)
{
    pthread_t id;
    ck_assert_int_eq(pthread_create(&id, NULL, wait_for_end, NULL), 0);
    begin();
    pthread_join(id, NULL);
}

AT_PENDING(60, pthread_testcancel)
{
    begin();
    pthread_testcancel();
}

AT_PENDING(61, pwrite)
{
    int fd = unit_memory(1);
    begin();
    ck_assert_int_le(pwrite(fd, byte, 1, 0), 1);
}

AT(62, 63, read)
{
    int fd = empty_pipe();
    begin();
    ck_assert_int_le(read(fd, byte, 1), 1);
}

AT(64, 65, readv)
{
    int fd = empty_pipe();
    begin();
    ck_assert_int_le(readv(fd, &vector, 1), 1);
}

AT(66, 67, recv)
{
    int fd = empty_socket();
    begin();
    recv(fd, byte, 1, 0);
}

AT(68, 69, recvfrom)
{
    int fd = empty_socket();
    begin();
    recvfrom(fd, byte, 1, 0, NULL, NULL);
}

AT(70, 71, recvmsg)
{
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
    int fd = empty_socket();
    begin();
    recvmsg(fd, &header, 0);
}

AT(72, 73, select)
{
    fd_set set;
    int fd = empty_pipe();
    FD_ZERO(&set);
    FD_SET(fd, &set);
    begin();
    select(fd + 1, &set, NULL, NULL, NULL);
}

AT(74, 75, sem_clockwait)
{
    need(sem_clockwait);
    struct timespec deadline = in_a_minute(CLOCK_MONOTONIC);
    begin();
    sem_clockwait(&semaphore, CLOCK_MONOTONIC, &deadline);
}

AT(76, 77, sem_timedwait)
{
    struct timespec deadline = in_a_minute(CLOCK_REALTIME);
    begin();
    sem_timedwait(&semaphore, &deadline);
}

AT(78, 79, sem_wait)
{
    begin();
    sem_wait(&semaphore);
}

AT(80, 81, send)
{
    int fd = full_socket();
    begin();
    send(fd, byte, 1, 0);
}

AT(82, 83, sendmsg)
{
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
    int fd = full_socket();
    begin();
    sendmsg(fd, &header, 0);
}

AT(84, 85, sendto)
{
    int fd = full_socket();
    begin();
    sendto(fd, byte, 1, 0, NULL, 0);
}

AT(86, 87, sigsuspend)
{
    sigset_t none;
    sigemptyset(&none);
    begin();
    sigsuspend(&none);
}

AT(88, 89, sigtimedwait)
{
    sigset_t set = usr1();
    begin();
    sigtimedwait(&set, NULL, &minute);
}

AT(90, 91, sigwait)
{
    sigset_t set = usr1();
    int signal;
    begin();
    sigwait(&set, &signal);
}

AT(92, 93, sigwaitinfo)
{
    sigset_t set = usr1();
    begin();
    sigwaitinfo(&set, NULL);
}

AT(94, 95, sleep)
{
    begin();
    sleep(60);
}

AT_PENDING(96, tcdrain)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY);
    begin();
    tcdrain(fd);
}

AT(97, 98, thrd_join)
{
    thrd_t id;
    ck_assert_int_eq(thrd_create(&id, wait_for_end_11, NULL), thrd_success);
    begin();
    thrd_join(id, NULL);
}

AT(99, 100, thrd_sleep)
{
    begin();
    thrd_sleep(&minute, NULL);
}

AT(101, 102, wait)
{
    child();
    begin();
    wait(NULL);
}

AT(103, 104, waitid)
{
    siginfo_t info;
    child();
    begin();
    waitid(P_ALL, 0, &info, WEXITED);
}

AT(105, 106, waitpid)
{
    pid_t pid = child();
    begin();
    waitpid(pid, NULL, 0);
}

AT(107, 108, write)
{
    int fd = full_pipe();
    begin();
    ck_assert_int_le(write(fd, byte, 1), 1);
}

AT(109, 110, writev)
{
    int fd = full_pipe();
    begin();
    ck_assert_int_le(writev(fd, &vector, 1), 1);
}

/* What is not on the standard's lists of cancellation points is none: of threads' functions. */

#define NOT_AT(number, name, text)                                                                 \
    static void in_##name(void);                                                                   \
    ASSERTION_OF_NAME(no_cancellation_points, number, text)                                        \
    {                                                                                              \
        is_not_cancelled_before(in_##name);                                                        \
    }                                                                                              \
    static void in_##name(void)

/* The thread blocks in a function, is cancelled, and blocks there still until it is released. */
static void stays_blocked(void (*function)(void), void (*release)(void))
{
    start_target(function, false);
    cancel_target();
    unit_wait_until_asleep(getpid(), atomic_load(&target.ready));
    ck_assert(!atomic_load(&returned));
    release();
    join_target();
    ck_assert_msg(target.result == &target, "it was cancelled");
}

static void lock_mutex(void)
{
    begin();
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
}

static void unlock_mutex(void)
{
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
}

NOT_AT(1, mutex,
       "pthread_mutex_lock(), _trylock(), _unlock(), _init(), _destroy() with a request "
       "pending")
{
    begin();
    ck_assert_int_eq(pthread_mutex_init(&mutex, NULL), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

ASSERTION_OF_NAME(no_cancellation_points, 2, "pthread_mutex_lock() when it has blocked")
{
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    stays_blocked(lock_mutex, unlock_mutex);
}

static void lock_mutex_timed(void)
{
    struct timespec deadline = in_a_minute(CLOCK_REALTIME);
    begin();
    ck_assert_int_eq(pthread_mutex_timedlock(&mutex, &deadline), 0);
}

ASSERTION_OF_NAME(no_cancellation_points, 3, "pthread_mutex_timedlock() when it has blocked")
{
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    stays_blocked(lock_mutex_timed, unlock_mutex);
}

static void lock_mutex_clock(void)
{
    struct timespec deadline = in_a_minute(CLOCK_MONOTONIC);
    begin();
    ck_assert_int_eq(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &deadline), 0);
}

ASSERTION_OF_NAME(no_cancellation_points, 4, "pthread_mutex_clocklock() when it has blocked")
{
    need(pthread_mutex_clocklock);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    stays_blocked(lock_mutex_clock, unlock_mutex);
}

static pthread_barrier_t barrier;

static void wait_at_barrier(void)
{
    begin();
    pthread_barrier_wait(&barrier);
}

static void pass_barrier(void)
{
    pthread_barrier_wait(&barrier);
}

NOT_AT(5, barrier, "pthread_barrier_wait() with a request pending")
{
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 1), 0);
    wait_at_barrier();
}

ASSERTION_OF_NAME(no_cancellation_points, 6, "pthread_barrier_wait() when it has blocked")
{
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    stays_blocked(wait_at_barrier, pass_barrier);
}

static void lock_c_mutex(void)
{
    begin();
    ck_assert_int_eq(mtx_lock(&c_mutex), thrd_success);
}

static void unlock_c_mutex(void)
{
    ck_assert_int_eq(mtx_unlock(&c_mutex), thrd_success);
}

ASSERTION_OF_NAME(no_cancellation_points, 7, "mtx_lock() when it has blocked")
{
    ck_assert_int_eq(mtx_init(&c_mutex, mtx_plain), thrd_success);
    ck_assert_int_eq(mtx_lock(&c_mutex), thrd_success);
    stays_blocked(lock_c_mutex, unlock_c_mutex);
}

NOT_AT(8, conditions, "pthread_cond_signal(), _broadcast(), cnd_signal(), cnd_broadcast()")
{
    cnd_init(&c_cond);
    begin();
    ck_assert_int_eq(pthread_cond_signal(&cond), 0);
    ck_assert_int_eq(pthread_cond_broadcast(&cond), 0);
    ck_assert_int_eq(cnd_signal(&c_cond), thrd_success);
    ck_assert_int_eq(cnd_broadcast(&c_cond), thrd_success);
}

NOT_AT(9, semaphores, "sem_post(), sem_trywait(), sem_getvalue(), sem_init(), sem_destroy()")
{
    sem_t local;
    int value;
    begin();
    ck_assert_int_eq(sem_init(&local, 0, 0), 0);
    ck_assert_int_eq(sem_post(&local), 0);
    ck_assert_int_eq(sem_getvalue(&local, &value), 0);
    ck_assert_int_eq(sem_trywait(&local), 0);
    ck_assert_int_eq(sem_destroy(&local), 0);
}

NOT_AT(10, spinlocks, "pthread_spin_lock(), _trylock(), _unlock()")
{
    pthread_spinlock_t lock;
    begin();
    ck_assert_int_eq(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE), 0);
    ck_assert_int_eq(pthread_spin_lock(&lock), 0);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    ck_assert_int_eq(pthread_spin_trylock(&lock), 0);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    ck_assert_int_eq(pthread_spin_destroy(&lock), 0);
}

static void note_once(void)
{
    note('o');
}

NOT_AT(11, once, "pthread_once(), call_once(), unless the routine is one")
{
    static pthread_once_t control = PTHREAD_ONCE_INIT;
    static once_flag flag = ONCE_FLAG_INIT;
    begin();
    ck_assert_int_eq(pthread_once(&control, note_once), 0);
    call_once(&flag, note_once);
    ck_assert_str_eq(happened, "oo");
}

NOT_AT(12, keys, "pthread_key_create(), _delete(), pthread_setspecific(), _getspecific()")
{
    pthread_key_t key;
    begin();
    ck_assert_int_eq(pthread_key_create(&key, NULL), 0);
    ck_assert_int_eq(pthread_setspecific(key, byte), 0);
    ck_assert_ptr_eq(pthread_getspecific(key), byte);
    ck_assert_int_eq(pthread_key_delete(key), 0);
}

NOT_AT(13, threads, "pthread_create(), _detach(), _kill(), _cancel(), _equal()")
{
    pthread_t id;
    begin();
    ck_assert_int_eq(pthread_create(&id, NULL, wait_for_end, NULL), 0);
    ck_assert_int_eq(pthread_kill(id, 0), 0);
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    ck_assert(!pthread_equal(id, pthread_self()));
    ck_assert_int_eq(pthread_detach(id), 0);
}

NOT_AT(14, settings,
       "pthread_setcancelstate(), _setcanceltype(), _sigmask(), _getschedparam(), "
       "_setschedparam()")
{
    struct sched_param param;
    int former, policy;
    sigset_t set;
    begin();
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &former), 0);
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &former), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
    ck_assert_int_eq(pthread_getschedparam(pthread_self(), &policy, &param), 0);
    ck_assert_int_eq(pthread_setschedparam(pthread_self(), policy, &param), 0);
}

NOT_AT(15, c_threads, "thrd_create(), thrd_detach(), thrd_yield(), thrd_current(), thrd_equal()")
{
    thrd_t id;
    begin();
    ck_assert_int_eq(thrd_create(&id, wait_for_end_11, NULL), thrd_success);
    ck_assert(!thrd_equal(id, thrd_current()));
    ck_assert_int_eq(thrd_detach(id), thrd_success);
    thrd_yield();
}

NOT_AT(16, handlers, "pthread_cleanup_push() and pthread_cleanup_pop()")
{
    begin();
    pthread_cleanup_push(note_argument, "h");
    pthread_cleanup_pop(1);
    ck_assert_str_eq(happened, "h");
}
