/*
 * The explorer: runs a scenario again and again from its start, each time with other choices, until
 * it has made all of them. Threads are fibres of one process.
 *
 * The choices of an execution are a trail. After an execution the last choice that has an
 * alternative left takes it, and those behind it are forgotten. Two things keep the number of
 * executions small:
 *
 *   - Switching away from a thread that could go on is a preemption, of which an execution has only
 *     so many. All executions with none are tried first, then those with one, and so on, so that
 *     the first failure found is one of the simplest.
 *   - A new choice in a state that has been met before is not gone into again. The state is told by
 *     what every thread has seen, and what is in memory, as hashes (memory.c).
 *
 * A thread can be preempted only before a step that another one may see. Which locations those are
 * is found out meanwhile; when there is a new one, exploration begins again.
 */
#include "explore.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

enum { STACK = 64 << 10, MOMENTS = 1000, TRAIL = 4000, ALTERNATIVES = 64, PAUSES = 2, NAPS = 2 };
enum { JUMP = 1000000 };

/* Library, host and scenarios are linked into this section, restored for each execution. */
extern char __start_modelled[], __stop_modelled[];
static char *snapshot;

const struct scenario *scenario;
int threads;
bool scheduling;
struct options options;

static jmp_buf home;
static enum { FINISHED, PRUNED, FAILED } outcome;
static char failure[512];
static int preemptions, spurious, interrupts, restarts;
/* Did the bound on preemptions forbid anything? */
static bool bounded;
/* How far an execution has come: the steps of all threads are counted. */
static unsigned moment;

/* The trail. */

enum how { GO, TIME_OUT, NO_CAUSE, INTERRUPT, KILL, CANCEL, HANDLE, JUMP_AWAY, DRAIN };
static const char how_letter[] = "gtsikchjd", site_letter[] = "__xwpcrfhjel";

struct alternative {
    struct fibre *fibre;
    enum how how;
};

static struct choice {
    unsigned moment;
    int n, chosen;
    /* as it is written in a schedule */
    char letter, number;
} trail[TRAIL], replayed[TRAIL];
static int trail_length, trail_at, replayed_length, replayed_at;
static bool replaying;

/* States that have been met: a set of hashes. */

static uint64_t *met;
static size_t met_size, met_count;

static bool is_met(uint64_t state)
{
    size_t i = state & (met_size - 1);
    while (met[i] && met[i] != state)
        i = (i + 1) & (met_size - 1);
    return met[i];
}

static void meet(uint64_t state);

static void enlarge_met(void)
{
    uint64_t *old = met;
    size_t size = met_size;
    met_size = size ? size * 2 : 1 << 16;
    met = calloc(met_size, sizeof *met);
    if (!met)
        abort();
    met_count = 0;
    for (size_t i = 0; i < size; i++)
        if (old[i])
            meet(old[i]);
    free(old);
}

static void meet(uint64_t state)
{
    if (met_count * 2 >= met_size)
        enlarge_met();
    size_t i = state & (met_size - 1);
    while (met[i])
        i = (i + 1) & (met_size - 1);
    met[i] = state;
    met_count++;
}

static void forget_met(void)
{
    free(met);
    met = NULL;
    met_size = 0;
    enlarge_met();
}

static bool has_paused(const struct fibre *fibre)
{
    return fibre->paused && fibre->paused_at == writes;
}

static uint64_t state_at(int kind)
{
    uint64_t state = mix(memory_hash, kind * 16 + current->index);
    for (int i = 0; i < threads; i++)
        state = mix(state, fibres[i].history + fibres[i].status + has_paused(&fibres[i]) * 4 +
                               fibres[i].buffered * 8);
    return mix(state,
               (stale_reads * 64ul + troubles()) * 8 + spurious * 4 + interrupts * 2 + restarts);
}

/* A state met with more preemptions to go has been explored further than this would be. */
static bool is_new(int kind)
{
    uint64_t state = state_at(kind);
    for (int left = preemptions; left <= options.preemptions; left++)
        if (is_met(mix(state, left) | 1))
            return false;
    meet(mix(state, preemptions) | 1);
    return true;
}

