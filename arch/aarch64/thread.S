/* arch/arch_clone.h and arch/arch_cancel.h have the contracts. */
#include "markings.inc"
        .text

/*
 * long arch_clone(function x0, stack x1, flags x2, argument x3, parent_tid x4, thread_pointer x5,
 *                 child_tid x6)
 * The kernel wants flags, stack, parent_tid, thread_pointer, child_tid in x0 to x4.
 */
        .globl  arch_clone
        .hidden arch_clone
        .type   arch_clone, %function
arch_clone:
        .cfi_startproc
        ENTRY
        and     x1, x1, #-16
        stp     x0, x3, [x1, #-16]!
        mov     x0, x2
        mov     x2, x4
        mov     x3, x5
        mov     x4, x6
        mov     x8, #220
        svc     #0
        cbz     x0, 1f
        ret
        /* The child: here its stack begins, for debuggers and unwinders. */
        .cfi_undefined x30
1:      mov     x29, #0
        mov     x30, #0
        ldp     x1, x0, [sp], #16
        blr     x1
        mov     x8, #93
        svc     #0
        brk     #0
        .cfi_endproc
        .size   arch_clone, . - arch_clone

/* void arch_call_on(stack x0, function x1) */
        .globl  arch_call_on
        .hidden arch_call_on
        .type   arch_call_on, %function
arch_call_on:
        .cfi_startproc
        ENTRY
        .cfi_undefined x30
        and     x0, x0, #-16
        mov     sp, x0
        mov     x29, #0
        blr     x1
        brk     #0
        .cfi_endproc
        .size   arch_call_on, . - arch_call_on

/* long arch_syscall_cancellable(cancelled x0, number x1, a x2, b x3, c x4, d x5, e x6, f x7) */
        .globl  arch_syscall_cancellable
        .hidden arch_syscall_cancellable
        .type   arch_syscall_cancellable, %function
        .globl  arch_cancel_begin
        .hidden arch_cancel_begin
        .globl  arch_cancel_end
        .hidden arch_cancel_end
        .globl  arch_cancel_out
        .hidden arch_cancel_out
arch_syscall_cancellable:
        .cfi_startproc
        ENTRY
        mov     x9, x0
        mov     x8, x1
        mov     x0, x2
        mov     x1, x3
        mov     x2, x4
        mov     x3, x5
        mov     x4, x6
        mov     x5, x7
arch_cancel_begin:
        ldr     w9, [x9]
        cbnz    w9, arch_cancel_out
        svc     #0
arch_cancel_end:
        ret
arch_cancel_out:
        mov     x0, #-5000
        ret
        .cfi_endproc
        .size   arch_syscall_cancellable, . - arch_syscall_cancellable
