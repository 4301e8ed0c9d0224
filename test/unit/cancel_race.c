/*
 * Cancellation at any moment of a call that has an effect: either the call returns, and its effect is
 * known, or it has had none. Bytes, descriptors and permits are counted.
 */
#include "unit.h"
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int tries(void)
{
    const char *text = getenv("UNIT_TRIES");
    return text ? atoi(text) : 4000;
}

static uint32_t random_state = 17;

static void pause_for_a_moment(void)
{
    random_state = random_state * 1664525 + 1013904223;
    for (volatile uint32_t i = random_state >> 21; i > 0; i--)
        ;
}

struct race {
    int ends[2], extra;
    sem_t sem;
    atomic_int begun, effects;
    /* what the victim calls, and what makes a blocked call go on */
    void (*call)(struct race *);
    void (*help)(struct race *);
    /* what has remained, of one */
    int (*remains)(struct race *);
};

static void *be_cancelled(void *arg)
{
    struct race *race = arg;
    atomic_store(&race->begun, 1);
    race->call(race);
    return NULL;
}

/* One try: the help and the cancel come close together, in either order. */
static void run_try(struct race *race)
{
    pthread_t victim;
    atomic_store(&race->begun, 0);
    atomic_store(&race->effects, 0);
    ck_assert_int_eq(pthread_create(&victim, NULL, be_cancelled, race), 0);
    while (!atomic_load(&race->begun))
        ;
    pause_for_a_moment();
    if (random_state & 1 << 16) {
        race->help(race);
        pause_for_a_moment();
        ck_assert_int_eq(pthread_cancel(victim), 0);
    } else {
        ck_assert_int_eq(pthread_cancel(victim), 0);
        race->help(race);
    }
    ck_assert_int_eq(pthread_join(victim, NULL), 0);
    ck_assert_int_eq(atomic_load(&race->effects) + race->remains(race), 1);
}

static int bytes_in(int fd)
{
    int bytes = -1;
    ck_assert_int_eq(ioctl(fd, FIONREAD, &bytes), 0);
    for (int i = 0; i < bytes; i++) {
        char byte;
        ck_assert_int_eq(read(fd, &byte, 1), 1);
    }
    return bytes;
}

static void nothing(struct race *race)
{
    (void)race;
}

/* A byte that is read. */

static void read_byte(struct race *race)
{
    char byte;
    if (read(race->ends[0], &byte, 1) == 1)
        atomic_fetch_add(&race->effects, 1);
}

static void receive_byte(struct race *race)
{
    char byte;
    struct iovec vector = {&byte, 1};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (recvmsg(race->ends[0], &message, 0) == 1)
        atomic_fetch_add(&race->effects, 1);
}

static void give_byte(struct race *race)
{
    ck_assert_int_eq(write(race->ends[1], "x", 1), 1);
}

static int byte_remains(struct race *race)
{
    return bytes_in(race->ends[0]);
}

/* A byte that is written: what is in the pipe is known to have been, or not. */

static void write_byte(struct race *race)
{
    if (write(race->ends[1], "x", 1) == 1)
        atomic_fetch_add(&race->effects, 1);
}

static int byte_not_written(struct race *race)
{
    return 1 - bytes_in(race->ends[0]);
}

/* A descriptor that is opened: the next number that is given tells whether it is open. */

static void open_file(struct race *race)
{
    int fd = open("/dev/null", O_RDONLY);
    if (fd >= 0) {
        atomic_fetch_add(&race->effects, 1);
        race->extra = fd;
    }
}

static void accept_connection(struct race *race)
{
    int fd = accept(race->ends[0], NULL, NULL);
    if (fd >= 0) {
        atomic_fetch_add(&race->effects, 1);
        race->extra = fd;
    }
}

static int descriptor_not_opened(struct race *race)
{
    static int lowest = -1;
    if (atomic_load(&race->effects) == 1)
        ck_assert_int_eq(close(race->extra), 0);
    int next = dup(race->ends[0]);
    ck_assert_int_eq(close(next), 0);
    if (lowest < 0)
        lowest = next;
    ck_assert_msg(next == lowest, "descriptor %d leaked", lowest);
    return 1 - atomic_load(&race->effects);
}

static void connect_to(struct race *race)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    ck_assert_int_eq(getsockname(race->ends[0], (struct sockaddr *)&address, &length), 0);
    ck_assert_int_eq(connect(race->ends[1], (struct sockaddr *)&address, length), 0);
}

/* A connection that was not accepted is, and the client is made anew under its old number. */
static int connection_remains(struct race *race)
{
    int remains = 0;
    if (atomic_load(&race->effects) == 0) {
        int fd = accept(race->ends[0], NULL, NULL);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(close(fd), 0);
        remains = 1;
    } else {
        ck_assert_int_eq(close(race->extra), 0);
    }
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(client, race->ends[1] + 1);
    ck_assert_int_eq(dup2(client, race->ends[1]), race->ends[1]);
    ck_assert_int_eq(close(client), 0);
    return remains;
}

/* A permit that is taken. */

static void take_permit(struct race *race)
{
    if (sem_wait(&race->sem) == 0)
        atomic_fetch_add(&race->effects, 1);
}

static void give_permit(struct race *race)
{
    ck_assert_int_eq(sem_post(&race->sem), 0);
}

static int permit_remains(struct race *race)
{
    int remains = 0;
    while (sem_trywait(&race->sem) == 0)
        remains++;
    return remains;
}

static const struct {
    const char *name;
    void (*call)(struct race *), (*help)(struct race *);
    int (*remains)(struct race *);
    enum { PIPE, SOCKETS, LISTENER } kind;
} races[] = {
    {"read", read_byte, give_byte, byte_remains, PIPE},
    {"recvmsg", receive_byte, give_byte, byte_remains, SOCKETS},
    {"write", write_byte, nothing, byte_not_written, PIPE},
    {"open", open_file, nothing, descriptor_not_opened, PIPE},
    {"accept", accept_connection, connect_to, connection_remains, LISTENER},
    {"sem_wait", take_permit, give_permit, permit_remains, PIPE},
};

START_TEST(a_cancelled_call_has_had_no_effect)
{
#ifdef __GLIBC__
    /* libc defect: glibc 2.36 may cancel a call after it has had its effect (sourceware bug 12683). */
    unit_skip("glibc's own threads");
#endif
    struct race race = {
        .call = races[_i].call, .help = races[_i].help, .remains = races[_i].remains};
    switch (races[_i].kind) {
    case PIPE:
        ck_assert_int_eq(pipe(race.ends), 0);
        break;
    case SOCKETS:
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, race.ends), 0);
        break;
    case LISTENER: {
        /* an address that the kernel chooses */
        struct sockaddr address = {.sa_family = AF_UNIX};
        race.ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
        race.ends[1] = socket(AF_UNIX, SOCK_STREAM, 0);
        ck_assert_int_eq(bind(race.ends[0], &address, sizeof(sa_family_t)), 0);
        ck_assert_int_eq(listen(race.ends[0], 1), 0);
        break;
    }
    }
    ck_assert_int_eq(sem_init(&race.sem, 0, 0), 0);
    for (int i = tries(); i > 0; i--)
        run_try(&race);
}
END_TEST

static Suite *cancel_race_suite(void)
{
    Suite *suite = suite_create("cancel_race");
    TCase *all = tcase_create("races");
    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, a_cancelled_call_has_had_no_effect, 0,
                        sizeof races / sizeof races[0]);
    suite_add_tcase(suite, all);
    return suite;
}

UNIT_MAIN(cancel_race_suite)
