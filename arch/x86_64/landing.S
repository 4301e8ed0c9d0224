/* void arch_land(struct arch_landing *landing): arch_landing.h has the contract. */
#include "../function.inc"
        .text
        function arch_land
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
        endfunction arch_land
        .section .note.GNU-stack, "", @progbits
