/*
 * Under dlopen: constructors that start threads and wait for them hold the dynamic loader's lock
 * all the while, so nothing that those threads do, up to the destructors of their keys, may need
 * it. The object is plugin/plugin.c, which lies beside this program as plugin.so. And what dlsym finds
 * in libc itself.
 */
#include "unit.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>

static char plugin[PATH_MAX];

static void find_plugin(void)
{
    ssize_t length = readlink("/proc/self/exe", plugin, sizeof plugin - 16);
    ck_assert_int_gt(length, 0);
    plugin[length] = '\0';
    strcpy(strrchr(plugin, '/'), "/plugin.so");
}

/* Load, use, unload; 0 if all three did their work, else how it failed. */
static int use_plugin(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return -1;
    }
    int (*work)(void) = (int (*)(void))dlsym(handle, "plugin_work");
    void (*report)(int *) = (void (*)(int *))dlsym(handle, "plugin_report");
    if (work == NULL || report == NULL)
        return -2;
    int at_exit = 0;
    report(&at_exit);
    int before = work();
    if (before < 2)
        return -3;
    if (dlclose(handle) != 0)
        return -4;
    /* Some libcs never unload: then it has not been destroyed either. */
    void *still = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (still != NULL) {
        report(NULL);
        return dlclose(still);
    }
    return at_exit == before + 1 ? 0 : -5;
}

START_TEST(constructors_and_destructors_may_start_threads_and_wait_for_them)
{
    find_plugin();
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(use_plugin(plugin), 0);
}
END_TEST

/* A copy of the plugin is another object to the loader. */
static int copy_plugin(void)
{
    find_plugin();
    int from = open(plugin, O_RDONLY | O_CLOEXEC), to = memfd_create("plugin", MFD_CLOEXEC);
    ck_assert_int_ge(from, 0);
    ck_assert_int_ge(to, 0);
    char block[4096];
    ssize_t length;
    while ((length = read(from, block, sizeof block)) > 0)
        ck_assert_int_eq(write(to, block, (size_t)length), length);
    ck_assert_int_eq(length, 0);
    close(from);
    return to;
}

static int use_copy(void *fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", *(int *)fd);
    for (int i = 0; i < 5; i++) {
        int error = use_plugin(path);
        if (error != 0)
            return error;
    }
    return 0;
}

START_TEST(threads_may_load_such_objects_at_the_same_time)
{
    enum { LOADERS = 4 };
    int fd[LOADERS];
    struct unit_call call[LOADERS];
    for (int i = 0; i < LOADERS; i++)
        fd[i] = copy_plugin();
    for (int i = 0; i < LOADERS; i++)
        unit_start(&call[i], use_copy, &fd[i]);
    for (int i = 0; i < LOADERS; i++)
        ck_assert_int_eq(unit_finish(&call[i]), 0);
}
END_TEST

/* Threads that come and go, each with keys of its own, and never load anything. */
static atomic_int stop, lives, destroyed;

static void count_destroyed(void *unused)
{
    (void)unused;
    atomic_fetch_add(&destroyed, 1);
}

static int live_briefly(void *key)
{
    return pthread_setspecific(*(pthread_key_t *)key, &stop);
}

static int come_and_go(void *unused)
{
    int errors = 0;
    (void)unused;
    while (!atomic_load(&stop)) {
        pthread_key_t key;
        errors += pthread_key_create(&key, count_destroyed) != 0;
        errors += unit_elsewhere(live_briefly, &key) != 0;
        errors += pthread_key_delete(key) != 0;
        atomic_fetch_add(&lives, 1);
    }
    return errors;
}

START_TEST(other_threads_come_and_go_meanwhile)
{
    struct unit_call call;
    find_plugin();
    unit_start(&call, come_and_go, NULL);
    unit_wait_for(&lives, 1);
    for (int i = 0; i < 10; i++) {
        int before = atomic_load(&lives);
        ck_assert_int_eq(use_plugin(plugin), 0);
        unit_wait_for(&lives, before + 1);
    }
    atomic_store(&stop, 1);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_int_eq(atomic_load(&destroyed), atomic_load(&lives));
}
END_TEST

/*
 * Keys of libc's own, for those who look its functions up in it: their destructors may run after
 * Furwock's have, and store a value again.
 */
static int (*libc_key_create)(pthread_key_t *, void (*)(void *));
static int (*libc_setspecific)(pthread_key_t, const void *);
static pthread_key_t libc_key, watched;
static atomic_int stored_late;

static void find_libcs_keys(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    if (libc == NULL)
        libc = dlopen("libc.so", RTLD_NOW | RTLD_NOLOAD);
    ck_assert_ptr_nonnull(libc);
    libc_key_create = (int (*)(pthread_key_t *, void (*)(void *)))dlsym(libc, "pthread_key_create");
    libc_setspecific = (int (*)(pthread_key_t, const void *))dlsym(libc, "pthread_setspecific");
    ck_assert(libc_key_create != NULL && libc_setspecific != NULL);
}

static void store_late(void *unused)
{
    (void)unused;
    if (pthread_getspecific(watched) == NULL && pthread_setspecific(watched, &watched) == 0 &&
        pthread_getspecific(watched) == &watched)
        atomic_fetch_add(&stored_late, 1);
}

static int store_early(void *unused)
{
    (void)unused;
    return pthread_setspecific(watched, &watched) | libc_setspecific(libc_key, &watched);
}

START_TEST(what_a_destructor_of_libcs_own_stores_is_destroyed_too)
{
    /* There the two keys are of one kind, and destroyed in the order of their numbers. */
    if (!unit_on_furwock())
        unit_skip("libc's own destructors come in another order");
    find_libcs_keys();
    ck_assert_int_eq(libc_key_create(&libc_key, store_late), 0);
    /* One that has its values in place, and one that has them in a block. */
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(pthread_key_create(&watched, count_destroyed), 0);
        for (int round = 0; round < 3 && (i == 0 || i == 39); round++)
            ck_assert_int_eq(unit_elsewhere(store_early, NULL), 0);
    }
    ck_assert_int_eq(atomic_load(&stored_late), 6);
    ck_assert_int_eq(atomic_load(&destroyed), 12);
}
END_TEST

static Suite *loader_suite(void)
{
    Suite *suite = suite_create("loader");
    TCase *tcase = tcase_create("loader");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, constructors_and_destructors_may_start_threads_and_wait_for_them);
    tcase_add_test(tcase, threads_may_load_such_objects_at_the_same_time);
    tcase_add_test(tcase, other_threads_come_and_go_meanwhile);
    tcase_add_test(tcase, what_a_destructor_of_libcs_own_stores_is_destroyed_too);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(loader_suite)
