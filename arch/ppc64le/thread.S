/* arch/arch_clone.h and arch/arch_cancel.h have the contracts. */
        .abiversion 2
#include "../function.inc"
        .text

/*
 * long arch_clone(function r3, stack r4, flags r5, argument r6, parent_tid r7, thread_pointer r8,
 *                 child_tid r9)
 * The kernel wants flags, stack, parent_tid, thread_pointer, child_tid in r3 to r7. The child begins
 * with a frame above which there is none.
 */
        function arch_clone
        clrrdi  4, 4, 4
        addi    4, 4, -48
        li      0, 0
        std     0, 0(4)
        std     3, 32(4)
        std     6, 40(4)
        mr      3, 5
        mr      5, 7
        mr      6, 8
        mr      7, 9
        li      0, 120
        sc
        bns+    1f
        neg     3, 3
        blr
1:      cmpdi   3, 0
        bnelr
        /* The child: here its stack begins, for debuggers and unwinders. */
        .cfi_undefined lr
        ld      12, 32(1)
        ld      3, 40(1)
        mtctr   12
        bctrl
        li      0, 1
        sc
        trap
        endfunction arch_clone

/* void arch_call_on(stack r3, function r4) */
        function arch_call_on
        .cfi_undefined lr
        clrrdi  3, 3, 4
        addi    3, 3, -32
        li      0, 0
        std     0, 0(3)
        mr      1, 3
        mr      12, 4
        mtctr   12
        bctrl
        trap
        endfunction arch_call_on

/* long arch_syscall_cancellable(cancelled r3, number r4, a r5, b r6, c r7, d r8, e r9, f r10) */
        function arch_syscall_cancellable
        mr      11, 3
        mr      0, 4
        mr      3, 5
        mr      4, 6
        mr      5, 7
        mr      6, 8
        mr      7, 9
        mr      8, 10
        place   arch_cancel_begin
        lwz     12, 0(11)
        cmpwi   12, 0
        bne-    arch_cancel_out
        sc
        place   arch_cancel_end
        bnslr+
        neg     3, 3
        blr
        place   arch_cancel_out
        li      3, -5000
        blr
        endfunction arch_syscall_cancellable
        .section .note.GNU-stack, "", @progbits
