/* void *dlopen(const char *name, int flags): pthread/host/dlopen.h says what for. */
        .text
        .globl  dlopen
        .type   dlopen, @function
dlopen:
        .cfi_startproc
        endbr64
        push    %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        push    %rdi
        .cfi_adjust_cfa_offset 8
        push    %rsi
        .cfi_adjust_cfa_offset 8
        call    host_next_dlopen
        mov     %rax, %rbx
        pop     %rdi
        .cfi_adjust_cfa_offset -8
        push    %rdi
        .cfi_adjust_cfa_offset 8
        call    host_dlopen_flags
        mov     %eax, %esi
        mov     %rbx, %rax
        pop     %rdi
        .cfi_adjust_cfa_offset -8
        pop     %rdi
        .cfi_adjust_cfa_offset -8
        pop     %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        test    %rax, %rax
        jz      1f
        jmp     *%rax
1:      ret
        .cfi_endproc
        .size   dlopen, . - dlopen
        .section .note.GNU-stack, "", @progbits
