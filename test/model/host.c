/*
 * The host of the model: what pthread/host.h asks of a libc, and what the explorer asks of a
 * thread. Compiled with the library's files, and restored with them for each execution.
 */
#include "alive.h"
#include "host.h"
#include "model.h"
#include "park.h"
#include "self.h"

static const char never_alone;
const char *host_alone = &never_alone;

const unsigned model_self_size = sizeof self;

void *model_self(void)
{
    return &self;
}

void model_born(bool spins)
{
    self_id();
    robust_register();
    /* credit one: it would not spin before many waits have passed */
    self.spin = spins ? 0 : (uint8_t)-31;
}

void model_ended(void)
{
    if (self.exit_armed)
        keys_exit();
    robust_exit();
    readers_exit();
}

/* As the kernel does it: handle_futex_death. */
static void hand_on(uint32_t *word, bool pending, bool pi)
{
    uint32_t found = arch_load_relaxed(word);
    for (;;) {
        if (pending && !pi && (found & WORD_TID) == 0) {
            /* the owner may have died between its release and the wake */
            unpark(word, 1, SHARED, ANY);
            return;
        }
        if ((found & WORD_TID) != self.name.tid)
            return;
        if (arch_cas_fetch(word, &found, (found & WORD_WAITERS) | WORD_OWNER_DIED))
            break;
    }
    if (!pi && (found & WORD_WAITERS))
        unpark(word, 1, SHARED, ANY);
}

static void hand_on_link(const struct robust_list *list, void *link, bool pending)
{
    uintptr_t pi = (uintptr_t)link & ROBUST_PI;
    hand_on((uint32_t *)((uintptr_t)link - pi + list->word_offset), pending, pi);
}

void model_killed(void *head)
{
    struct robust_list list = *(struct robust_list *)head;
    for (void *link = list.next, *next; !robust_is_head(link); link = next) {
        next = robust_mutex(link)->next;
        if (link != list.pending)
            hand_on_link(&list, link, false);
    }
    if (list.pending)
        hand_on_link(&list, list.pending, true);
}

enum { PAGES = 2, PAGE = (sizeof(struct wiped) + 4095) / 4096 * 4096 };
static uint64_t pages[PAGES][PAGE / sizeof(uint64_t)] __attribute__((aligned(64)));
static bool is_wiped[PAGES];

void *model_page(void)
{
    static unsigned used;
    model_assert(used < PAGES);
    return pages[used++];
}

bool model_is_paged(const volatile void *p)
{
    uintptr_t at = (uintptr_t)p - (uintptr_t)pages;
    return at < sizeof pages;
}

void model_wiped_on_fork(void *page)
{
    for (int i = 0; i < PAGES; i++)
        is_wiped[i] |= page == pages[i];
}

void model_wipe(void)
{
    for (int i = 0; i < PAGES; i++)
        if (is_wiped[i])
            __builtin_memset(pages[i], 0, PAGE);
}

void model_make(void *block, bool spins)
{
    __builtin_memset(block, 0, sizeof self);
    ((struct self *)block)->spin = spins ? 0 : (uint8_t)-31;
}

uint32_t *model_membarriers(void)
{
    static uint32_t registered;
    return &registered;
}

/* Each thread is a process, unless the scenario says otherwise in self.process. */
bool alive_recovers;

void alive_learn(void)
{
    self.process = (struct process){self_generation(), model_thread() + 1, 1};
}

/* The id of a dead process that was given again, by the scenario. */
uint32_t model_reborn;

bool alive_process_is_gone(uint32_t pid)
{
    return arch_load_relaxed(&model_reborn) != pid && model_asks_whether_dead((int)pid - 1);
}

bool alive_thread_is_gone(uint32_t tid)
{
    return model_asks_whether_dead((int)tid - 1 - THREADS);
}

void alive_report(const char *what, const void *object, uint32_t tid)
{
    (void)what, (void)object, (void)tid;
}

bool host_arm_exit(void)
{
    return self.exit_armed = true;
}

bool host_exit_possible(void)
{
    return true;
}

uint32_t host_tid(void)
{
    return 0;
}

bool host_frees_threads_early(void)
{
    return false;
}

/*
 * Cancellation, as the less orderly of two kinds does it: glibc's may come when the wait has been
 * woken already. A thread that is cancelled runs its cleanup handlers, the innermost first.
 */
enum { ROUTINE, ARGUMENT, OUTER };
static struct cleanup_record *innermost[THREADS + 1];

static _Noreturn void leave(void)
{
    struct cleanup_record *record;
    while ((record = innermost[model_thread()])) {
        host_pop_cleanup(record);
        ((void (*)(void *))record->words[ROUTINE])(record->words[ARGUMENT]);
    }
    model_leave();
}

void pthread_testcancel(void)
{
    if (model_cancels())
        leave();
}

int host_defer_cancel(void)
{
    return 0;
}

void host_restore_cancel(int type)
{
    (void)type;
}

void host_push_cleanup(struct cleanup_record *record, void (*routine)(void *), void *argument)
{
    record->words[ROUTINE] = (void *)routine;
    record->words[ARGUMENT] = argument;
    record->words[OUTER] = innermost[model_thread()];
    innermost[model_thread()] = record;
}

void host_pop_cleanup(struct cleanup_record *record)
{
    innermost[model_thread()] = record->words[OUTER];
}

int host_wait_cancellable(int (*wait)(void *, system_call *), void *closure,
                          void (*cancelled)(void *), void *argument)
{
    int result = 0;
    bool cancels = model_cancels();
    if (!cancels) {
        model_cancellable(true);
        result = wait(closure, NULL);
        model_cancellable(false);
        cancels = model_cancels();
    }
    if (cancels) {
        cancelled(argument);
        leave();
    }
    return result;
}
