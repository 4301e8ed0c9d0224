/* The environment variable FURWOCK. */
#ifndef FURWOCK_OPTIONS_H
#define FURWOCK_OPTIONS_H

#include <stdbool.h>

/* FURWOCK=deepbind */
extern bool options_deepbind __attribute__((visibility("hidden")));

/* Read it, once, when the process starts. */
void options_read(void);

#endif
