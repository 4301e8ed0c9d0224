/* arch/arch_clone.h and arch/arch_cancel.h have the contracts. */
#include "../function.inc"
        .text

/*
 * long arch_clone(function %r2, stack %r3, flags %r4, argument %r5, parent_tid %r6,
 *                 thread_pointer 160(%r15), child_tid 168(%r15))
 * The kernel wants stack, flags, parent_tid, child_tid, thread_pointer in %r2 to %r6; of these %r6 is
 * the caller's. The child begins with a frame above which there is none.
 */
        function arch_clone
        stg     %r6, 48(%r15)
        .cfi_rel_offset %r6, 48
        nill    %r3, 0xfff8
        aghi    %r3, -176
        xc      0(8, %r3), 0(%r3)
        stg     %r2, 160(%r3)
        stg     %r5, 168(%r3)
        lgr     %r2, %r3
        lgr     %r3, %r4
        lgr     %r4, %r6
        lg      %r5, 168(%r15)
        lg      %r6, 160(%r15)
        lghi    %r1, 120
        svc     0
        ltgr    %r2, %r2
        jz      1f
        lg      %r6, 48(%r15)
        br      %r14
        /* The child: here its stack begins, for debuggers and unwinders. */
        .cfi_undefined %r14
1:      lg      %r1, 160(%r15)
        lg      %r2, 168(%r15)
        lghi    %r11, 0
        basr    %r14, %r1
        lghi    %r1, 1
        svc     0
        .short  0
        endfunction arch_clone

/* void arch_call_on(stack %r2, function %r3) */
        function arch_call_on
        .cfi_undefined %r14
        nill    %r2, 0xfff8
        aghi    %r2, -160
        xc      0(8, %r2), 0(%r2)
        lgr     %r15, %r2
        basr    %r14, %r3
        .short  0
        endfunction arch_call_on

/*
 * long arch_syscall_cancellable(cancelled %r2, number %r3, a %r4, b %r5, c %r6, d 160(%r15),
 *                               e 168(%r15), f 176(%r15))
 */
        function arch_syscall_cancellable
        stmg    %r6, %r7, 48(%r15)
        .cfi_rel_offset %r6, 48
        .cfi_rel_offset %r7, 56
        place   arch_cancel_begin
        icm     %r0, 15, 0(%r2)
        jnz     arch_cancel_out
        lgr     %r1, %r3
        lgr     %r2, %r4
        lgr     %r3, %r5
        lgr     %r4, %r6
        lg      %r5, 160(%r15)
        lg      %r6, 168(%r15)
        lg      %r7, 176(%r15)
        svc     0
        place   arch_cancel_end
        lmg     %r6, %r7, 48(%r15)
        br      %r14
        place   arch_cancel_out
        lmg     %r6, %r7, 48(%r15)
        lghi    %r2, -5000
        br      %r14
        endfunction arch_syscall_cancellable
        .section .note.GNU-stack, "", @progbits
