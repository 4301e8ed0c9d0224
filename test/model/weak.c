/*
 * The weak order of memory: the C11 model without load buffering, by views.
 *
 * A word has messages, one for each write, in the order in which they were made: that is the word's
 * modification order. A view says for each word which message is the oldest that may be read. A load
 * chooses among the messages that its thread's view allows; what it has read, and what the message
 * brings if the load acquires, is in the view from then on.
 *
 *   - A message brings the view that its writer had when it released: at the store, if that releases,
 *     else at the last release fence. A read-modify-write reads the newest message, and hands on what that
 *     brought: a release sequence.
 *   - What relaxed loads have read brings its views at the next acquire fence.
 *   - A full fence acquires, takes in what other full fences had seen, and releases.
 *
 * A futex call is a full fence, and then reads the newest message; who is woken has what its waker had
 * seen. No more is said by the kernel. membarrier is a full fence of every thread.
 *
 * Stores take effect in the order in which they are made: that two threads' stores to two words may each
 * come before the other's is not modelled, nor that a load is done after a store which follows it.
 *
 * The halves of a word of 64 bits have one order: who stores to one has seen the newest of the other,
 * which is more than machines promise.
 *
 * As of preemptions, an execution has only so many loads of something else than the newest: STALE.
 */
#include "explore.h"

#include <string.h>

enum { MESSAGES = 64 };

struct message {
    uint64_t value, version;
    struct view view;
};

static struct word {
    uintptr_t address;
    int size, messages;
    struct message list[MESSAGES];
} words[WORDS];
static int known;
static struct view fenced;
int stale_reads;

/* Over all executions: where 64 bits are accessed at once. */
static uintptr_t wide[WORDS];
static int wides;

void weak_forget(void)
{
    wides = 0;
}

void weak_begin(void)
{
    known = stale_reads = 0;
    memset(&fenced, 0, sizeof fenced);
}

static void join(struct view *view, const struct view *other)
{
    for (int i = 0; i < WORDS; i++)
        if (view->oldest[i] < other->oldest[i])
            view->oldest[i] = other->oldest[i];
}

static bool is_wide(uintptr_t address)
{
    for (int i = 0; i < wides; i++)
        if (wide[i] == address)
            return true;
    return false;
}

static void append(struct word *word, uint64_t value, uint64_t version, const struct view *view)
{
    if (word->messages == MESSAGES)
        fail("too many writes of %s", name_of((void *)word->address));
    word->list[word->messages++] = (struct message){value, version, *view};
}

static struct word *find_word(const volatile void *p)
{
    uintptr_t address = (uintptr_t)p;
    bool is_half = is_wide(address & -8ul);
    if (is_half)
        address &= -8ul;
    for (struct word *word = words; word < words + known; word++)
        if (word->address == address)
            return word;
    if (known == WORDS)
        fail("too many words");
    struct word *word = &words[known++];
    *word = (struct word){.address = address, .size = is_half ? 8 : 4};
    append(word, read_plain((void *)address, word->size), 0, &(struct view){0});
    return word;
}

/* The word that p lies in, with the newest message as memory is: a plain write may have come. */
static struct word *word_at(const volatile void *p, int size)
{
    if (size == 8 && !is_wide((uintptr_t)p)) {
        if (wides == WORDS)
            fail("too many words of 64 bits");
        wide[wides++] = (uintptr_t)p;
        /* in this execution it may be known by its halves: it does not count */
        widened = true;
        known = 0;
    }
    struct word *word = find_word(p);
    uint64_t now = read_plain((void *)word->address, word->size);
    if (word->list[word->messages - 1].value != now) {
        append(word, now, mix(current->history, now), &current->view);
        current->view.oldest[word - words] = word->messages - 1;
    }
    return word;
}

/* What an access of this size finds in a word's value. */
static uint64_t part(const struct word *word, uint64_t value, const volatile void *p, int size)
{
    uint32_t halves[2];
    if (size == word->size)
        return value;
    memcpy(halves, &value, sizeof halves);
    return halves[((uintptr_t)p - word->address) / sizeof halves[0]];
}

static void read_message(struct word *word, int i, enum order order)
{
    const struct message *message = &word->list[i];
    current->view.oldest[word - words] = i;
    join(&current->read, &message->view);
    if (order & ACQUIRE)
        join(&current->view, &message->view);
    current->history = mix(current->history, mix(message->version, word->address + i));
}

/*
 * One of those that may be read: the newest, or an older one. `except`: a value that older ones must not
 * have. Two of one value are not the same: they bring other views, and others may be read after them.
 */
