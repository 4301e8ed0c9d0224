/* arch/arch_clone.h and arch/arch_cancel.h have the contracts. */
#include "../function.inc"
        .text

/*
 * long arch_clone(function a0, stack a1, flags a2, argument a3, parent_tid a4, thread_pointer a5,
 *                 child_tid a6)
 * The kernel wants flags, stack, parent_tid, thread_pointer, child_tid in a0 to a4.
 */
        function arch_clone
        andi    a1, a1, -16
        addi    a1, a1, -16
        sd      a0, 0(a1)
        sd      a3, 8(a1)
        mv      a0, a2
        mv      a2, a4
        mv      a3, a5
        mv      a4, a6
        li      a7, 220
        ecall
        beqz    a0, 1f
        ret
        /* The child: here its stack begins, for debuggers and unwinders. */
        .cfi_undefined ra
1:      li      s0, 0
        ld      a1, 0(sp)
        ld      a0, 8(sp)
        addi    sp, sp, 16
        jalr    a1
        li      a7, 93
        ecall
        ebreak
        endfunction arch_clone

/* void arch_call_on(stack a0, function a1) */
        function arch_call_on
        .cfi_undefined ra
        andi    sp, a0, -16
        li      s0, 0
        jalr    a1
        ebreak
        endfunction arch_call_on

/* long arch_syscall_cancellable(cancelled a0, number a1, a a2, b a3, c a4, d a5, e a6, f a7) */
        function arch_syscall_cancellable
        mv      t0, a0
        mv      t1, a1
        mv      a0, a2
        mv      a1, a3
        mv      a2, a4
        mv      a3, a5
        mv      a4, a6
        mv      a5, a7
        mv      a7, t1
        place   arch_cancel_begin
        lw      t0, 0(t0)
        bnez    t0, arch_cancel_out
        ecall
        place   arch_cancel_end
        ret
        place   arch_cancel_out
        li      a0, -5000
        ret
        endfunction arch_syscall_cancellable
        .section .note.GNU-stack, "", @progbits
