/*
 * program FOLDER [early|plain]: loads FOLDER/plugin.so with RTLD_DEEPBIND (plain: without), and
 * FOLDER/finder.so, which loads FOLDER/sub/found.so; before (early) FOLDER/early.so, when no constructor
 * has run, for which glibc forgets the environment. Says of each whose pthread_mutex_lock it has.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 8
#endif

static const char *early = "not loaded";
static char path[4096];

static const char *whose(void *handle)
{
    void *(*lock)(void) = handle ? (void *(*)(void))dlsym(handle, "plugin_lock") : NULL;
    if (!lock)
        return "not loaded";
    return lock() == dlsym(RTLD_DEFAULT, "pthread_mutex_lock") ? "the program's" : "another one's";
}

static void *load(const char *folder, const char *name, int flags)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL | flags);
}

static void before_all_constructors(int count, char **arguments)
{
    if (count > 2 && strcmp(arguments[2], "early") == 0)
        early = whose(load(arguments[1], "early.so", RTLD_DEEPBIND));
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char **) = before_all_constructors;

int main(int count, char **arguments)
{
    const char *folder = count > 1 ? arguments[1] : ".";
    int bind = count > 2 && strcmp(arguments[2], "plain") == 0 ? 0 : RTLD_DEEPBIND;
    printf("early: %s\n", early);
    printf("later: %s\n", whose(load(folder, "plugin.so", bind)));
    void *finder = load(folder, "finder.so", bind);
    void *(*find)(int) = finder ? (void *(*)(int))dlsym(finder, "find") : NULL;
    printf("found: %s\n", find ? whose(find(bind)) : "no finder");
    printf("missing: %s\n", dlopen("no-such-object.so", RTLD_NOW) ? "loaded" : dlerror());
    return 0;
}
