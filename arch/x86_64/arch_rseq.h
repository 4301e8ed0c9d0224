/*
 * Restartable sequences, x86-64: see the kernel's rseq(2). A sequence that is interrupted between its
 * first instruction and its last, by preemption, by a signal, or by another thread's membarrier(2),
 * goes to its abort handler instead of on. It needs an area that is registered with the kernel for the
 * thread, at the same distance from every thread's pointer.
 */
#ifndef FURWOCK_ARCH_RSEQ_H
#define FURWOCK_ARCH_RSEQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCH_RSEQ_SIGNATURE 0x53053053

#ifdef FURWOCK_MUSL
#include <arch_syscall.h>
#include <sys/syscall.h>

/*
 * musl registers none, so a thread does when it first asks. It stays registered: its memory is not
 * given away before the kernel has forgotten the thread.
 */
#define ARCH_RSEQ_OWN
enum arch_rseq_state { ARCH_RSEQ_UNKNOWN, ARCH_RSEQ_REGISTERED, ARCH_RSEQ_REFUSED };
struct arch_rseq {
    _Alignas(32) uint32_t kernels[8];
    enum arch_rseq_state state;
};
extern _Thread_local struct arch_rseq arch_rseq __attribute__((visibility("hidden")));

static inline bool arch_rseq_ready(void)
{
    if (arch_rseq.state == ARCH_RSEQ_UNKNOWN) {
        long refused = arch_syscall(SYS_rseq, (long)arch_rseq.kernels, sizeof arch_rseq.kernels, 0,
                                    ARCH_RSEQ_SIGNATURE, 0, 0);
        arch_rseq.state = refused ? ARCH_RSEQ_REFUSED : ARCH_RSEQ_REGISTERED;
    }
    return arch_rseq.state == ARCH_RSEQ_REGISTERED;
}

#define ARCH_RSEQ_CS "arch_rseq@tpoff+8"
#define ARCH_RSEQ_OPERAND "i"(0)
#else
/* glibc's, since 2.35. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));

/* Is there an area for the calling thread, so that arch_store_if may be used? */
static inline bool arch_rseq_ready(void)
{
    int32_t cpu;
    if (!&__rseq_offset || !&__rseq_size || __rseq_size == 0)
        return false;
    __asm__ volatile("movl %%fs:4(%1), %0" : "=r"(cpu) : "r"(__rseq_offset));
    return cpu >= 0;
}

#define ARCH_RSEQ_CS "8(%[area])"
#define ARCH_RSEQ_OPERAND "r"(__rseq_offset)
#endif

/*
 * In a restartable sequence: if *guard is `id` and *word is `old`, store `new` in *word, which is its
 * last touch of both. False if they are not, or if the sequence was aborted.
 */
static inline __attribute__((always_inline)) bool
arch_store_if(const uint64_t *guard, uint64_t id, uint32_t *word, uint32_t old, uint32_t new)
{
    __asm__ goto(
        ".pushsection __rseq_cs, \"aw\"\n\t"
        ".balign 32\n"
        "1:\t.long 0, 0\n\t"
        ".quad 2f, 3f - 2f, 4f\n\t"
        ".popsection\n\t"
        "leaq 1b(%%rip), %%rax\n\t"
        "movq %%rax, %%fs:" ARCH_RSEQ_CS "\n"
        "2:\tcmpq %[id], %[guard]\n\t"
        "jne %l[no]\n\t"
        "cmpl %[old], %[word]\n\t"
        "jne %l[no]\n\t"
        "movl %[new], %[word]\n"
        "3:\n\t"
        ".pushsection .text.rseq_abort, \"ax\"\n\t"
        /* the signature that the kernel looks for before the handler, in an instruction */
        ".byte 0x0f, 0xb9, 0x3d\n\t"
        ".long %c[signature]\n"
        "4:\tjmp %l[no]\n\t"
        ".popsection"
        :
        : [area] ARCH_RSEQ_OPERAND, [signature] "i"(ARCH_RSEQ_SIGNATURE), [guard] "m"(*guard),
          [id] "r"(id), [word] "m"(*word), [old] "i"(old), [new] "i"(new)
        : "rax", "memory", "cc"
        : no);
    return true;
no:
    return false;
}

#endif
