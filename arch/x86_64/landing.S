/* void arch_land(struct arch_landing *landing): arch_landing.h has the contract. */
        .text
        .globl  arch_land
        .hidden arch_land
        .type   arch_land, @function
arch_land:
        .cfi_startproc
        endbr64
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        and     $-16, %rsp
        call    *(%rdi)
        leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   arch_land, . - arch_land
        .section .note.GNU-stack, "", @progbits
