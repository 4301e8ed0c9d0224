/* Medians, the table a person reads, and the file a plot is made from. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/* Medians over the rounds; NAN where nothing was measured. */
struct summary {
    enum verdict verdict;
    const char *reason;
    int rounds;
    double wall, wall_low, wall_high;
    double cpu, cpu_low, cpu_high;
    double fairness, longest, p999;
};

/* A row that is looked at again after the main table. */
struct kept {
    const struct row *row;
    struct summary of[MAX_LIBRARIES];
};

struct report {
    FILE *out;
    const struct library *libraries;
    int count;
    struct {
        const char *name;
        double wall;
    } limits[MAX_LIMITS];
    int limit_count;
    struct kept *kept;
    int kept_count;
    /* Sums of the logarithms of the ratios, for their geometric means. */
    double wall_logs[MAX_LIBRARIES], cpu_logs[MAX_LIBRARIES];
    int compared[MAX_LIBRARIES], slower[MAX_LIBRARIES];
    bool broken;
};

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The values that were measured, which are those not below zero, in order. */
static int sort_measured(const double *values, int count, double *sorted)
{
    int measured = 0;
    for (int i = 0; i < count; i++)
        if (values[i] >= 0)
            sorted[measured++] = values[i];
    qsort(sorted, (size_t)measured, sizeof *sorted, ascending);
    return measured;
}

static double median(const double *values, int count)
{
    double sorted[MAX_ROUNDS];
    count = sort_measured(values, count, sorted);
    return count > 0 ? (sorted[(count - 1) / 2] + sorted[count / 2]) / 2 : NAN;
}

static void range(const double *values, int count, double *low, double *high)
{
    double sorted[MAX_ROUNDS];
    count = sort_measured(values, count, sorted);
    *low = count > 0 ? sorted[0] : NAN;
    *high = count > 0 ? sorted[count - 1] : NAN;
}

static struct summary summarise(const struct samples *samples)
{
    struct summary summary = {
        .verdict = samples->verdict,
        .reason = samples->reason,
        .rounds = samples->count,
        .wall = median(samples->wall, samples->count),
        .cpu = median(samples->cpu, samples->count),
        .fairness = median(samples->fairness, samples->count),
        .p999 = median(samples->p999, samples->count),
    };
    range(samples->wall, samples->count, &summary.wall_low, &summary.wall_high);
    range(samples->cpu, samples->count, &summary.cpu_low, &summary.cpu_high);
    /* The longest of all rounds: a median of longest waits would hide the worst. */
    double shortest;
    range(samples->longest, samples->count, &shortest, &summary.longest);
    return summary;
}

/* ---- Ratios ---- */

struct ratio {
    double wall, cpu;
};

static const char *file_of(const struct library *library)
{
    return library->preload != NULL ? library->preload : library->program;
}

/* A peer that is not libraries[1] with another setting. */
static bool is_rival(const struct report *report, int peer)
{
    return peer > 1 &&
           strcmp(file_of(&report->libraries[peer]), file_of(&report->libraries[1])) != 0;
}

/* libraries[1] and what is the same library are compared with libc, and libraries[1] with its
 * rivals. */
static struct ratio compare(const struct report *report, const struct summary *of, int i)
{
    const struct summary *above = is_rival(report, i) ? &of[1] : &of[i];
    const struct summary *below = is_rival(report, i) ? &of[i] : &of[0];
    return (struct ratio){above->wall / below->wall, above->cpu / below->cpu};
}

static const char *name_of_ratio(const struct report *report, int i)
{
    static char name[2 * sizeof report->libraries->name];
    const struct library *libraries = report->libraries;
    const bool rival = is_rival(report, i);
    snprintf(name, sizeof name, "%s/%s", libraries[rival ? 1 : i].name,
             libraries[rival ? i : 0].name);
    return name;
}

/* ---- Cells, all right-aligned; "-" for what was not measured ---- */

static void print_number(double value, int width)
{
    if (isnan(value))
        printf("%*s", width, "-");
    else
        printf(value < 1e8 ? "%*.*f" : "%*.*e", width,
               value < 9.995 || value >= 1e8 ? 2
               : value < 9999.5              ? 1
                                             : 0,
               value);
}

static void print_ratio(double value, int width)
{
    if (isnan(value))
        printf("%*s", width, "-");
    else
        printf("%*.*f", width, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value);
}

static double spread(const struct summary *summary)
{
    return 100 * (summary->wall_high - summary->wall_low) / summary->wall;
}

static void print_percent(double value, int width)
{
    if (isnan(value))
        printf("%*s", width, "-");
    else
        printf("%*.0f", width, fmin(value, 999));
}

