/*
 * What a C++ library that was built for glibc asks of it, for use in a static program on musl: there
 * is none for musl on Debian. Enough for threads, locks and exceptions.
 */
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

char __libc_single_threaded;

unsigned arc4random(void)
{
    return 4;
}

/* As glibc's <dlfcn.h> has it. */
struct found {
    unsigned long long flags;
    void *start, *end;
    struct link_map *map;
    void *eh_frame;
    unsigned long long reserved[7];
};

struct search {
    uintptr_t address;
    struct found *found;
};

static int look(struct dl_phdr_info *info, size_t size, void *argument)
{
    (void)size;
    struct search *search = argument;
    search->found->eh_frame = NULL;
    search->found->start = NULL;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        char *start = (char *)(info->dlpi_addr + header->p_vaddr);
        if (header->p_type == PT_LOAD && search->address - (uintptr_t)start < header->p_memsz) {
            search->found->start = start;
            search->found->end = start + header->p_memsz;
        } else if (header->p_type == PT_GNU_EH_FRAME) {
            search->found->eh_frame = start;
        }
    }
    return search->found->start && search->found->eh_frame;
}

int _dl_find_object(void *address, struct found *found)
{
    struct search search = {(uintptr_t)address, found};
    return dl_iterate_phdr(look, &search) ? 0 : -1;
}

/* Destructors of thread-local objects run as those of a key do. */
struct at_exit {
    void (*destroy)(void *);
    void *object;
    struct at_exit *next;
};

static pthread_key_t key;
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void run_all(void *list)
{
    for (struct at_exit *item = list, *next; item; item = next) {
        next = item->next;
        item->destroy(item->object);
        free(item);
    }
}

static void make_key(void)
{
    pthread_key_create(&key, run_all);
}

int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *library)
{
    (void)library;
    struct at_exit *item = malloc(sizeof *item);
    pthread_once(&made, make_key);
    if (!item)
        return -1;
    *item = (struct at_exit){destroy, object, pthread_getspecific(key)};
    return pthread_setspecific(key, item);
}
