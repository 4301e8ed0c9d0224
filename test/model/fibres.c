/* What both machines have, the explorer and the one that counts transfers: fibres, and names of words. */
#include "explore.h"

#include <errno.h>
#include <string.h>

struct fibre fibres[THREADS + 1], *current;

void switch_to(struct fibre *next)
{
    struct fibre *me = current;
    if (next == me)
        return;
    me->error = errno;
    memcpy(me->self, model_self(), model_self_size);
    if (_setjmp(me->context))
        return;
    current = next;
    memcpy(model_self(), next->self, model_self_size);
    errno = next->error;
    _longjmp(next->context, 1);
}

enum { NAMES = 16 };
static struct {
    const char *name;
    const char *start;
    int size;
} names[NAMES];
static int named;

void forget_names(void)
{
    named = 0;
}

void model_name(const char *name, const void *p, int size)
{
    if (named < NAMES) {
        names[named].name = name;
        names[named].start = p;
        names[named++].size = size;
    }
}

const char *find_name(const volatile void *p, long *offset)
{
    for (int i = 0; i < named; i++) {
        *offset = (const char *)p - names[i].start;
        if (*offset >= 0 && *offset < names[i].size)
            return names[i].name;
    }
    return NULL;
}
