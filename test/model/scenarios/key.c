/* Keys. */
#include "scenarios.h"

static pthread_key_t common, keys[THREADS];
static int values[THREADS];
static uint32_t destroyed, deleted, deletions;

static void destroy(void *value)
{
    model_assert(value == &values[model_thread()]);
    arch_fetch_add(&destroyed, 1);
}

static void init(void)
{
    NAME(destroyed);
    ok(pthread_key_create(&common, destroy));
}

/* Keys made at the same time are different ones, and have no values yet. */
static void create(void)
{
    int me = model_thread();
    ok(pthread_key_create(&keys[me], NULL));
    model_assert(keys[me] != common && pthread_getspecific(keys[me]) == NULL);
    ok(pthread_setspecific(keys[me], &values[me]));
    model_assert(pthread_getspecific(common) == NULL);
    model_assert(pthread_getspecific(keys[me]) == &values[me]);
}

static void create_and_delete(void)
{
    create();
    ok(pthread_key_delete(keys[model_thread()]));
    model_assert(pthread_getspecific(keys[model_thread()]) == NULL);
    create();
}

static void all_different(void)
{
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < i; j++)
            model_assert(keys[i] != keys[j] || keys[i] == 0);
}

/* A value is destroyed by its thread's end, unless the key is deleted before. */
static void set(void)
{
    int error = pthread_setspecific(common, &values[model_thread()]);
    model_assert(error == 0 || (error == EINVAL && arch_load_relaxed(&deleted)));
}

static void delete (void)
{
    arch_store_release(&deleted, 1);
    int error = pthread_key_delete(common);
    model_assert(error == 0 || error == EINVAL);
    if (!error)
        arch_fetch_add(&deletions, 1);
}

static void both_destroyed(void)
{
    model_assert(destroyed == 2);
}

static void deleted_once(void)
{
    model_assert(deletions == 1 && destroyed <= 1);
}

const struct scenario key_scenarios[] = {
    SCENARIO("key-create", init, all_different, RUN(create, create, create)),
    SCENARIO("key-create-delete", init, all_different, RUN(create_and_delete, create_and_delete),
             .quick = 3),
    SCENARIO("key-destructor", init, both_destroyed, RUN(set, set)),
    SCENARIO("key-delete", init, deleted_once, RUN(set, delete, delete)),
    {.name = NULL},
};
