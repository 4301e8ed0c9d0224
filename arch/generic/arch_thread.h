/*
 * The same through musl's hidden routines (thread.c). What is in a signal's context the machine's own
 * folder says.
 */
#define arch_cancel_begin __cp_begin
#define arch_cancel_end __cp_end
#define arch_cancel_out __cp_cancel
#if defined(__x86_64__)
#include "../x86_64/arch_thread.h"
#elif defined(__aarch64__)
#include "../aarch64/arch_thread.h"
#elif defined(__riscv)
#include "../riscv64/arch_thread.h"
#elif defined(__powerpc64__)
#include "../ppc64le/arch_thread.h"
#elif defined(__s390x__)
#include "../s390x/arch_thread.h"
#else
#error "what is in a signal's context?"
#endif
