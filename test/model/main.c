/* The program: which scenarios are explored, and how far. */
#include "explore.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The limit does not keep a scenario from being explored as far as is sure. The deep set goes on as
 * long as the next bound is expected to stay within it.
 */
enum { SURE_QUICK = 2, USUAL_QUICK = 3, LIMIT_QUICK = 200000 };
enum { SURE_DEEP = 3, USUAL_DEEP = UNBOUNDED, LIMIT_DEEP = 1000000 };

/* What is asked for. */
static int most = -1;
static bool list, stop, marked;
enum { EXCEPTIONS = 200 };
static const char *except[EXCEPTIONS], *replay, *choices;
static int exceptions;
static char **patterns;

static void usage(const char *program)
{
    fprintf(
        stderr,
        "usage: %s [OPTION]... [SCENARIO...]\n"
        "  --list               the names of the scenarios\n"
        "  --deep               go further than the quick set\n"
        "  --buffers            stores pass through a buffer\n"
        "  --weak               loads may find old values, as in the C11 model\n"
        "  --marked             those scenarios only that are run with buffers in the quick set\n"
        "  --preemptions N      no more than these\n"
        "  --limit N            executions of a scenario\n"
        "  --except SCENARIO    not this one\n"
        "  --stop               at the first failure\n"
        "  --terse              without traces\n"
        "  --replay SCENARIO SCHEDULE\n",
        program);
    exit(2);
}

static void read_options(int argc, char **argv)
{
    char **arg = argv + 1;
    for (; *arg && **arg == '-'; arg++) {
        int more = argv + argc - arg - 1;
        if (strcmp(*arg, "--list") == 0)
            list = true;
        else if (strcmp(*arg, "--deep") == 0)
            options.deep = true;
        else if (strcmp(*arg, "--buffers") == 0)
            options.buffers = true;
        else if (strcmp(*arg, "--weak") == 0)
            options.weak = true;
        else if (strcmp(*arg, "--marked") == 0)
            marked = true;
        else if (strcmp(*arg, "--stop") == 0)
            stop = true;
        else if (strcmp(*arg, "--terse") == 0)
            options.terse = true;
        else if (strcmp(*arg, "--preemptions") == 0 && more >= 1)
            most = atoi(*++arg);
        else if (strcmp(*arg, "--limit") == 0 && more >= 1)
            options.limit = strtoul(*++arg, NULL, 10);
        else if (strcmp(*arg, "--except") == 0 && more >= 1 && exceptions < EXCEPTIONS)
            except[exceptions++] = *++arg;
        else if (strcmp(*arg, "--replay") == 0 && more >= 2) {
            replay = *++arg;
            choices = *++arg;
        } else {
            usage(argv[0]);
        }
    }
    patterns = arg;
    if (!options.limit) {
        options.limit = options.deep ? LIMIT_DEEP : LIMIT_QUICK;
        options.sure = options.deep ? SURE_DEEP : SURE_QUICK;
    }
}

static bool is_wanted(void)
{
    if (replay)
        return strcmp(scenario->name, replay) == 0;
    if (marked && !(scenario->flags & (options.weak ? ORDERED : BUFFERED)))
        return false;
    /* litmus tests have a run of their own */
    if (options.weak && !marked && !*patterns && (scenario->flags & ORDERED))
        return false;
    for (int i = 0; i < exceptions; i++)
        if (strcmp(scenario->name, except[i]) == 0)
            return false;
    for (char **pattern = patterns; *pattern; pattern++)
        if (fnmatch(*pattern, scenario->name, 0) == 0)
            return true;
    return !*patterns;
}

/* The scenario's own bound, but no more than was asked for. */
static int bound(void)
{
    int usual = options.deep ? USUAL_DEEP : USUAL_QUICK;
    int own = options.deep ? scenario->deep : scenario->quick;
    int bound = own ? own : usual;
    return most >= 0 && most < bound ? most : bound;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    read_options(argc, argv);
    make_fibres();
    catch_faults();
    for (const struct scenario *const *table = scenario_tables; *table; table++) {
        for (scenario = *table; scenario->name && !(stop && failed); scenario++) {
            if (!is_wanted())
                continue;
            if (list)
                printf("%s\n", scenario->name);
            else if (replay)
                return replay_schedule(choices);
            else if (explore(bound()))
                passed++;
            else
                failed++;
        }
    }
    if (!list)
        printf("%d passed, %d failed\n", passed, failed);
    return list ? 0 : failed > 0 || passed == 0;
}
