/*
 * Shared memory: its steps, who may touch it, the store buffers, and restartable sequences.
 *
 * A location has a version, a hash of the history of the write that made it. A thread's history is
 * a hash of the versions that it has seen, so the histories and the versions together say which
 * state an execution is in: see explore.c. This relies on plain accesses being ordered by the
 * atomic ones, as they are in a program without data races.
 */
#include "explore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LOCATIONS = 1 << 12, GRANULE = 8, RANGES = 8, POISON = 0xdd };
enum { SLEEPS = 32, WATCHED = 4, WATCHED_SIZE = 64 };

static struct location {
    /* of a word, or of its queue of sleepers, which is that plus one */
    uintptr_t address;
    /* over all executions: the threads that have come here, and whether one has written */
    unsigned users;
    bool written, visible;
    /* in this execution */
    unsigned epoch;
    uint64_t version;
} locations[LOCATIONS];

static unsigned epoch;
static int known;
uint64_t memory_hash;
unsigned long writes;
bool widened;

static struct range {
    char *start;
    int size;
} gone[RANGES];
static int ranges;

/* Words that threads have slept on, over all executions. */
static const volatile void *slept_on[SLEEPS];
static int slept;

/* Objects under watch: how much of each is taken. */
static struct watched {
    const char *start;
    int size;
    int (*taken)(void);
    int first, now;
} watched[WATCHED];
static int watches;

static struct location *locate(uintptr_t address)
{
    unsigned i = mix(address, 0) % LOCATIONS;
    while (locations[i].address && locations[i].address != address)
        i = (i + 1) % LOCATIONS;
    struct location *location = &locations[i];
    if (!location->address) {
        if (++known > LOCATIONS / 2)
            fail("too many locations");
        location->address = address;
    }
    if (location->epoch != epoch) {
        location->epoch = epoch;
        location->version = 0;
    }
    return location;
}

static uintptr_t granule(const volatile void *p)
{
    return (uintptr_t)p / GRANULE * GRANULE;
}

static bool is_own(const volatile void *p)
{
    const char *self = model_self();
    return (const char *)p >= self && (const char *)p < self + model_self_size;
}

bool is_visible(const volatile void *p)
{
    return locate(granule(p))->visible;
}

static void see(struct fibre *fibre, struct location *location, bool write)
{
    location->users |= 1u << fibre->index;
    location->written |= write;
    if (!location->visible && location->written && (location->users & (location->users - 1)))
        location->visible = widened = true;
}

static void set_version(struct location *location, uint64_t version)
{
    memory_hash -= location->version ? mix(location->address, location->version) : 0;
    location->version = version;
    writes++;
    memory_hash += mix(location->address, version);
}

static void touch_location(struct fibre *fibre, uintptr_t address, bool write)
{
    if (!scheduling)
        return;
    struct location *location = locate(address);
    see(fibre, location, write);
    fibre->history = mix(fibre->history, location->version + address);
    if (write)
        set_version(location, mix(fibre->history, 1) | 1);
}

void touch(struct fibre *fibre, const volatile void *p, bool write)
{
    touch_location(fibre, granule(p), write);
}

void touch_queue(struct fibre *fibre, const volatile void *p)
{
    touch_location(fibre, granule(p) + 1, true);
}

void memory_forget(void)
{
    memset(locations, 0, sizeof locations);
    known = slept = watches = 0;
    weak_forget();
    forget_names();
}

void memory_begin(void)
{
    epoch++;
    memory_hash = 0;
    ranges = 0;
    widened = false;
    weak_begin();
    for (int i = 0; i < watches; i++)
        watched[i].now = watched[i].first;
}

/* Who holds what. */

/* Ask without changing anything, as a thread that is nobody. */
static int ask(const struct watched *object)
{
    char copy[WATCHED_SIZE];
    struct fibre *me = current;
    bool was = scheduling;
    int error = errno;
    memcpy(copy, object->start, object->size);
    memcpy(me->self, model_self(), model_self_size);
    current = &fibres[THREADS];
    memcpy(model_self(), current->self, model_self_size);
    scheduling = false;
    int taken = object->taken();
    scheduling = was;
    current = me;
    memcpy(model_self(), me->self, model_self_size);
    memcpy((char *)object->start, copy, object->size);
    errno = error;
    return taken;
}

