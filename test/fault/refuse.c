/*
 * refuse --call NAME --errno N PROGRAM ARGUMENT...
 * refuse --list
 *
 * Runs a program under which the kernel refuses a system call, with this error number, from the
 * start. The environment, LD_PRELOAD in it, is given on.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (int i = 0; i < REFUSALS; i++)
            printf("%s\n", refusals[i].name);
        return 0;
    }
    if (argc < 6 || strcmp(argv[1], "--call") != 0 || strcmp(argv[3], "--errno") != 0) {
        fprintf(stderr, "usage: refuse --call NAME --errno N PROGRAM ARGUMENT...\n"
                        "       refuse --list\n");
        return 2;
    }
    if (!refuse(argv[2], atoi(argv[4]))) {
        fprintf(stderr, "refuse: no filter for %s\n", argv[2]);
        return 2;
    }
    execvp(argv[5], argv + 5);
    perror(argv[5]);
    return 2;
}
