/* The area of a thread's restartable sequences, where libc has none: arch_rseq.h. */
#include "arch_rseq.h"

#ifdef ARCH_RSEQ_OWN
_Thread_local struct arch_rseq arch_rseq;
#endif