void model_watch(const void *object, int size, int (*taken)(void))
{
    if (watches == WATCHED || size > WATCHED_SIZE)
        fail("too much to watch");
    struct watched *new = &watched[watches++];
    *new = (struct watched){object, size, taken, 0, 0};
    new->first = new->now = ask(new);
}

/* A write of the thread's takes or gives what it changes. In the child nobody is watched. */
static void account(struct fibre *fibre, const volatile void *p)
{
    if (has_forked())
        return;
    for (int i = 0; i < watches && scheduling; i++) {
        struct watched *object = &watched[i];
        if ((const char *)p < object->start || (const char *)p >= object->start + object->size ||
            is_gone(object->start))
            continue;
        int now = ask(object);
        fibre->chosen &= now <= object->now;
        fibre->holds += now - object->now;
        object->now = now;
    }
}

void is_slept_on(const uint32_t *word)
{
    for (int i = 0; i < slept; i++)
        if (slept_on[i] == word)
            return;
    if (slept == SLEEPS)
        fail("too many words to sleep on");
    slept_on[slept++] = word;
    widened |= watches > 0;
}

static void note_write(struct fibre *fibre, const volatile void *p, int size)
{
    const volatile char *start = p;
    if (!watches)
        return;
    for (int i = 0; i < slept; i++) {
        const volatile char *word = slept_on[i];
        if (word >= start && word < start + size) {
            fibre->chosen &= (scenario->flags & CHOSEN) != 0;
            fibre->owes = true;
        }
    }
    account(fibre, p);
}

/* Names. */

const char *name_of(const volatile void *p)
{
    static char text[2][64];
    static int turn;
    char *out = text[turn ^= 1];
    long offset;
    const char *name = find_name(p, &offset);
    if (name) {
        snprintf(out, sizeof text[0], offset ? "%s+%ld" : "%s", name, offset);
        return out;
    }
    if (is_own(p))
        return "self";
    snprintf(out, sizeof text[0], "%p", (void *)(uintptr_t)p);
    return out;
}

/* Memory that is given back. */

static struct range *range_of(const volatile void *p)
{
    for (int i = 0; i < ranges; i++)
        if ((char *)p >= gone[i].start && (char *)p < gone[i].start + gone[i].size)
            return &gone[i];
    return NULL;
}

bool is_gone(const volatile void *p)
{
    return ranges && range_of(p);
}

static void is_changed(char *start, int size)
{
    for (int i = 0; i < size; i += GRANULE)
        touch(current, start + i, true);
}

static void check_range(const struct range *range)
{
    for (int i = 0; i < range->size; i++)
        if ((unsigned char)range->start[i] != POISON)
            fail("%s was written after it was given back", name_of(range->start + i));
}

void memory_check(void)
{
    for (int i = 0; i < ranges; i++)
        check_range(&gone[i]);
}

void model_gone(void *p, int size)
{
    drain(current);
    if (ranges == RANGES)
        fail("too many ranges");
    trace(NULL, "gives back %s", name_of(p));
    is_changed(p, size);
    gone[ranges++] = (struct range){p, size};
    memset(p, POISON, size);
}

void model_again(void *p, int size)
{
    struct range *range = range_of(p);
    model_assert(range && range->start == p && range->size == size);
    trace(NULL, "has %s again", name_of(p));
    check_range(range);
    *range = gone[--ranges];
    is_changed(p, size);
    memset(p, 0, size);
}

/* Accesses. */

uint64_t read_plain(const volatile void *p, int size)
{
    return size == 4 ? *(const volatile uint32_t *)p : *(const volatile uint64_t *)p;
}

static void write_plain(volatile void *p, int size, uint64_t value)
{
    if (size == 4)
        *(volatile uint32_t *)p = value;
    else
        *(volatile uint64_t *)p = value;
}

