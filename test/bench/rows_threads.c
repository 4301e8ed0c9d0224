/* Births and ends of threads, in static programs: in dynamic ones they are libc's. */
#define _GNU_SOURCE
#include <unistd.h>

#include "bench.h"

enum { TOGETHER = 32 };

static void *end_at_once(void *argument)
{
    return argument;
}

static void *wait_for_cancel(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

static void create_and_join(long count)
{
    pthread_t threads[TOGETHER];
    for (long i = 0; i < count; i++)
        must(pthread_create(&threads[i], NULL, end_at_once, NULL), "pthread_create");
    for (long i = 0; i < count; i++)
        must(pthread_join(threads[i], NULL), "pthread_join");
}

static void cancel_and_join(long unused)
{
    (void)unused;
    pthread_t thread;
    void *end;
    must(pthread_create(&thread, NULL, wait_for_cancel, NULL), "pthread_create");
    must(pthread_cancel(thread), "pthread_cancel");
    must(pthread_join(thread, &end), "pthread_join");
    if (end != PTHREAD_CANCELED)
        broken_row("the thread was not cancelled", 0);
}

enum { CREATE, CANCEL };

static void lives(const struct row *row, struct result *result)
{
    measure_calls(row->a == CREATE ? create_and_join : cancel_and_join, row->b, result);
}

const struct row thread_rows[] = {
    {.name = "create-join",
     .what = "create a thread that ends at once, and join it",
     .limit = "clone",
     .run = lives,
     .a = CREATE,
     .b = 1,
     .seconds = 0.2},
    {.name = "create-join/32",
     .what = "create 32 such threads, then join them; a thread",
     .limit = "clone",
     .run = lives,
     .a = CREATE,
     .b = TOGETHER,
     .seconds = 0.2},
    {.name = "cancel-join",
     .what = "create a thread that waits in pause(), cancel and join it",
     .limit = "clone",
     .run = lives,
     .a = CANCEL,
     .b = 1,
     .seconds = 0.2},
    {.name = NULL},
};
