/*
 * Runs the assertions, each in a process of its own:
 *   conform [--list] [--time SECONDS] [FUNCTION[.NUMBER]]...
 * Prints for each a line of six fields between tabs: function, number, result (pass, fail,
 * unsupported, untested), place, the assertion, and what there is to say about the result.
 */
#include "conform.h"

extern const struct conform_assertion *const __start_assertions[], *const __stop_assertions[];

static int by_function_and_number(const void *a, const void *b)
{
    const struct conform_assertion *x = *(const struct conform_assertion *const *)a,
                                   *y = *(const struct conform_assertion *const *)b;
    int order = strcmp(x->function, y->function);
    return order ? order : x->number - y->number;
}

static bool wanted(const struct conform_assertion *assertion, char *const *names)
{
    char full[128];
    snprintf(full, sizeof full, "%s.%d", assertion->function, assertion->number);
    for (char *const *name = names; *name; name++)
        if (strcmp(*name, assertion->function) == 0 || strcmp(*name, full) == 0)
            return true;
    return *names == NULL;
}

/* Numbers count from 1 without a gap, so that nobody drops an assertion unseen. */
static bool numbered(const struct conform_assertion *const *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool first = i == 0 || strcmp(all[i]->function, all[i - 1]->function) != 0;
        int expected = first ? 1 : all[i - 1]->number + 1;
        if (all[i]->number != expected) {
            fprintf(stderr, "conform: %s: %s has no number %d\n", all[i]->place, all[i]->function,
                    expected);
            return false;
        }
    }
    return true;
}

static void say(const struct conform_assertion *assertion, const char *result, char *message)
{
    for (char *c = message; *c; c++)
        if (*c == '\t' || *c == '\n')
            *c = ' ';
    printf("%s\t%d\t%s\t%s\t%s\t%s\n", assertion->function, assertion->number, result,
           assertion->place, assertion->text, message);
    fflush(stdout);
}

static void run(const struct conform_assertion *assertion, struct compat_record *record,
                double seconds)
{
    static const struct compat_place nowhere = {"before any check", 0};
    *assertion->record = record;
    atomic_store(&record->reached, &nowhere);
    atomic_store(&record->failed, false);
    record->message[0] = '\0';
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        assertion->test();
        _exit(CONFORM_PASSED);
    }
    setpgid(pid, pid); /* whoever is first; it fails if that was the child and it has ended */
    int status = compat_await(pid, seconds);

    const struct compat_place *place = atomic_load(&record->reached);
    char message[sizeof record->message + 256] = "";
    const char *result = "fail";
    if (atomic_load(&record->failed))
        snprintf(message, sizeof message, "%s:%d: %s", place->file, place->line, record->message);
    else if (status == -1)
        snprintf(message, sizeof message, "did not end; after %s:%d", place->file, place->line);
    else if (WIFSIGNALED(status))
        snprintf(message, sizeof message, "signal %d (%s) after %s:%d", WTERMSIG(status),
                 strsignal(WTERMSIG(status)), place->file, place->line);
    else if (WEXITSTATUS(status) == CONFORM_UNSUPPORTED) {
        result = "unsupported";
        snprintf(message, sizeof message, "%s", record->message);
    } else if (WEXITSTATUS(status) != CONFORM_PASSED)
        snprintf(message, sizeof message, "exit with status %d after %s:%d", WEXITSTATUS(status),
                 place->file, place->line);
    else
        result = "pass";
    say(assertion, result, message);
}

int main(int argc, char **argv)
{
    bool list = false;
    double seconds = 10;
    for (argv++, argc--; argc > 0 && argv[0][0] == '-'; argv++, argc--) {
        if (strcmp(argv[0], "--list") == 0) {
            list = true;
        } else if (strcmp(argv[0], "--time") == 0 && argc > 1) {
            seconds = atof(argv[1]);
            argv++, argc--;
        } else {
            fprintf(stderr, "usage: conform [--list] [--time SECONDS] [FUNCTION[.NUMBER]]...\n");
            return 2;
        }
    }

    size_t count = (size_t)(__stop_assertions - __start_assertions);
    const struct conform_assertion **all = calloc(count, sizeof *all);
    struct compat_record *record =
        mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == NULL || record == MAP_FAILED)
        abort();
    memcpy(all, __start_assertions, count * sizeof *all);
    qsort(all, count, sizeof *all, by_function_and_number);
    if (!numbered(all, count))
        return 2;
    for (size_t i = 0; i < count; i++) {
        char message[256] = "";
        if (!wanted(all[i], argv))
            continue;
        if (list) {
            say(all[i], all[i]->test ? "test" : "untested", message);
        } else if (all[i]->test == NULL) {
            snprintf(message, sizeof message, "%s", all[i]->why);
            say(all[i], "untested", message);
        } else if (all[i]->address == NULL) {
            snprintf(message, sizeof message, "libc has no such function");
            say(all[i], "unsupported", message);
        } else {
            run(all[i], record, seconds);
        }
    }
    free(all);
    return 0;
}
