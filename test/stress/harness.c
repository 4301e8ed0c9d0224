/*
 * stress [--seconds N] [--seed S] [--only NAME] [--hold]
 *
 * Tests take turns, a fraction of a second each, until the time is over; with `--only` those whose
 * names begin so. One that fails has no more turns. The processes of a round are watched from
 * outside, with no threads: if for 20 seconds no worker takes a step, and the round does not end,
 * that is a failure, and what the workers are in and the objects' bytes are printed; with `--hold`
 * they are then left as they are, for a debugger. The same seed makes the same choices.
 */
#include "stress.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { STALL_SECONDS = 20 };

struct round *now;
static bool hold;

static int64_t milliseconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void nap(long us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

void fail(const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = snprintf(text, sizeof text, "%s: ", now->test->name);
    length += vsnprintf(text + length, sizeof text - length - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof text - 2)
        length = sizeof text - 2;
    text[length++] = '\n';
    /* The first failure is the one to read: others follow from it. */
    if (!atomic_exchange(&now->failed, true) && write(STDOUT_FILENO, text, length) < 0)
        _exit(2);
    _exit(1);
}

/*
 * A process of the round: its workers, and its manager.
 */

static void ended(void *self)
{
    atomic_store(&((struct worker *)self)->ended, true);
}

static void *run_worker(void *arg)
{
    struct worker *self = arg;
    pthread_cleanup_push(ended, self);
    take_policy(self);
    now->test->work(self);
    pthread_cleanup_pop(1);
    return NULL;
}

static void start(struct worker *worker)
{
    atomic_store(&worker->ended, false);
    RETURNS(pthread_create(&worker->thread, NULL, run_worker, worker), 0);
}

static void join(struct worker *worker)
{
    void *result;
    RETURNS(pthread_join(worker->thread, &result), 0);
    CHECK(result == NULL || (result == PTHREAD_CANCELED && now->cancel));
}

static void on_signal(int signal)
{
    (void)signal;
}

static void run_process(unsigned process)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = now->restart ? SA_RESTART : 0};
    sigaction(SIGUSR1, &action, NULL);
    unsigned count = now->workers / now->processes;
    struct worker *workers = now->worker + process * count;
    uint64_t random = now->seed + 77 * process + 1;
    for (unsigned i = 0; i < count; i++)
        start(&workers[i]);
    set_timer(true);
    while (!stopping()) {
        have_a_child();
        see_to_the_child(false);
        for (unsigned i = 0; i < count; i++) {
            if (!atomic_load(&workers[i].ended))
                continue;
            join(&workers[i]);
            start(&workers[i]);
        }
        struct worker *worker = &workers[draw(&random) % count];
        if (now->storm)
            pthread_kill(worker->thread, SIGUSR1);
        if (now->cancel && draw(&random) % 8 == 0)
            pthread_cancel(worker->thread);
        nap(now->storm ? draw(&random) % 64 : 500);
    }
    set_timer(false);
    see_to_the_child(true);
    if (now->test->release)
        now->test->release();
    for (unsigned i = 0; i < count; i++)
        join(&workers[i]);
}

