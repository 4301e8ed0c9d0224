/* What each operation costs on libc and on Furwock, side by side.
 *
 *     bench [--list] [--rows PATTERN] [--growth] [--rounds N] [--quick] [--lib PATH]
 *           [--out FILE.tsv] [--peer NAME=PATH[,VARIABLE=VALUE]] [--exe NAME=PATH]
 *     bench --machine
 *
 * This one executable is both the driver and what it drives. For each row it runs itself as a new
 * process, in turn on the libc it was linked with and with each library preloaded, round after
 * round, so that whatever else the machine does meets all of them alike. The figures never make it
 * fail; a row that crashes, hangs or finds the library in error does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/*
 * Built with BENCH_STATIC, against musl, the program compares itself with another static build of it,
 * which has Furwock's threads as well.
 */
static const struct row *const tables[] = {
    pair_rows,   call_rows, contended_rows, handoff_rows,
#ifdef BENCH_STATIC
    thread_rows,
#endif
};
#define TABLES (sizeof tables / sizeof tables[0])

/* For a process that measures half a second: far more than the slowest row's start and end take. */
#define PATIENCE_MS 15000

struct options {
    const char *patterns[16];
    int pattern_count;
    int rounds;
    double scale;
    bool growth;
    /* Say what machine this is, and no more. */
    bool machine;
    const char *out;
    struct library libraries[MAX_LIBRARIES];
    int library_count;
};

_Noreturn static void fail(const char *format, const char *what)
{
    fprintf(stderr, "bench: ");
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    exit(2);
}

/* ---- The measuring process ---- */

extern const char *furwock_version(void) __attribute__((weak));
static const char linked_in[] = "Furwock, linked in";

/* The file that serves this process's pthread_mutex_lock, or in a static program what does. */
static void print_provider(void)
{
    Dl_info info;
    void *address = dlsym(RTLD_DEFAULT, "pthread_mutex_lock");
    if (address != NULL && dladdr(address, &info) != 0)
        printf("%s\n", info.dli_fname);
    else
        printf("%s\n", furwock_version != NULL ? linked_in : "");
}

