/*
 * pthread_once() in code without unwind tables, as C code is on some machines: unit.mk leaves them
 * out. A routine that is cancelled there, or exits, is left all the same.
 */
#include "once.c"