static void check_access(const volatile void *p, const struct place *place)
{
    if (is_gone(p))
        fail("%s is used after it was given back: %s, %s:%d", name_of(p), place->function,
             place->file, place->line);
}

static void describe(enum access access, const volatile void *p, uint64_t a, uint64_t b,
                     uint64_t found, const struct place *place)
{
    if (!options.trace)
        return;
    const char *name = name_of(p);
    switch (access) {
    case LOAD:
        trace(place, "load     %s: %#lx", name, found);
        break;
    case STORE:
        trace(place, "store    %s: %#lx", name, a);
        break;
    case CAS:
    case CAS_ALONE:
        if (found == a)
            trace(place, "cas      %s: %#lx -> %#lx", name, a, b);
        else
            trace(place, "cas      %s: %#lx -> %#lx fails, found %#lx", name, a, b, found);
        break;
    case EXCHANGE:
        trace(place, "exchange %s: %#lx -> %#lx", name, found, a);
        break;
    case ADD:
        trace(place, "add      %s: %#lx + %#lx", name, found, a);
        break;
    }
}

static uint64_t perform(enum access access, const volatile void *p, int size, uint64_t a,
                        uint64_t b)
{
    uint64_t found = read_plain(p, size);
    switch (access) {
    case LOAD:
        break;
    case CAS:
    case CAS_ALONE:
        if (found == a)
            write_plain((volatile void *)p, size, b);
        break;
    case STORE:
    case EXCHANGE:
        write_plain((volatile void *)p, size, a);
        break;
    case ADD:
        write_plain((volatile void *)p, size, found + a);
        break;
    }
    return found;
}

/* The newest store of the thread's own to p that is not in memory yet. */
static const struct buffered *forwarded(const volatile void *p, int size)
{
    for (int i = current->buffered - 1; i >= 0; i--)
        if (current->buffer[i].p == p && current->buffer[i].size == size)
            return &current->buffer[i];
    return NULL;
}

static void buffer_store(volatile void *p, int size, uint64_t value, const struct place *place)
{
    if (current->buffered == sizeof current->buffer / sizeof current->buffer[0])
        drain_one(current);
    current->buffer[current->buffered++] = (struct buffered){(void *)p, size, value, place};
    trace(place, "buffer   %s: %#lx", name_of(p), value);
}

void drain_one(struct fibre *fibre)
{
    struct buffered first = fibre->buffer[0];
    fibre->buffered--;
    memmove(fibre->buffer, fibre->buffer + 1, fibre->buffered * sizeof first);
    trace(first.place, "store of thread %d leaves its buffer: %s: %#lx", fibre->index,
          name_of(first.p), first.value);
    check_access(first.p, first.place);
    write_plain(first.p, first.size, first.value);
    struct location *location = locate(granule(first.p));
    see(fibre, location, true);
    set_version(location, mix(location->version, (fibre->index << 16) + ++fibre->drained) | 1);
}

void drain(struct fibre *fibre)
{
    while (fibre->buffered)
        drain_one(fibre);
}

/* The same where messages say what a load may find. */
static uint64_t make_weak_access(enum access access, enum order order, const volatile void *p,
                                 int size, uint64_t a, uint64_t b, const struct place *place)
{
    bool compares = access == CAS, modifies = access != STORE;
    uint64_t found = 0;
    check_access(p, place);
    if (access == LOAD)
        found = weak_load(p, size, order);
    else if (compares)
        found = weak_compare(p, size, a, order);
    else if (modifies)
        weak_newest(p, size, order);
    else
        weak_prepare(p, size);
    if (access == LOAD || (compares && found != a)) {
        see(current, locate(granule(p)), false);
        describe(access, p, a, b, found, place);
        return found;
    }
    found = perform(access, p, size, a, b);
    touch(current, p, true);
    weak_write(current, p, order, modifies);
    describe(access, p, a, b, found, place);
    note_write(current, p, size);
    return found;
}