static int replay(int n, const struct choice *codes)
{
    struct choice *next = &replayed[replayed_at];
    if (replayed_at == replayed_length || next->moment != moment)
        return 0;
    for (int i = 0; i < n; i++) {
        if (codes[i].letter == next->letter && codes[i].number == next->number) {
            replayed_at++;
            return i;
        }
    }
    return 0;
}

static int choose_among(int kind, int n, const struct choice *codes)
{
    if (n < 2)
        return 0;
    if (replaying)
        return replay(n, codes);
    if (trail_at == trail_length) {
        if (trail_length == TRAIL)
            fail("the trail is too long");
        if (!is_new(kind)) {
            outcome = PRUNED;
            _longjmp(home, 1);
        }
        trail[trail_length++] = (struct choice){.n = n};
    }
    struct choice *choice = &trail[trail_at++];
    if (choice->n != n)
        fail("the model is not deterministic: %d choices, then %d", choice->n, n);
    const struct choice *code = &codes[choice->chosen];
    choice->moment = moment;
    choice->letter = code->letter;
    choice->number = code->number;
    return choice->chosen;
}

int choose(enum site site, int n)
{
    struct choice codes[ALTERNATIVES];
    for (int i = 0; i < n; i++)
        codes[i] = (struct choice){.letter = site_letter[site], .number = i};
    return choose_among(site, n, codes);
}

/* To the next choice that was not made yet. False if there is none. */
static bool go_back(void)
{
    while (trail_length > 0 && trail[trail_length - 1].chosen + 1 == trail[trail_length - 1].n)
        trail_length--;
    if (trail_length == 0)
        return false;
    trail[trail_length - 1].chosen++;
    return true;
}

/* Scheduling. */

static bool can_go(const struct fibre *fibre)
{
    if (fibre->status != AWAITING)
        return fibre->status == RUNNING;
    if (!fibre->word)
        return fibres[fibre->value].status == ASLEEP;
    return !is_gone(fibre->word) && read_plain(fibre->word, sizeof *fibre->word) == fibre->value;
}

/* May the current thread go on at no price, or is it to let others run? */
enum stay { FREELY, YIELDS };

/* Is somebody not there any more, who may have been about to wake others? */
static bool is_missed(void)
{
    for (int i = 0; i < threads; i++)
        if (fibres[i].dead || fibres[i].status == FROZEN)
            return true;
    return false;
}

/*
 * A thread that has napped for nothing comes again only if no other can go on, each in its turn. One
 * that sleeps for a lap comes only then, and if somebody is missed: no wake may depend on laps else.
 */
static bool may_time_out(const struct fibre *fibre, bool paused)
{
    if (fibre->lap && !(paused && is_missed()))
        return false;
    if (!fibre->timed || fibre->naps < NAPS)
        return fibre->timed;
    for (int i = 0; i < threads; i++)
        paused &= fibres[i].status != ASLEEP || !fibres[i].timed || fibres[i].naps >= fibre->naps;
    return paused;
}

static int add_sleeper(struct alternative *list, struct fibre *fibre, bool paused)
{
    int n = 0;
    if (may_time_out(fibre, paused))
        list[n++] = (struct alternative){fibre, TIME_OUT};
    if (spurious)
        list[n++] = (struct alternative){fibre, NO_CAUSE};
    if (interrupts)
        list[n++] = (struct alternative){fibre, INTERRUPT};
    return n;
}

/* A cancel comes once, at any moment, and is acted on by who is at a cancellation point. */
static bool may_be_cancelled(const struct fibre *fibre)
{
    return fibre->index + 1 == scenario->cancelled && !fibre->cancelled && !fibre->leaving;
}

/*
 * What can happen next. Threads that have paused come only if no other can go on, the current one
 * included; *regular counts what does not need a spurious event.
 */