static int choose_message(const struct word *word, const volatile void *p, int size,
                          const uint64_t *except)
{
    int newest = word->messages - 1, oldest = current->view.oldest[word - words], n = 1;
    int found[MESSAGES] = {newest};
    for (int i = newest - 1; i >= oldest; i--)
        if (!except || part(word, word->list[i].value, p, size) != *except)
            found[n++] = i;
    if (n == 1 || stale_reads == STALE)
        return newest;
    int chosen = found[choose(SITE_STALE, n)];
    stale_reads += chosen != newest;
    current->behind |= chosen != newest;
    current->history = mix(current->history, 13 + (chosen != newest));
    return chosen;
}

static uint64_t load(const volatile void *p, int size, const uint64_t *except, enum order order)
{
    struct word *word = word_at(p, size);
    int i = choose_message(word, p, size, except);
    read_message(word, i, order);
    return part(word, word->list[i].value, p, size);
}

uint64_t weak_load(const volatile void *p, int size, enum order order)
{
    return load(p, size, NULL, order);
}

/* A compare-and-swap takes place at the newest message, or fails by what an older one has. */
uint64_t weak_compare(const volatile void *p, int size, uint64_t expected, enum order order)
{
    return load(p, size, &expected, order);
}

void weak_newest(const volatile void *p, int size, enum order order)
{
    struct word *word = word_at(p, size);
    read_message(word, word->messages - 1, order);
}

void weak_prepare(const volatile void *p, int size)
{
    word_at(p, size);
}

/* It is in memory by now. `modifies`: it has read what was there at the same time. */
void weak_write(struct fibre *fibre, const volatile void *p, enum order order, bool modifies)
{
    struct word *word = find_word(p);
    struct view view = order & RELEASE ? fibre->view : fibre->released;
    if (modifies)
        join(&view, &word->list[word->messages - 1].view);
    view.oldest[word - words] = fibre->view.oldest[word - words] = word->messages;
    append(word, read_plain((void *)word->address, word->size), fibre->history, &view);
}

void weak_follow(const struct fibre *other)
{
    if (options.weak && scheduling)
        join(&current->view, &other->view);
}

void weak_fork(void)
{
    for (int i = 0; i < known; i++)
        current->view.oldest[i] = words[i].messages - 1;
    for (int i = 0; i < threads; i++)
        join(&fibres[i].view, &current->view);
}

/* It compares and exchanges, which is a full fence before and after. */
void weak_kernel_write(struct fibre *fibre, const uint32_t *p)
{
    struct word *word = find_word(p);
    weak_fence(fibre, FULL);
    join(&fibre->view, &word->list[word->messages - 1].view);
    weak_write(fibre, p, RELEASE, true);
}

void weak_fence(struct fibre *fibre, enum order order)
{
    if (order & ACQUIRE)
        join(&fibre->view, &fibre->read);
    if (order == FULL) {
        touch(fibre, &fenced, true);
        join(&fibre->view, &fenced);
        fenced = fibre->view;
    }
    if (order & RELEASE)
        fibre->released = fibre->view;
}

/*
 * What is not atomic: who reads has to have seen every write, and who writes every read as well, by
 * some order. No choice is made, so it costs no executions. There is no such memory: a word that is
 * the thing's, and one for each thread that reads it, stand for it.
 */
static struct word *stand_in(const void *thing, int which)
{
    uintptr_t address = ((uintptr_t)thing & 0xffffffffffff) | (uintptr_t)(which + 1) << 56;
    for (struct word *word = words; word < words + known; word++)
        if (word->address == address)
            return word;
    if (known == WORDS)
        fail("too many words");
    struct word *word = &words[known++];
    *word = (struct word){.address = address, .size = 4};
    append(word, 0, 0, &(struct view){0});
    return word;
}

static void has_seen(const struct word *word, const void *thing, const char *what)
{
    if (current->view.oldest[word - words] + 1 < word->messages)
        fail("a race: thread %d has not seen a %s of what %s guards", current->index, what,
             name_of(thing));
}

static void mark(struct word *word)
{
    current->view.oldest[word - words] = word->messages;
    append(word, 0, 0, &current->view);
}

void model_reads(const void *thing)
{
    if (!options.weak || !scheduling)
        return;
    has_seen(stand_in(thing, THREADS), thing, "write");
    mark(stand_in(thing, current->index));
}

void model_writes(const void *thing)
{
    if (!options.weak || !scheduling)
        return;
    for (int i = 0; i < threads; i++)
        has_seen(stand_in(thing, i), thing, "read");
    has_seen(stand_in(thing, THREADS), thing, "write");
    mark(stand_in(thing, THREADS));
}

void kernel_fences(struct fibre *fibre)
{
    if (options.weak && scheduling)
        weak_fence(fibre, FULL);
}

void kernel_sees(const uint32_t *word)
{
    if (options.weak && scheduling)
        weak_newest(word, sizeof *word, RELAXED);
}

void kernel_wakes(const struct fibre *by, struct fibre *woken)
{
    if (options.weak && scheduling)
        join(&woken->view, &by->view);
}
