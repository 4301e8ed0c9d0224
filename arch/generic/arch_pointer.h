/* Where a thread is known from: the machine's own folder says it, whose code is not asked for else. */
#if defined(__x86_64__)
#include "../x86_64/arch_pointer.h"
#elif defined(__aarch64__)
#include "../aarch64/arch_pointer.h"
#elif defined(__riscv)
#include "../riscv64/arch_pointer.h"
#elif defined(__powerpc64__)
#include "../ppc64le/arch_pointer.h"
#elif defined(__s390x__)
#include "../s390x/arch_pointer.h"
#else
#error "where is a thread known from?"
#endif