static const struct row *find_in(const struct row *table, const char *name)
{
    for (const struct row *row = table; row->name != NULL; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static const struct row *find_row(const char *name)
{
    static struct row point;
    if (strncmp(name, "point/", 6) == 0) {
        point = row_of_point(name);
        return &point;
    }
    for (size_t i = 0; i < TABLES; i++) {
        const struct row *row = find_in(tables[i], name);
        if (row != NULL)
            return row;
    }
    return find_in(limit_rows, name);
}

_Noreturn static void measure(const char *name, const char *seconds)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const struct row *row = find_row(name);
    if (row == NULL)
        broken_row("no such row", 0);
    bench_seconds = strtod(seconds, NULL);
    struct result result = {.fairness = -1, .least_share = -1, .longest_ns = -1, .p999_ns = -1};
    row->run(row, &result);
    if (result.operations == 0 || result.wall_ns == 0)
        broken_row("nothing was done, or the clock stands still", 0);
    dprintf(STDOUT_FILENO, "measured %.6g %.6g %.6g %.6g %.6g %.6g\n",
            (double)result.wall_ns / (double)result.operations,
            (double)result.cpu_ns / (double)result.operations, result.fairness, result.longest_ns,
            result.p999_ns, result.least_share);
    /* Not exit: parked threads and teams are left as they are. */
    _exit(0);
}

/* ---- Running it ---- */

/* The environment without whatever would load or tune another library, and with this one's. */
static void set_environment(const struct library *library)
{
    unsetenv("LD_PRELOAD");
    unsetenv("FURWOCK");
    if (library->preload != NULL)
        setenv("LD_PRELOAD", library->preload, 1);
    if (library->setting != NULL)
        putenv(library->setting);
}

static pid_t start(const struct library *library, char *const arguments[], int *output)
{
    int ends[2];
    if (pipe(ends) != 0)
        fail("pipe: %s", strerror(errno));
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        fail("fork: %s", strerror(errno));
    if (pid == 0) {
        set_environment(library);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(library->program != NULL ? library->program : "/proc/self/exe", arguments);
        dprintf(STDOUT_FILENO, "broken cannot run: %s\n", strerror(errno));
        _exit(127);
    }
    close(ends[1]);
    *output = ends[0];
    return pid;
}

/* Read what the process writes until it ends. False if that took too long. */
static bool read_all(int output, char *text, size_t size, int patience_ms)
{
    size_t used = 0;
    const uint64_t end = now_ns() + (uint64_t)patience_ms * 1000000u;
    for (;;) {
        const uint64_t now = now_ns();
        struct pollfd wanted = {.fd = output, .events = POLLIN};
        if (now >= end || poll(&wanted, 1, (int)((end - now) / 1000000u) + 1) == 0)
            return false;
        ssize_t got = read(output, text + used, size - 1 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
        if (used == size - 1)
            break;
    }
    text[used] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return true;
}

/* Run this program with the arguments; false, with the reason in text, unless it exits with 0. */
static bool run(const struct library *library, char *const arguments[], char *text, size_t size)
{
    int output, status;
    pid_t pid = start(library, arguments, &output);
    bool in_time = read_all(output, text, size, PATIENCE_MS);
    if (!in_time)
        kill(pid, SIGKILL);
    close(output);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time)
        snprintf(text, size, "did not end in %d s", PATIENCE_MS / 1000);
    else if (WIFSIGNALED(status))
        snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        snprintf(text, size, "exit status %d", WEXITSTATUS(status));
    else
        return true;
    return false;
}

static bool same_file(const char *left, const char *right)
{
    struct stat a, b;
    return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* The dynamic linker only warns of a library that it cannot preload, and libc would then be
 * compared with itself. */
static void check_provider(const struct library *library)
{
    char text[PATH_MAX];
    char *arguments[] = {"bench", "--provider", NULL};
    if (!run(library, arguments, text, sizeof text))
        fail("cannot run on this library: %s", text);
    if (library->preload != NULL && !same_file(text, library->preload))
        fail("not in use although preloaded: %s", library->preload);
#ifdef BENCH_STATIC
    if (library->program != NULL && strcmp(text, linked_in) != 0)
        fail("Furwock is not in %s", library->program);
#endif
    fprintf(stderr, "bench: %s is %s\n", library->name, text[0] != '\0' ? text : library->program);
}

static void sample(const struct library *library, const struct row *row, double scale,
                   struct samples *samples)
{
    char text[512], name[64], seconds[32], reason[sizeof samples->reason];
    double wall, cpu, fairness, longest, p999;
    if (samples->verdict != MEASURED)
        return;
    snprintf(name, sizeof name, "%s", row->name);
    snprintf(seconds, sizeof seconds, "%g", row->seconds * scale);
    char *arguments[] = {"bench", "--measure", name, seconds, NULL};
    enum verdict verdict = BROKEN;
    snprintf(reason, sizeof reason, "wrote nothing that was expected");
    if (!run(library, arguments, text, sizeof text)) {
        snprintf(reason, sizeof reason, "%.150s", text);
    } else if (sscanf(text, "measured %lf %lf %lf %lf %lf", &wall, &cpu, &fairness, &longest,
                      &p999) == 5) {
        samples->wall[samples->count] = wall;
        samples->cpu[samples->count] = cpu;
        samples->fairness[samples->count] = fairness;
        samples->longest[samples->count] = longest;
        samples->p999[samples->count] = p999;
        samples->count++;
        return;
    } else if (strncmp(text, "skipped ", 8) == 0) {
        verdict = SKIPPED;
        snprintf(reason, sizeof reason, "%.150s", text + 8);
    } else if (strncmp(text, "broken ", 7) == 0) {
        snprintf(reason, sizeof reason, "%.150s", text + 7);
    }
    samples->verdict = verdict;
    samples->count = 0;
    memcpy(samples->reason, reason, sizeof reason);
}

/* ---- Which rows ---- */

static bool matches(const char *pattern, const char *name)
{
    if (strpbrk(pattern, "*?[") != NULL)
        return fnmatch(pattern, name, 0) == 0;
    return strstr(name, pattern) != NULL;
}

static bool selected(const struct options *options, const struct row *row)
{
    if (options->growth && !(row->flags & GROWTH))
        return false;
    for (int i = 0; i < options->pattern_count; i++)
        if (matches(options->patterns[i], row->name))
            return true;
    return options->pattern_count == 0 && (options->growth || !(row->flags & ON_REQUEST));
}

static bool limits_a_selected_row(const struct options *options, const struct row *limit)
{
    for (size_t i = 0; i < TABLES; i++)
        for (const struct row *row = tables[i]; row->name != NULL; row++)
            if (selected(options, row) && strcmp(row->limit, limit->name) == 0)
                return true;
    return (options->pattern_count == 0 && !options->growth) || selected(options, limit);
}

static bool says_which_machine(const struct options *options, const struct row *limit)
{
    (void)options;
    return is_of_machine(limit);
}

static bool is_measured(const struct options *options, const struct row *limit)
{
    return is_of_machine(limit) || limits_a_selected_row(options, limit);
}

/* Peers of these names are for the rows that are flagged for them. */
static bool is_for(const struct options *options, const struct library *library,
                   const struct row *row)
{
    if (strcmp(library->name, "nsync") == 0)
        return row->flags & NSYNC;
    if (strcmp(library->name, "asymmetric") == 0)
        return options->pattern_count > 0 || row->flags & ASYMMETRIC;
    return true;
}

static void list_rows(void)
{
    printf("%-26s%-10s%s\n", "row", "limit", "what it measures (*: only when named; +: --growth)");
    for (size_t i = 0; i < TABLES; i++)
        for (const struct row *row = tables[i]; row->name != NULL; row++)
            printf("%-26s%-10s%s%s%s\n", row->name, row->limit, row->flags & GROWTH ? "+ " : "",
                   row->flags & ON_REQUEST ? "* " : "", row->what);
    printf("\n%-26s%-10s%s\n", "limit", "", "");
    for (const struct row *row = limit_rows; row->name != NULL; row++)
        printf("%-26s%-10s%s\n", row->name, "", row->what);
}

/* ---- The whole run ---- */

struct progress {
    int done, total;
    bool terminal;
    uint64_t start;
};

static void show_progress(struct progress *progress, const char *name)
{
    progress->done++;
    fprintf(stderr, "%s[%d/%d %.0f s] %s%s", progress->terminal ? "\r\033[K" : "", progress->done,
            progress->total, (double)(now_ns() - progress->start) / 1e9, name,
            progress->terminal ? "" : "\n");
}

static void clear_progress(const struct progress *progress)
{
    if (progress->terminal)
        fprintf(stderr, "\r\033[K");
}

static int count_rows(const struct options *options)
{
    int count = 0;
    for (size_t i = 0; i < TABLES; i++)
        for (const struct row *row = tables[i]; row->name != NULL; row++)
            count += selected(options, row);
    return count;
}

typedef bool predicate(const struct options *options, const struct row *limit);

static int count_limits(const struct options *options, predicate *wanted)
{
    int count = 0;
    for (const struct row *row = limit_rows; row->name != NULL; row++)
        count += wanted(options, row);
    return count;
}

/* Too big for the stack, and zeroed for each row. */
static struct samples samples[MAX_LIBRARIES];
static struct samples limit_samples[MAX_LIMITS];

static void run_limits(const struct options *options, predicate *wanted, struct machine *machine,
                       struct progress *progress)
{
    for (int i = 0; limit_rows[i].name != NULL; i++) {
        if (!wanted(options, &limit_rows[i]))
            continue;
        show_progress(progress, limit_rows[i].name);
        for (int round = 0; round < options->rounds; round++)
            sample(&options->libraries[0], &limit_rows[i], options->scale, &limit_samples[i]);
    }
    clear_progress(progress);
    describe_machine(machine, limit_samples);
}

static void report_limits(const struct options *options, struct report *report)
{
    for (int i = 0; limit_rows[i].name != NULL; i++)
        if (limits_a_selected_row(options, &limit_rows[i]))
            report_limit(report, &limit_rows[i], &limit_samples[i]);
}

static void run_rows(const struct options *options, struct report *report,
                     struct progress *progress, const struct row *table)
{
    for (const struct row *row = table; row->name != NULL; row++) {
        if (!selected(options, row))
            continue;
        show_progress(progress, row->name);
        memset(samples, 0, sizeof samples);
        for (int i = 0; i < options->library_count; i++)
            if (!is_for(options, &options->libraries[i], row))
                samples[i].verdict = LEFT_OUT;
        for (int round = 0; round < options->rounds; round++)
            for (int i = 0; i < options->library_count; i++)
                sample(&options->libraries[i], row, options->scale, &samples[i]);
        clear_progress(progress);
        report_row(report, row, samples);
    }
}

static struct progress begin(int total)
{
    return (struct progress){
        .total = total, .terminal = isatty(STDERR_FILENO) != 0, .start = now_ns()};
}

static bool print_machine(const struct options *options)
{
    struct progress progress = begin(count_limits(options, says_which_machine));
    struct machine machine;
    run_limits(options, says_which_machine, &machine, &progress);
    puts(machine.text);
    return true;
}

static bool run_all(const struct options *options)
{
    const int rows = count_rows(options);
    struct progress progress = begin(rows + count_limits(options, is_measured));
    struct machine machine;
    double load;
    if (rows + count_limits(options, limits_a_selected_row) == 0)
        fail("%s", "no row matches; --list names them all");
    if (getloadavg(&load, 1) == 1 && load > 0.5)
        fprintf(stderr, "bench: the machine is busy (load %.1f): expect noise\n", load);
    for (int i = 0; i < options->library_count; i++)
        check_provider(&options->libraries[i]);
    run_limits(options, is_measured, &machine, &progress);
    struct report *report = report_open(options->out, &machine, options->libraries,
                                        options->library_count, options->rounds);
    if (report == NULL)
        fail("%s", "out of memory");
    report_limits(options, report);
    for (size_t i = 0; i < TABLES; i++)
        run_rows(options, report, &progress, tables[i]);
    return report_close(report);
}

/* ---- Options ---- */

static struct library *new_library(struct options *options, const char *name, size_t length)
{
    if (options->library_count == MAX_LIBRARIES)
        fail("%s", "too many libraries");
    struct library *library = &options->libraries[options->library_count++];
    snprintf(library->name, sizeof library->name, "%.*s", (int)length, name);
    return library;
}

static char *absolute(const char *path)
{
    char *resolved = realpath(path, NULL);
    if (resolved == NULL)
        fail("not found: %s", path);
    return resolved;
}

/* NAME=PATH[,VARIABLE=VALUE] */
static void add_peer(struct options *options, const char *argument, bool program)
{
    const char *equals = strchr(argument, '=');
    if (equals == NULL || equals == argument)
        fail("expected NAME=PATH, not %s", argument);
    struct library *library = new_library(options, argument, (size_t)(equals - argument));
    char *path = strdup(equals + 1);
    if (path == NULL)
        fail("%s", "out of memory");
    char *comma = strchr(path, ',');
    if (comma != NULL) {
        *comma = '\0';
        library->setting = comma + 1;
    }
    if (program)
        library->program = absolute(path);
    else
        library->preload = absolute(path);
}

/* Beside this program, where the build puts both. */
static char *default_library(const char *name)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        char *slash = strrchr(path, '/');
        static char beside[PATH_MAX + 32];
        snprintf(beside, sizeof beside, "%.*s/%s", (int)(slash - path), path, name);
        if (access(beside, R_OK) == 0)
            return absolute(beside);
    }
    fail("no %s beside this program; build it, or name it with --lib", name);
}