static int list_alternatives(struct alternative *list, enum stay stay, bool paused, int *regular)
{
    int n = 0;
    bool others = stay != FREELY || preemptions > 0 || replaying;
    if (stay == FREELY)
        list[n++] = (struct alternative){current, GO};
    for (int i = 1; i <= threads; i++) {
        struct fibre *fibre = &fibres[(current->index + i) % threads];
        if ((fibre == current && stay == FREELY) || !can_go(fibre) ||
            (has_paused(fibre) && !paused))
            continue;
        if (others)
            list[n++] = (struct alternative){fibre, GO};
        else
            bounded = true;
    }
    *regular = n;
    for (int i = 0; i < threads; i++) {
        struct fibre *fibre = &fibres[i];
        if (fibre->buffered) {
            list[n++] = (struct alternative){fibre, DRAIN};
            ++*regular;
        }
        if (fibre->status != ASLEEP)
            continue;
        if (others)
            n += add_sleeper(list + n, fibre, paused);
        else if (fibre->timed || spurious || interrupts)
            bounded = true;
        *regular += others && may_time_out(fibre, paused);
        if (is_mortal(fibre))
            list[n++] = (struct alternative){fibre, KILL};
        if (fibre->cancellable && may_be_cancelled(fibre))
            list[n++] = (struct alternative){fibre, CANCEL};
        if (may_handle(fibre))
            list[n++] = (struct alternative){fibre, HANDLE};
        if (may_jump(fibre))
            list[n++] = (struct alternative){fibre, JUMP_AWAY};
    }
    return n;
}

static int alternatives(struct alternative *list, enum stay stay, int *regular)
{
    int n = list_alternatives(list, stay, false, regular);
    return *regular ? n : list_alternatives(list, stay, true, regular);
}

/* One that is frozen is not waited for. */
static bool is_over(const struct fibre *fibre)
{
    return fibre->status == ENDED || fibre->status == FROZEN;
}

static void report_deadlock(void)
{
    char text[256] = "";
    for (int i = 0; i < threads; i++) {
        size_t length = strlen(text);
        if (!is_over(&fibres[i]))
            snprintf(text + length, sizeof text - length, "%sthread %d %s %s", *text ? ", " : "", i,
                     fibres[i].status == ASLEEP ? "sleeps for ever on" : "waits for",
                     name_of(fibres[i].word));
    }
    fail("%s", text);
}

static bool all_ended(void)
{
    for (int i = 0; i < threads; i++)
        if (!is_over(&fibres[i]))
            return false;
    return true;
}

static void happen(const struct alternative *what)
{
    static const long results[] = {
        [TIME_OUT] = -ETIMEDOUT, [NO_CAUSE] = 0,        [INTERRUPT] = -EINTR,  [KILL] = BY_DEATH,
        [CANCEL] = BY_CANCEL,    [HANDLE] = BY_HANDLER, [JUMP_AWAY] = BY_JUMP,
    };
    static const char *const names[] = {
        [TIME_OUT] = "times out",         [NO_CAUSE] = "wakes without a cause",
        [INTERRUPT] = "is interrupted",   [KILL] = "is killed asleep",
        [CANCEL] = "is cancelled asleep", [HANDLE] = "has a signal asleep",
        [JUMP_AWAY] = "jumps away asleep"};
    if (what->how == NO_CAUSE)
        spurious--;
    if (what->how == INTERRUPT)
        interrupts--;
    if (what->how == TIME_OUT)
        what->fibre->naps++;
    if (what->how != GO) {
        trace(NULL, "thread %d %s", what->fibre->index, names[what->how]);
        unqueue(what->fibre, results[what->how]);
    }
}

