/*
 * The environment variable FURWOCK: a comma-separated list of options. A program that runs with
 * more rights than its caller ignores it. A word that is unknown is reported.
 *
 *   asymmetric   fast paths for which others pay, where that pays: asymmetric.h
 *   asymmetric-always   the same where it does not, for tests
 *   nospin       whoever waits sleeps at once: spinning.h
 *   recover      locks of the dead are given on: alive.h
 *   deepbind     dlopen keeps RTLD_DEEPBIND: host/dlopen.h
 */
#include "options.h"
#include "alive.h"
#include "asymmetric.h"
#include "spinning.h"

#include <arch_syscall.h>
#include <elf.h>
#include <furwock.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

extern char **environ __attribute__((weak));
#pragma weak getauxval

bool options_deepbind;

static const char *value_of(const char *name)
{
    if (!&environ || !environ)
        return NULL;
    for (char **entry = environ; *entry; entry++) {
        size_t i = 0;
        while (name[i] && (*entry)[i] == name[i])
            i++;
        if (!name[i] && (*entry)[i] == '=')
            return *entry + i + 1;
    }
    return NULL;
}

static void write_error(const char *text, size_t length)
{
    arch_syscall(SYS_write, 2, (long)text, length, 0, 0, 0);
}

static void report_unknown(const char *word, size_t length)
{
    static const char before[] = "furwock: unknown option in FURWOCK: ";
    write_error(before, sizeof before - 1);
    write_error(word, length);
    write_error("\n", 1);
}

static bool is(const char *word, size_t length, const char *name)
{
    size_t i = 0;
    while (i < length && name[i] && word[i] == name[i])
        i++;
    return i == length && !name[i];
}

void options_read(void)
{
    if (getauxval && getauxval(AT_SECURE))
        return;
    const char *word = value_of("FURWOCK");
    while (word && *word) {
        size_t length = 0;
        while (word[length] && word[length] != ',')
            length++;
        if (is(word, length, "asymmetric"))
            asymmetric_start(WHERE_IT_PAYS);
        else if (is(word, length, "asymmetric-always"))
            asymmetric_start(ALWAYS);
        else if (is(word, length, "nospin"))
            spinning_never();
        else if (is(word, length, "recover"))
            alive_recover();
        else if (is(word, length, "deepbind"))
            options_deepbind = true;
        else if (length > 0)
            report_unknown(word, length);
        word += length + (word[length] == ',');
    }
}

__attribute__((visibility("default"))) const char *furwock_version(void)
{
#define TEXT(x) #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)
    return VERSION(FURWOCK_VERSION_MAJOR, FURWOCK_VERSION_MINOR, FURWOCK_VERSION_PATCH);
}
