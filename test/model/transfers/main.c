/* The program: the table, where its transfers come from, and the cases that are known beforehand. */
#include "machine.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MS = 1000000, SIZES = 6, WHERE = 12 };

static const int sizes[SIZES] = {2, 4, 8, 16, 32, 64};
/* Long enough for whoever stands aside, again and again; and what is enough, if there are many steps. */
static const struct limits repeated = {.warm = 5 * MS, .window = 20 * MS, .steps = 3000000};
static const struct limits known = {.most = 1000000};

static bool test, where, times;
static unsigned seed = 1;
static int only;
static char **patterns;

static void usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [OPTION]... [WORKLOAD...]\n"
            "  --test           the programs whose counts are known\n"
            "  --where          the steps that most transfers come from, and sleeps that came too "
            "late\n"
            "  --times          operations in a microsecond, too, as the machine's costs have it\n"
            "  --threads N      these only, up to 64\n"
            "  --seed N         other dice\n"
            "  --transfer N     what a transfer takes, in nanoseconds\n"
            "  --hold N         how long a line stays with a CPU that has got it, at least\n"
            "  --wakeup N       until a sleeper that is woken runs\n",
            program);
    exit(2);
}

static void read_options(char **argv)
{
    char **arg = argv + 1;
    for (; *arg && **arg == '-'; arg++) {
        if (strcmp(*arg, "--test") == 0)
            test = true;
        else if (strcmp(*arg, "--where") == 0)
            where = true;
        else if (strcmp(*arg, "--times") == 0)
            times = true;
        else if (!arg[1])
            usage(argv[0]);
        else if (strcmp(*arg, "--threads") == 0)
            only = atoi(*++arg);
        else if (strcmp(*arg, "--seed") == 0)
            seed = atoi(*++arg);
        else if (strcmp(*arg, "--transfer") == 0)
            costs.transfer = atoi(*++arg);
        else if (strcmp(*arg, "--hold") == 0)
            costs.hold = atoi(*++arg);
        else if (strcmp(*arg, "--wakeup") == 0)
            costs.wakeup = atoi(*++arg);
        else
            usage(argv[0]);
    }
    if (only < 0 || only > THREADS)
        usage(argv[0]);
    patterns = arg;
}

static bool is_wanted(const char *name)
{
    for (char **pattern = patterns; *pattern; pattern++)
        if (fnmatch(*pattern, name, 0) == 0)
            return true;
    return !*patterns;
}

static int most_first(const void *a, const void *b)
{
    unsigned long x = ((const struct counted *)a)->count, y = ((const struct counted *)b)->count;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void print_where(void)
{
    int number;
    struct counted *sites = counted_sites(&number);
    qsort(sites, number, sizeof *sites, most_first);
    for (int i = 0; i < WHERE && sites[i].count; i++) {
        const struct place *place = sites[i].place;
        const char *file = place ? strrchr(place->file, '/') : NULL;
        printf("    %8.3f  %-20s %s:%d %s\n", (double)sites[i].count / counts.operations,
               sites[i].name,
               !place ? "the kernel"
               : file ? file + 1
                      : place->file,
               place ? place->line : 0, place ? place->function : "");
    }
    printf("    %8.3f  calls that were too late to sleep\n",
           (double)counts.too_late / counts.operations);
    fflush(stdout);
}

/* In a process of its own, which begins with nothing. */
static struct counts run(const struct program *program, int threads, const struct limits *limits)
{
    struct counts *result =
        mmap(NULL, sizeof counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    if (result == MAP_FAILED)
        abort();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        machine_run(program, threads, limits, seed);
        *result = counts;
        if (where && !*counts.failure && counts.operations)
            print_where();
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        snprintf(result->failure, sizeof result->failure, "the machine has crashed");
    struct counts copy = *result;
    munmap(result, sizeof counts);
    return copy;
}

/* The test. */

static int check_known(void)
{
    int passed = 0, failed = 0;
    for (const struct known *now = transfer_cases; now->name; now++) {
        if (!is_wanted(now->name))
            continue;
        struct program program = {.init = now->init, .thread = now->thread};
        struct counts found = run(&program, now->threads, &known);
        bool well =
            !*found.failure && found.transfers == now->transfers && found.calls == now->calls;
        printf("%s %-28s %lu transfers, %lu calls", well ? "ok    " : "FAILED", now->name,
               found.transfers, found.calls);
        if (*found.failure)
            printf(": %s", found.failure);
        else if (!well)
            printf(", not %u and %u", now->transfers, now->calls);
        printf("\n");
        *(well ? &passed : &failed) += 1;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}

/* The table. */

static void print_head(void)
{
    printf("| operation | of |");
    for (int i = 0; i < SIZES; i++)
        if (!only || i == 0)
            printf(" %d |", only ? only : sizes[i]);
    printf("\n|---|---|");
    for (int i = 0; i < SIZES; i++)
        if (!only || i == 0)
            printf("--:|");
    printf("\n");
}

static const char *figure(double value)
{
    static char texts[2][16];
    static int turn;
    char *text = texts[turn ^= 1];
    snprintf(text, sizeof texts[0],
             value >= 99.5   ? "%.0f"
             : value >= 9.95 ? "%.1f"
                             : "%.2f",
             value);
    return text;
}

static bool count(const char *name, const char *of, const struct repeated *what)
{
    struct counts found[SIZES];
    int n = 0;
    bool well = true;
    for (; n < (only ? 1 : SIZES); n++) {
        int threads = only ? only : sizes[n];
        struct program program = {.init = what->init, .operation = what->operation};
        if (where)
            printf("%s, %s, %d threads:\n", name, of, threads);
        found[n] = run(&program, threads, &repeated);
        if (*found[n].failure || !found[n].operations) {
            printf("FAILED %s, %s, %d threads: %s\n", name, of, threads,
                   *found[n].failure ? found[n].failure : "no operation has ended");
            well = false;
            found[n].operations = 1;
        }
    }
    printf("| %s | %s |", name, of);
    for (int i = 0; i < n; i++)
        printf(" %s, %s |", figure((double)found[i].transfers / found[i].operations),
               figure((double)found[i].calls / found[i].operations));
    for (int i = 0; i < n && times; i++)
        printf("%s %s |", i == 0 ? "\n| | in 1 us |" : "",
               figure(1000.0 * found[i].operations / (found[i].ended - found[i].began + 1)));
    printf("\n");
    return well;
}

int main(int argc, char **argv)
{
    bool well = true;
    (void)argc;
    read_options(argv);
    if (test)
        return check_known();
    print_head();
    for (const struct workload *now = transfer_workloads; now->name; now++) {
        if (!is_wanted(now->name))
            continue;
        well &= count(now->name, "Furwock", &now->library);
        well &= count(now->name, "plain", &now->simple);
    }
    return !well;
}