static const char usage[] =
    "usage: bench [options]\n"
    "  --list             name the rows and what they measure\n"
    "  --rows PATTERN     only rows whose name contains PATTERN, or matches it if it has *, ? or "
    "[;\n"
    "                     may be given again\n"
    "  --machine          say what machine this is, as the first line of figures does\n"
    "  --growth           the rows of series of sizes, and how the ratio changes along each\n"
    "  --rounds N         rounds of each row on each library (7)\n"
    "  --quick            3 shorter rounds: about a minute\n"
    "  --lib PATH         the library to compare with libc (libfurwock.so beside this program)\n"
    "  --peer NAME=PATH[,VARIABLE=VALUE]\n"
    "                     one more library to preload, with a setting of its environment\n"
    "  --exe NAME=PATH    one more build of this program, say a static one\n"
    "  --out FILE         write the figures to FILE as well, separated by tabs\n";

static int to_rounds(const char *argument)
{
    char *end;
    long rounds = strtol(argument, &end, 10);
    if (*end != '\0' || rounds < 1 || rounds > MAX_ROUNDS)
        fail("--rounds wants a number from 1 to 99, not %s", argument);
    return (int)rounds;
}

static void parse(struct options *options, int argc, char **argv)
{
    enum { LIST = 256, MACHINE, ROWS, SERIES, ROUNDS, QUICK, LIB, PEER, EXE, OUT, HELP };
    static const struct option names[] = {
        {"list", no_argument, NULL, LIST},       {"machine", no_argument, NULL, MACHINE},
        {"rows", required_argument, NULL, ROWS}, {"rounds", required_argument, NULL, ROUNDS},
        {"quick", no_argument, NULL, QUICK},     {"lib", required_argument, NULL, LIB},
        {"peer", required_argument, NULL, PEER}, {"exe", required_argument, NULL, EXE},
        {"out", required_argument, NULL, OUT},   {"growth", no_argument, NULL, SERIES},
        {"help", no_argument, NULL, HELP},       {0},
    };
    const char *lib = NULL;
    int rounds = 0, option;
    options->scale = 1;
#ifdef BENCH_STATIC
    new_library(options, "musl", 4);
#else
    new_library(options, "libc", 4);
#endif
    struct library *furwock = new_library(options, "furwock", 7);
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case LIST:
            list_rows();
            exit(0);
        case ROWS:
            if (options->pattern_count == 16)
                fail("%s", "too many patterns");
            options->patterns[options->pattern_count++] = optarg;
            break;
        case MACHINE:
            options->machine = true;
            break;
        case SERIES:
            options->growth = true;
            break;
        case ROUNDS:
            rounds = to_rounds(optarg);
            break;
        case QUICK:
            options->scale = 0.5;
            break;
        case LIB:
            lib = optarg;
            break;
        case PEER:
        case EXE:
            add_peer(options, optarg, option == EXE);
            break;
        case OUT:
            options->out = optarg;
            break;
        case HELP:
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind != argc)
        fail("unexpected argument: %s", argv[optind]);
    options->rounds = rounds != 0 ? rounds : options->scale < 1 ? 3 : 7;
#ifdef BENCH_STATIC
    furwock->program = lib != NULL ? absolute(lib) : default_library("bench-furwock");
#else
    furwock->preload = lib != NULL ? absolute(lib) : default_library("libfurwock.so");
#endif
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--provider") == 0) {
        print_provider();
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "--measure") == 0)
        measure(argv[2], argv[3]);
    static struct options options;
    parse(&options, argc, argv);
    return (options.machine ? print_machine(&options) : run_all(&options)) ? 0 : 1;
}