static _Noreturn void lead(void)
{
    pid_t others[MAX_WORKERS];
    now->left_out = now->test->prepare(now->test->variant);
    if (now->left_out)
        _exit(0);
    for (unsigned i = 1; i < now->processes; i++) {
        others[i] = fork();
        CHECK(others[i] >= 0);
        if (others[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            run_process(i);
            _exit(0);
        }
    }
    run_process(0);
    for (unsigned i = 1; i < now->processes; i++) {
        int status;
        CHECK(waitpid(others[i], &status, 0) == others[i]);
        if (status != 0)
            fail("a process ended with status 0x%x", (unsigned)status);
    }
    now->test->finish();
    _exit(0);
}

/*
 * The round from outside.
 */

static unsigned long steps(void)
{
    unsigned long sum = 0;
    for (unsigned i = 0; i < now->workers; i++)
        sum += atomic_load(&now->worker[i].steps);
    return sum;
}

static void describe(uint64_t seed)
{
    printf("  round seed %#llx: %u workers in %u processes%s%s%s%s%s%s%s\n",
           (unsigned long long)seed, now->workers, now->processes, now->timed ? ", timeouts" : "",
           now->cancel ? ", cancellation" : "", now->storm ? ", signals" : "",
           now->storm && now->restart ? " with SA_RESTART" : "", now->mixed ? ", policies" : "",
           now->forks ? ", forks" : "", now->timer ? ", a timer" : "");
}

static void print_objects(void)
{
    static const unsigned char zero[32];
    for (size_t at = 0; at < now->test->objects; at += 32) {
        if (memcmp(now->state + at, zero, 32) == 0)
            continue;
        printf("  %04zx:", at);
        for (size_t i = at; i < at + 32; i += 4) {
            uint32_t word;
            memcpy(&word, now->state + i, sizeof word);
            printf(" %08x", word);
        }
        printf("\n");
    }
}

static void report_stall(pid_t leader)
{
    printf("%s: no progress for %d s, leader %d, %s\n", now->test->name, STALL_SECONDS, (int)leader,
           stopping() ? "while it was to end" : "in the middle");
    for (unsigned i = 0; i < now->workers; i++) {
        struct worker *worker = &now->worker[i];
        if (!worker->ended)
            printf("  worker %u, after %lu steps, in %s\n", i, (unsigned long)worker->steps,
                   worker->doing ? worker->doing : "nothing yet");
    }
}

/* The choices that every round has. */
static void choose(const struct test *test, uint64_t seed)
{
    memset(now, 0, sizeof *now);
    now->test = test;
    now->seed = seed;
    unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    now->workers = cpus << pick_round(6);
    now->workers += now->workers & 1;
    if (now->workers > MAX_WORKERS)
        now->workers = MAX_WORKERS;
    now->processes = 1;
    if ((test->allows & PROCESSES) && pick_round(2) == 0) {
        now->processes = 2u << pick_round(4);
        if (now->processes > now->workers)
            now->processes = now->workers;
        now->workers -= now->workers % now->processes;
    }
    now->timed = pick_round(2);
    now->cancel = (test->allows & CANCEL) && pick_round(2) == 0;
    now->storm = pick_round(3) == 0;
    now->mixed = pick_round(4) == 0;
    now->forks = pick_round(4) == 0;
    now->timer = pick_round(4) == 0;
    now->restart = pick_round(2);
    for (unsigned i = 0; i < now->workers; i++) {
        now->worker[i].index = i;
        now->worker[i].random = draw(&now->seed) | 1;
    }
}

/* Returns whether the round passed; adds its steps. */
static bool run_round(const struct test *test, uint64_t seed, int64_t length, unsigned long *sum)
{
    choose(test, seed);
    fflush(stdout);
    pid_t leader = fork();
    if (leader == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        lead();
    }
    setpgid(leader, leader);
    int64_t end = milliseconds() + length, stall = milliseconds() + STALL_SECONDS * 1000;
    unsigned long before = 0;
    int status = 0;
    for (;;) {
        nap(5000);
        pid_t pid = waitpid(leader, &status, WNOHANG);
        if (pid == leader || atomic_load(&now->failed))
            break;
        int64_t time = milliseconds();
        unsigned long after = steps();
        if (after != before) {
            before = after;
            stall = time + STALL_SECONDS * 1000;
            /* what stands still is not saved by its end, which wakes everybody */
            if (time >= end)
                atomic_store(&now->stop, true);
        } else if (time >= stall) {
            report_stall(leader);
            status = -1;
            break;
        }
    }
    *sum += steps();
    bool passed = status == 0 && !atomic_load(&now->failed);
    if (!passed) {
        if (status > 0 && !atomic_load(&now->failed))
            printf("%s: ended with status %#x\n", test->name, (unsigned)status);
        describe(seed);
        print_objects();
        fflush(stdout);
        while (hold)
            pause();
    }
    kill(-leader, SIGKILL);
    while (waitpid(leader, &status, 0) < 0 && errno == EINTR)
        ;
    return passed;
}

enum { MAX_TESTS = 64 };
static struct turn {
    const struct test *test;
    unsigned rounds;
    unsigned long steps;
    bool failed;
    const char *left_out;
} turns[MAX_TESTS];

static unsigned collect(const char *only)
{
    const struct test *const tables[] = {mutex_tests, cond_tests, object_tests, life_tests};
    unsigned count = 0;
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct test *test = tables[i]; test->name; test++)
            if (!only || strncmp(test->name, only, strlen(only)) == 0)
                turns[count++].test = test;
    return count;
}

int main(int argc, char **argv)
{
    long seconds = 60;
    uint64_t seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    const char *only = NULL;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (value && strcmp(argv[i], "--seconds") == 0)
            seconds = atol(value), i++;
        else if (value && strcmp(argv[i], "--seed") == 0)
            seed = strtoull(value, NULL, 0), i++;
        else if (value && strcmp(argv[i], "--only") == 0)
            only = value, i++;
        else if (strcmp(argv[i], "--hold") == 0)
            hold = true;
        else {
            fprintf(stderr, "usage: stress [--seconds N] [--seed S] [--only NAME] [--hold]\n");
            return 2;
        }
    }
    unsigned count = collect(only), failed = 0;
    if (count == 0) {
        fprintf(stderr, "stress: no test is called %s\n", only);
        return 2;
    }
    now = mmap(NULL, sizeof *now, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (now == MAP_FAILED) {
        perror("stress: mmap");
        return 2;
    }
    printf("seed %llu\n", (unsigned long long)seed);
    uint64_t random = seed * 0x9e3779b97f4a7c15 | 1;
    draw(&random);
    /* Every test has a turn, and the more the longer it all takes. */
    int64_t end = milliseconds() + seconds * 1000, share = seconds * 1000 / count;
    unsigned turn = 0, over = 0;
    while (over < count) {
        struct turn *t = &turns[turn++ % count];
        if (t->failed || (t->rounds > 0 && milliseconds() >= end)) {
            over++;
            continue;
        }
        over = 0;
        uint64_t round_seed = draw(&random);
        int64_t length = 100 + (int64_t)(round_seed % 500);
        if (!run_round(t->test, round_seed, length < share ? length : share, &t->steps)) {
            t->failed = true;
            failed++;
        }
        t->rounds++;
        t->left_out = now->left_out;
    }
    for (unsigned i = 0; i < count; i++)
        printf("%-18s %5u rounds %10lu steps  %s\n", turns[i].test->name, turns[i].rounds,
               turns[i].steps, turns[i].failed ? "FAILED" : turns[i].left_out ?: "passed");
    printf("%u passed, %u failed\n", count - failed, failed);
    return failed > 0;
}
