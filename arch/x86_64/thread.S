/* arch_thread.h has the contract of both. */
#include "../function.inc"
        .text

/*
 * long arch_clone(function rdi, stack rsi, flags rdx, argument rcx, parent_tid r8,
 *                 thread_pointer r9, child_tid 8(%rsp))
 * The kernel wants flags, stack, parent_tid, child_tid, thread_pointer in rdi, rsi, rdx, r10, r8.
 */
        function arch_clone
        endbr64
        and     $-16, %rsi
        sub     $16, %rsi
        mov     %rdi, (%rsi)
        mov     %rcx, 8(%rsi)
        mov     %rdx, %rdi
        mov     %r8, %rdx
        mov     8(%rsp), %r10
        mov     %r9, %r8
        mov     $56, %eax
        syscall
        test    %eax, %eax
        jz      1f
        ret
        /* The child: here its stack begins, for debuggers and unwinders. */
        .cfi_undefined %rip
1:      xor     %ebp, %ebp
        pop     %rax
        pop     %rdi
        call    *%rax
        mov     %eax, %edi
        mov     $60, %eax
        syscall
        hlt
        endfunction arch_clone

/* void arch_call_on(stack rdi, function rsi) */
        function arch_call_on
        endbr64
        .cfi_undefined %rip
        and     $-16, %rdi
        mov     %rdi, %rsp
        xor     %ebp, %ebp
        call    *%rsi
        hlt
        endfunction arch_call_on

/* long arch_syscall_cancellable(cancelled rdi, number rsi, a rdx, b rcx, c r8, d r9, e, f) */
        function arch_syscall_cancellable
        endbr64
        mov     %rdi, %r11
        mov     %rsi, %rax
        mov     %rdx, %rdi
        mov     %rcx, %rsi
        mov     %r8, %rdx
        mov     %r9, %r10
        mov     8(%rsp), %r8
        mov     16(%rsp), %r9
        place   arch_cancel_begin
        cmpl    $0, (%r11)
        jne     arch_cancel_out
        syscall
        place   arch_cancel_end
        ret
        place   arch_cancel_out
        mov     $-5000, %rax
        ret
        endfunction arch_syscall_cancellable
        .section .note.GNU-stack, "", @progbits
