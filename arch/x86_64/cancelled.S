/*
 * void arch_cancelled(void *argument): call host_cancelled(argument) on a stack aligned as the ABI
 * wants it, whatever it was.
 */
        .text
        .globl  arch_cancelled
        .hidden arch_cancelled
        .type   arch_cancelled, @function
arch_cancelled:
        .cfi_startproc
        endbr64
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        and     $-16, %rsp
        call    host_cancelled
        leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   arch_cancelled, . - arch_cancelled
        .section .note.GNU-stack, "", @progbits
