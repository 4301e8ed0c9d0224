/* arch/arch_clone.h and arch/arch_cancel.h have the contracts. */
#include "markings.inc"
#include "../function.inc"
        .text

/*
 * long arch_clone(function x0, stack x1, flags x2, argument x3, parent_tid x4, thread_pointer x5,
 *                 child_tid x6)
 * The kernel wants flags, stack, parent_tid, thread_pointer, child_tid in x0 to x4.
 */
        function arch_clone
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
        endfunction arch_clone

/* void arch_call_on(stack x0, function x1) */
        function arch_call_on
        ENTRY
        .cfi_undefined x30
        and     x0, x0, #-16
        mov     sp, x0
        mov     x29, #0
        blr     x1
        brk     #0
        endfunction arch_call_on

/* long arch_syscall_cancellable(cancelled x0, number x1, a x2, b x3, c x4, d x5, e x6, f x7) */
        function arch_syscall_cancellable
        ENTRY
        mov     x9, x0
        mov     x8, x1
        mov     x0, x2
        mov     x1, x3
        mov     x2, x4
        mov     x3, x5
        mov     x4, x6
        mov     x5, x7
        place   arch_cancel_begin
        ldr     w9, [x9]
        cbnz    w9, arch_cancel_out
        svc     #0
        place   arch_cancel_end
        ret
        place   arch_cancel_out
        mov     x0, #-5000
        ret
        endfunction arch_syscall_cancellable