/* An access that no other thread can come before any more. */
static uint64_t make_access(enum access access, enum order order, const volatile void *p, int size,
                            uint64_t a, uint64_t b, const struct place *place)
{
    if (options.weak && scheduling)
        return make_weak_access(access, order, p, size, a, b, place);
    const struct buffered *mine = access == LOAD ? forwarded(p, size) : NULL;
    if (mine)
        return mine->value;
    if (access != LOAD && access != STORE)
        drain(current);
    check_access(p, place);
    uint64_t found = perform(access, p, size, a, b);
    bool writes = access != LOAD && (access != CAS || found == a);
    touch(current, p, writes);
    describe(access, p, a, b, found, place);
    if (writes)
        note_write(current, p, size);
    return found;
}

void kernel_writes(struct fibre *fibre, uint32_t *word, uint32_t value)
{
    kernel_sees(word);
    *word = value;
    touch(current, word, true);
    if (options.weak && scheduling)
        weak_kernel_write(fibre, word);
    trace(NULL, "the kernel writes %s: %#x", name_of(word), value);
    if (watches)
        account(fibre, word);
}

void model_fence(enum order order)
{
    if (!scheduling)
        return;
    if (options.weak) {
        if (order == FULL)
            schedule();
        weak_fence(current, order);
    } else if (order == FULL) {
        drain(current);
    }
}

uint64_t model_access(enum access access, enum order order, const volatile void *p, int size,
                      uint64_t a, uint64_t b, const struct place *place)
{
    bool alone = access == CAS_ALONE;
    if (alone)
        access = CAS;
    if (!scheduling)
        return perform(access, p, size, a, b);
    may_die();
    if (is_own(p)) {
        uint64_t found = perform(access, p, size, a, b);
        describe(access, p, a, b, found, place);
        return found;
    }
    bool visible = is_visible(p);
    if (options.buffers && access == STORE && visible) {
        buffer_store((volatile void *)p, size, a, place);
        return 0;
    }
    if (options.buffers && alone && visible) {
        may_stop(CHANGES);
        schedule();
        uint64_t found = make_access(LOAD, RELAXED, p, size, 0, 0, place);
        if (found == a)
            buffer_store((volatile void *)p, size, b, place);
        return found;
    }
    if (visible) {
        may_stop(access == LOAD || model_is_paged(p) ? LOOKS : CHANGES);
        schedule();
    }
    return make_access(access, order, p, size, a, b, place);
}

/* Others may go on before each of the three steps, whatever is visible: an abort is. */
bool model_store_if(const uint64_t *guard, uint64_t id, uint32_t *word, uint32_t old, uint32_t new,
                    const struct place *place)
{
    if (!sequence_goes_on() || make_access(LOAD, RELAXED, guard, sizeof *guard, 0, 0, place) != id)
        return false;
    current->sequence = UNDER_WAY;
    bool commits = sequence_goes_on() &&
                   make_access(LOAD, ACQUIRE, word, sizeof *word, 0, 0, place) == old &&
                   sequence_commits();
    current->sequence = NONE;
    if (commits && scheduling && options.buffers && is_visible(word))
        buffer_store(word, sizeof *word, new, place);
    else if (commits)
        make_access(STORE, RELEASE, word, sizeof *word, new, 0, place);
    return commits;
}

void model_await(const uint32_t *word, uint32_t value)
{
    may_die();
    current->status = AWAITING;
    current->word = word;
    current->value = value;
    yield();
    current->status = RUNNING;
    touch(current, word, false);
    if (options.weak)
        weak_newest(word, sizeof *word, ACQUIRE);
    trace(NULL, "has seen %s: %#x", name_of(word), value);
}

void model_await_sleep(int thread)
{
    may_die();
    current->status = AWAITING;
    current->word = NULL;
    current->value = thread;
    yield();
    current->status = RUNNING;
    touch_queue(current, fibres[thread].word);
    weak_follow(&fibres[thread]);
    trace(NULL, "has seen thread %d asleep", thread);
}