static void pick(enum site site, enum stay stay)
{
    struct alternative list[ALTERNATIVES], *chosen;
    struct choice codes[ALTERNATIVES];
    for (;;) {
        int regular, n = alternatives(list, stay, &regular);
        if (regular == 0) {
            if (!all_ended())
                report_deadlock();
            outcome = FINISHED;
            _longjmp(home, 1);
        }
        for (int i = 0; i < n; i++)
            codes[i] = (struct choice){
                .letter = site == SITE_YIELD && list[i].how == GO ? 'y' : how_letter[list[i].how],
                .number = list[i].fibre->index};
        chosen = &list[choose_among(site, n, codes)];
        if (chosen->how != DRAIN)
            break;
        drain_one(chosen->fibre);
    }
    bool fated = chosen->how >= KILL && chosen->how <= JUMP_AWAY;
    if (stay == FREELY && chosen->fibre != current && !fated)
        preemptions--;
    happen(chosen);
    switch_to(chosen->fibre);
}

void schedule(void)
{
    if (scheduling)
        pick(SITE_SCHEDULE, FREELY);
}

void yield(void)
{
    current->paused = current->status == RUNNING && !current->behind;
    current->behind = false;
    current->paused_at = writes;
    pick(SITE_YIELD, YIELDS);
    current->paused = false;
}

_Noreturn void end(void)
{
    current->status = ENDED;
    trace(NULL, "ends");
    yield();
    abort();
}

void may_die(void)
{
    if (!scheduling)
        return;
    if (++moment > MOMENTS)
        fail("no end after %d steps", MOMENTS);
    current->history = mix(current->history, 1);
    meet_fate();
}

void abort_sequence(struct fibre *fibre)
{
    if (fibre->sequence != UNDER_WAY)
        return;
    fibre->sequence = ABORTED;
    fibre->history = mix(fibre->history, 6);
    trace(NULL, "the sequence of thread %d is aborted", fibre->index);
}

bool sequence_goes_on(void)
{
    may_die();
    may_stop(CHANGES);
    schedule();
    return current->sequence != ABORTED;
}

/* An abort without a cause comes here only: before, the sequence has done no more than read. */
bool sequence_commits(void)
{
    if (!sequence_goes_on())
        return false;
    if (!scheduling || !restarts || !choose(SITE_RESTART, 2))
        return true;
    restarts--;
    abort_sequence(current);
    return false;
}

void model_cancellable(bool on)
{
    current->cancellable = on;
}

bool model_cancels(void)
{
    if (!scheduling || current->leaving)
        return false;
    if (!current->cancelled && may_be_cancelled(current)) {
        may_die();
        current->cancelled = choose(SITE_CANCEL, 2);
        current->history = mix(current->history, 4 + current->cancelled);
    }
    if (current->cancelled)
        trace(NULL, "is cancelled");
    return current->leaving = current->cancelled;
}

void model_leave(void)
{
    may_die();
    model_ended();
    end();
}

void model_pause(void)
{
    if (!scheduling) {
        current->clock += JUMP;
        return;
    }
    may_die();
    may_stop(CHANGES);
    bool goes_on = current->pauses++ < PAUSES && choose(SITE_SPIN, 2);
    current->history = mix(current->history, 2 + goes_on);
    trace(NULL, goes_on ? "spins" : "has spun for long");
    if (!goes_on)
        current->clock += JUMP;
    if (goes_on || current->pauses > PAUSES)
        yield();
}

uint64_t model_ticks(void)
{
    return current->clock++;
}

int model_thread(void)
{
    return current->index;
}

/* Failures and traces. */

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure, sizeof failure, format, arguments);
    va_end(arguments);
    trace(NULL, "%s", failure);
    outcome = FAILED;
    _longjmp(home, 1);
}

void model_fail(const char *what, const char *file, int line)
{
    fail("%s, %s:%d", what, strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line);
}

