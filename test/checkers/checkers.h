/* What the programs of test/checkers have in common: threads, and choosing by name. */
#ifndef CHECKERS_H
#define CHECKERS_H

#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct program {
    const char *name;
    void (*run)(void);
};
extern const struct program programs[];

static inline void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    _Exit(3);
}

static inline void need(int error)
{
    if (error)
        die(strerror(error));
}

static inline void in_threads(int count, void *(*routine)(void *), void *argument)
{
    pthread_t threads[16];
    for (int i = 0; i < count; i++)
        need(pthread_create(&threads[i], NULL, routine, argument));
    for (int i = 0; i < count; i++)
        need(pthread_join(threads[i], NULL));
}

/* Without a name: lists them. */
int main(int count, char **words)
{
    for (const struct program *program = programs; program->name; program++) {
        if (count < 2)
            puts(program->name);
        else if (strcmp(words[1], program->name) == 0)
            return program->run(), 0;
    }
    return count < 2 ? 0 : 2;
}

#endif
