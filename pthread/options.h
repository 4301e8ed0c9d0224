/* The environment variable FURWOCK. */
#ifndef FURWOCK_OPTIONS_H
#define FURWOCK_OPTIONS_H

/* Read it, once, when the process starts. */
void options_read(void);

#endif