void trace_line(const struct place *place, const char *format, ...)
{
    if (!scheduling)
        return;
    char text[64] = "";
    if (place) {
        const char *slash = strrchr(place->file, '/');
        snprintf(text, sizeof text, "%s:%d %s", slash ? slash + 1 : place->file, place->line,
                 place->function);
    }
    printf("    %4u  ", moment);
    if (current->index < THREADS)
        printf("%*sthread %d%*s", 2 * current->index, "", current->index,
               2 * (threads - current->index), "");
    printf("%-36s ", text);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* Executions. */

static void fibre_main(void)
{
    struct fibre *me = current;
    if (_setjmp(me->top) == 0)
        _longjmp(home, 1);
    scenario->threads[current->index]();
    model_leave();
}

static void start_fibre(struct fibre *fibre)
{
    static ucontext_t context, here;
    getcontext(&context);
    context.uc_stack.ss_sp = malloc(STACK);
    context.uc_stack.ss_size = STACK;
    makecontext(&context, fibre_main, 0);
    current = fibre;
    if (_setjmp(home) == 0)
        swapcontext(&here, &context);
}

void make_fibres(void)
{
    for (int i = 0; i <= THREADS; i++) {
        fibres[i].index = i;
        fibres[i].self = calloc(1, model_self_size);
        if (i < THREADS)
            start_fibre(&fibres[i]);
    }
}

/* The state that every execution begins in: after init, with all threads born. */
static char *birth[THREADS + 1];

static void make_beginning(void)
{
    static char *pristine;
    size_t size = __stop_modelled - __start_modelled;
    if (!snapshot) {
        snapshot = malloc(size);
        pristine = malloc(size);
        memcpy(pristine, __start_modelled, size);
    }
    memcpy(__start_modelled, pristine, size);
    memory_forget();
    memory_begin();
    threads = 0;
    while (threads < THREADS && scenario->threads[threads])
        threads++;
    scheduling = false;
    troubles_begin();
    for (int i = 0; i <= THREADS; i++) {
        current = &fibres[i];
        current->robust_list = NULL;
        /* what another scenario has left there, whose last execution was cut short */
        current->buffered = current->drained = 0;
        memset(model_self(), 0, model_self_size);
        model_born(scenario->flags & SPINS);
        if (i == THREADS && scenario->init)
            scenario->init();
        memcpy(current->self, model_self(), model_self_size);
        birth[i] = birth[i] ? birth[i] : malloc(model_self_size);
        memcpy(birth[i], current->self, model_self_size);
    }
    memcpy(snapshot, __start_modelled, size);
}

static bool prepare(void)
{
    outcome = FINISHED;
    if (_setjmp(home) == 0)
        make_beginning();
    return outcome == FINISHED;
}

static void begin(void)
{
    memcpy(__start_modelled, snapshot, __stop_modelled - __start_modelled);
    memory_begin();
    for (int i = 0; i < threads; i++) {
        struct fibre *fibre = &fibres[i], fresh = {.index = i};
        memcpy(fresh.context, fibre->top, sizeof fresh.context);
        memcpy(fresh.top, fibre->top, sizeof fresh.top);
        fresh.self = fibre->self;
        fresh.robust_list = fibre->robust_list;
        memcpy(fresh.self, birth[i], model_self_size);
        *fibre = fresh;
    }
    current = &fibres[THREADS];
    current->status = ENDED;
    memcpy(model_self(), birth[THREADS], model_self_size);
    moment = trail_at = replayed_at = 0;
    preemptions = options.preemptions;
    spurious = !!(scenario->flags & SPURIOUS);
    interrupts = !!(scenario->flags & INTERRUPTED);
    restarts = !!(scenario->flags & RESTARTS);
    troubles_begin();
}

static void execute(void)
{
    if (_setjmp(home) == 0) {
        begin();
        scheduling = true;
        yield();
    }
    if (outcome == FINISHED && _setjmp(home) == 0) {
        scheduling = false;
        current = &fibres[THREADS];
        memcpy(model_self(), current->self, model_self_size);
        memory_check();
        if (scenario->check)
            scenario->check();
    }
    scheduling = false;
}

/* Print the failing execution again, with its steps. */
static void show(void)
{
    char schedule[4096] = "";
    size_t length = 0;
    if (!replaying) {
        replayed_length = 0;
        for (int i = 0; i < trail_length && i < trail_at; i++)
            if (trail[i].chosen)
                replayed[replayed_length++] = trail[i];
    }
    replaying = options.trace = true;
    for (int i = 0; i < replayed_length && length < sizeof schedule - 16; i++)
        length += snprintf(schedule + length, sizeof schedule - length, "%s%u%c%d", i ? "," : "",
                           replayed[i].moment, replayed[i].letter, replayed[i].number);
    execute();
    replaying = options.trace = false;
    static const char *const ends[] = {"ends well", "is cut short", "fails"};
    printf("    the execution %s%s%s\n", ends[outcome], outcome == FAILED ? ": " : "",
           outcome == FAILED ? failure : "");
    printf("    to see it again: test/model/run%s --replay %s %s\n",
           options.weak      ? " --weak"
           : options.buffers ? " --buffers"
                             : "",
           scenario->name, *schedule ? schedule : "-");
}

static bool parse_schedule(const char *text)
{
    replayed_length = 0;
    while (*text && strcmp(text, "-") != 0) {
        unsigned at;
        int number, used;
        char letter;
        if (replayed_length == TRAIL || sscanf(text, "%u%c%d%n", &at, &letter, &number, &used) != 3)
            return false;
        replayed[replayed_length++] =
            (struct choice){.moment = at, .letter = letter, .number = number};
        text += used;
        if (*text == ',')
            text++;
    }
    return true;
}

/* All executions with at most options.preemptions. False if one fails; *done if all were made. */
static bool explore_bound(unsigned long *executions, bool *done)
{
    *done = false;
    bounded = false;
    forget_met();
    trail_length = 0;
    for (;;) {
        if (*executions >= options.limit && options.preemptions > options.sure)
            return true;
        ++*executions;
        execute();
        if (outcome == FAILED)
            return false;
        if (widened) {
            forget_met();
            trail_length = 0;
        } else if (!go_back()) {
            *done = true;
            return true;
        }
    }
}

/* Would the next bound go beyond the limit, if executions become more as they just did? */
static bool too_many(unsigned long executions, unsigned long last, unsigned long before)
{
    return options.deep && options.preemptions >= options.sure && before > 0 &&
           executions + (double)last / before * last > options.limit;
}

bool explore(int bound)
{
    unsigned long executions = 0, last = 0;
    bool done = false, well = prepare();
    int within = -1;
    struct timespec start, stop;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (int i = 0; i <= bound && well; i++) {
        unsigned long so_far = executions, before = last;
        options.preemptions = i;
        well = explore_bound(&executions, &done);
        if (!done || !well)
            break;
        within = i;
        last = executions - so_far;
        if (!bounded || too_many(executions, last, before))
            break;
    }
    if ((scenario->flags & WRONG) || ((scenario->flags & WEAK) && options.buffers) ||
        ((scenario->flags & (WEAK | WEAKER)) && options.weak))
        well = !well;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &stop);
    double seconds = stop.tv_sec - start.tv_sec + (stop.tv_nsec - start.tv_nsec) * 1e-9;
    printf("%s %-28s %9lu executions %6.1f s  ", well ? "ok    " : "FAILED", scenario->name,
           executions, seconds);
    if (!well)
        printf("%s\n", outcome == FAILED ? failure : "does not fail, though it should");
    else if (outcome == FAILED)
        printf("fails, as it should\n");
    else if (done && !bounded)
        printf("exhaustive\n");
    else if (done)
        printf("exhaustive within %d preemptions\n", within);
    else
        printf("exhaustive within %d, not all with %d\n", within, within + 1);
    if (!well && outcome == FAILED && !options.terse)
        show();
    fflush(stdout);
    return well;
}

/* A fault is a failure of the scenario: the library has followed a pointer in memory given back. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    fail("memory fault at %p", info->si_addr);
}

void catch_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

/* Returns whether it fails. */
bool replay_schedule(const char *schedule)
{
    if (!parse_schedule(schedule)) {
        fprintf(stderr, "not a schedule: %s\n", schedule);
        return true;
    }
    if (!prepare()) {
        printf("%s\n", failure);
        return true;
    }
    replaying = true;
    show();
    return outcome == FAILED;
}