/* ---- The file ---- */

static void write_number(FILE *out, double value)
{
    if (isnan(value))
        fputs("\tNaN", out);
    else
        fprintf(out, "\t%.4g", value);
}

static void write_line(struct report *report, const char *row, const char *library,
                       const struct summary *summary, const struct summary *base, const char *limit,
                       double limit_ns)
{
    FILE *out = report->out;
    if (out == NULL)
        return;
    fprintf(out, "%s\t%s\t%d", row, library, summary->rounds);
    write_number(out, summary->wall);
    write_number(out, summary->wall_low);
    write_number(out, summary->wall_high);
    write_number(out, summary->cpu);
    write_number(out, summary->cpu_low);
    write_number(out, summary->cpu_high);
    write_number(out, summary->wall / base->wall);
    write_number(out, summary->cpu / base->cpu);
    fprintf(out, "\t%s", limit);
    write_number(out, limit_ns);
    write_number(out, summary->fairness);
    write_number(out, summary->longest);
    write_number(out, summary->p999);
    fprintf(out, "\t%s\n", summary->verdict == MEASURED ? "" : summary->reason);
    fflush(out);
}

/* ---- The table ---- */

static void name_cpu(char *name, size_t size)
{
    char line[256];
    FILE *info = fopen("/proc/cpuinfo", "r");
    snprintf(name, size, "unknown CPU");
    while (info != NULL && fgets(line, sizeof line, info) != NULL) {
        char *colon = strstr(line, ": ");
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            snprintf(name, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (info != NULL)
        fclose(info);
}

static const struct {
    const char *limit, *name;
} of_machine[] = {
    {"line", "cache line there and back"},
    {"atomics", "atomic pair"},
    {"futex", "sleep and wake there and back"},
    {"pause", "pause"},
    {"clock", "clock read"},
};
#define OF_MACHINE (sizeof of_machine / sizeof of_machine[0])

static const char *name_in_machine(const struct row *limit)
{
    for (size_t i = 0; i < OF_MACHINE; i++)
        if (strcmp(of_machine[i].limit, limit->name) == 0)
            return of_machine[i].name;
    return NULL;
}

bool is_of_machine(const struct row *limit)
{
    return name_in_machine(limit) != NULL;
}

void describe_machine(struct machine *machine, const struct samples *limits)
{
    struct utsname system;
    char cpu[80], libc[64] = "musl";
    name_cpu(cpu, sizeof cpu);
#ifdef _CS_GNU_LIBC_VERSION
    confstr(_CS_GNU_LIBC_VERSION, libc, sizeof libc);
#endif
    uname(&system);
    size_t used =
        (size_t)snprintf(machine->text, sizeof machine->text, "%s, %d CPUs, %s %s %s, %s", cpu,
                         get_nprocs(), system.sysname, system.release, system.machine, libc);
    const char *before = "; ns: ";
    for (int i = 0; limit_rows[i].name != NULL; i++) {
        const double wall = median(limits[i].wall, limits[i].count);
        if (!is_of_machine(&limit_rows[i]) || isnan(wall))
            continue;
        used += (size_t)snprintf(machine->text + used, sizeof machine->text - used,
                                 wall < 100 ? "%s%s %.1f" : "%s%s %.0f", before,
                                 name_in_machine(&limit_rows[i]), wall);
        before = ", ";
    }
}

struct report *report_open(const char *out, const struct machine *machine,
                           const struct library *libraries, int count, int rounds)
{
    struct report *report = calloc(1, sizeof *report);
    if (report == NULL)
        return NULL;
    report->libraries = libraries;
    report->count = count;
    if (out != NULL) {
        report->out = fopen(out, "w");
        if (report->out == NULL) {
            perror(out);
            exit(2);
        }
        fprintf(report->out, "# %s\n", machine->text);
        fputs("row\tlibrary\trounds\twall_ns\twall_low\twall_high\tcpu_ns\tcpu_low\tcpu_high\t"
              "wall_ratio\tcpu_ratio\tlimit\tlimit_ns\tfairness\tlongest_ns\tp999_ns\tremark\n",
              report->out);
    }
    printf("%s\n", machine->text);
    printf(
        "Median of %d rounds in turn, each in a new process; ns an operation. Ratio: to %s. "
        "Spread: slowest\nround less fastest, in %% of the median. Limit: the raw operation that "
        "bounds the row from below.\n",
        rounds, libraries[0].name);
    return report;
}

static double limit_of(const struct report *report, const char *name)
{
    for (int i = 0; i < report->limit_count; i++)
        if (strcmp(report->limits[i].name, name) == 0)
            return report->limits[i].wall;
    return NAN;
}

void report_limit(struct report *report, const struct row *limit, const struct samples *samples)
{
    struct summary summary = summarise(samples);
    if (report->limit_count == 0)
        printf("\n%-10s%9s%9s%8s\n", "limit", "wall", "CPU", "spread");
    printf("%-10s", limit->name);
    print_number(summary.wall, 9);
    print_number(summary.cpu, 9);
    print_percent(spread(&summary), 8);
    printf("  %s\n", summary.verdict == MEASURED ? limit->what : summary.reason);
    fflush(stdout);
    write_line(report, limit->name, "raw", &summary, &summary, limit->name, summary.wall);
    report->limits[report->limit_count].name = limit->name;
    report->limits[report->limit_count++].wall = summary.wall;
    report->broken |= summary.verdict == BROKEN;
}

static void print_heading(const struct report *report)
{
    const char *base = report->libraries[0].name;
    const char *first = report->count > 1 ? report->libraries[1].name : "-";
    printf("\n%-24s%26s%27s%14s", "", "wall ns", "CPU ns", "spread %");
    for (int i = 2; i < report->count; i++)
        printf(" %16.16s", name_of_ratio(report, i));
    printf("%9s\n%-24s%10.9s%10.9s%6s %10.9s%10.9s%6s%6.5s%8.7s", "limit", "row", base, first,
           "ratio", base, first, "ratio", base, first);
    for (int i = 2; i < report->count; i++)
        printf(" %10s%6s", "wall", "CPU");
    printf(" %8s\n", "ns");
}

static void print_line(const struct report *report, const struct row *row, const struct summary *of,
                       double limit_ns)
{
    const struct ratio ratio = compare(report, of, 1);
    printf("%-24.24s", row->name);
    print_number(of[0].wall, 10);
    print_number(of[1].wall, 10);
    print_ratio(ratio.wall, 6);
    printf(" ");
    print_number(of[0].cpu, 10);
    print_number(of[1].cpu, 10);
    print_ratio(ratio.cpu, 6);
    print_percent(spread(&of[0]), 6);
    print_percent(spread(&of[1]), 8);
    for (int i = 2; i < report->count; i++) {
        const struct ratio peer = compare(report, of, i);
        print_ratio(peer.wall, 11);
        print_ratio(peer.cpu, 6);
    }
    printf(" ");
    print_number(limit_ns, 8);
    printf(" %s\n", row->limit);
}

static void remember(struct report *report, const struct row *row, const struct summary *of)
{
    bool any = row->flags & GROWTH;
    for (int i = 0; i < report->count; i++)
        any |= !isnan(of[i].fairness) || !isnan(of[i].longest);
    if (!any)
        return;
    struct kept *kept =
        realloc(report->kept, (size_t)(report->kept_count + 1) * sizeof *report->kept);
    if (kept == NULL)
        return;
    report->kept = kept;
    report->kept[report->kept_count].row = row;
    memcpy(report->kept[report->kept_count].of, of, sizeof report->kept->of);
    report->kept_count++;
}

/* Library i's line in the file, and its part in the means. */
static void account_for(struct report *report, const struct row *row, const struct summary *of,
                        int i, double limit)
{
    const struct ratio ratio = compare(report, of, i);
    if (of[i].verdict == LEFT_OUT)
        return;
    write_line(report, row->name, report->libraries[i].name, &of[i], &of[0], row->limit, limit);
    report->broken |= of[i].verdict == BROKEN;
    if (i == 0 || isnan(ratio.wall))
        return;
    report->wall_logs[i] += log(ratio.wall);
    report->cpu_logs[i] += log(ratio.cpu);
    report->compared[i]++;
    report->slower[i] += ratio.wall > 1.1 || ratio.cpu > 1.1;
}

void report_row(struct report *report, const struct row *row, const struct samples *samples)
{
    struct summary of[MAX_LIBRARIES] = {0};
    const double limit = limit_of(report, row->limit);
    static bool headed;
    if (!headed)
        print_heading(report);
    headed = true;
    for (int i = 0; i < report->count; i++)
        of[i] = summarise(&samples[i]);
    for (int i = 0; i < report->count; i++)
        account_for(report, row, of, i, limit);
    print_line(report, row, of, limit);
    for (int i = 0; i < report->count; i++)
        if (of[i].verdict == SKIPPED || of[i].verdict == BROKEN)
            printf("    %s: %s%s\n", report->libraries[i].name,
                   of[i].verdict == BROKEN ? "BROKEN: " : "", of[i].reason);
    fflush(stdout);
    remember(report, row, of);
}

static bool has_tails(const struct summary *summary)
{
    return !isnan(summary->fairness) || !isnan(summary->longest);
}

static void print_tails(const struct report *report)
{
    bool headed = false;
    for (int k = 0; k < report->kept_count; k++) {
        const struct kept *kept = &report->kept[k];
        const char *name = kept->row->name;
        for (int i = 0; i < report->count; i++) {
            const struct summary *summary = &kept->of[i];
            if (!has_tails(summary))
                continue;
            if (!headed)
                printf("\nFairness: acquisitions of the thread that had fewest, over those of the "
                       "one that had most. Times, in us:\nto get the lock, to hand off and be "
                       "answered, or from signal to running (wakeup); the 99.9th percentile, and "
                       "the\nlongest of all rounds.\n\n%-24s %-16s%10s%14s%14s\n",
                       "row", "library", "fairness", "99.9th", "longest");
            headed = true;
            printf("%-24s %-16s", name, report->libraries[i].name);
            name = "";
            print_ratio(summary->fairness, 10);
            print_number(summary->p999 / 1000, 14);
            print_number(summary->longest / 1000, 14);
            printf("\n");
        }
    }
}

/* ---- Growth ---- */

static int length_of_series(const char *name)
{
    return (int)(strrchr(name, '/') - name);
}

static bool same_series(const struct row *left, const struct row *right)
{
    if (!(left->flags & right->flags & GROWTH))
        return false;
    const int length = length_of_series(left->name);
    return length == length_of_series(right->name) &&
           strncmp(left->name, right->name, (size_t)length) == 0;
}

/* The index after that of the last kept row of the series that begins at first. */
static int end_of_series(const struct report *report, int first)
{
    int end = first + 1;
    while (end < report->kept_count && same_series(report->kept[first].row, report->kept[end].row))
        end++;
    return end;
}

static struct ratio ratio_of_kept(const struct report *report, int k, int library)
{
    return compare(report, report->kept[k].of, library);
}

static const char *size_of_kept(const struct report *report, int k)
{
    return strrchr(report->kept[k].row->name, '/') + 1;
}

/* From the first to the last size that both sides of the ratio were measured at. */
static void print_series(const struct report *report, int first, int last, int library)
{
    const char *name = report->kept[first].row->name;
    while (first < last && isnan(ratio_of_kept(report, first, library).wall))
        first++;
    while (first < last && isnan(ratio_of_kept(report, last, library).wall))
        last--;
    if (first == last)
        return;
    const struct ratio from = ratio_of_kept(report, first, library);
    const struct ratio to = ratio_of_kept(report, last, library);
    printf("%-24.*s %-20s%9s", length_of_series(name), name, name_of_ratio(report, library),
           size_of_kept(report, first));
    print_ratio(from.wall, 8);
    printf("%11s", size_of_kept(report, last));
    print_ratio(to.wall, 8);
    print_ratio(to.wall / from.wall, 9);
    print_ratio(to.cpu / from.cpu, 7);
    printf("  %s\n", to.wall > 1.1 * from.wall   ? "grows faster"
                     : from.wall > 1.1 * to.wall ? "grows slower"
                                                 : "as fast");
}

static void print_growth(const struct report *report)
{
    bool headed = false;
    for (int first = 0, end; first < report->kept_count; first = end) {
        end = end_of_series(report, first);
        if (end - first < 2)
            continue;
        if (!headed)
            printf(
                "\nGrowth: the ratio of wall times at the last size over that at the first; more "
                "than 1.10 is faster growth.\n\n%-24s %-20s%9s%8s%11s%8s%9s%7s\n",
                "series", "ratio", "first", "ratio", "last", "ratio", "growth", "CPU");
        headed = true;
        for (int i = 1; i < report->count; i++)
            print_series(report, first, end - 1, i);
    }
}

bool report_close(struct report *report)
{
    print_tails(report);
    print_growth(report);
    printf("\n");
    for (int i = 1; i < report->count; i++)
        if (report->compared[i] > 0)
            printf("%s: %d rows, geometric mean of the ratios %.2f wall and %.2f CPU; above 1.10 "
                   "in either: %d rows.\n",
                   name_of_ratio(report, i), report->compared[i],
                   exp(report->wall_logs[i] / report->compared[i]),
                   exp(report->cpu_logs[i] / report->compared[i]), report->slower[i]);
    if (report->out != NULL)
        fclose(report->out);
    return !report->broken;
}
