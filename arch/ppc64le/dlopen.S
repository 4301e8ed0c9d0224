/*
 * void *dlopen(const char *name, int flags): pthread/host/dlopen.h says what for. The caller has saved
 * its r2, as for any function of another object, so the last jump leaves it be.
 */
        .abiversion 2
        .text
        .globl  dlopen
        .type   dlopen, @function
dlopen:
        .cfi_startproc
0:      addis   2, 12, (.TOC. - 0b)@ha
        addi    2, 2, (.TOC. - 0b)@l
        .localentry dlopen, . - dlopen
        mflr    0
        std     0, 16(1)
        stdu    1, -64(1)
        .cfi_def_cfa_offset 64
        .cfi_offset lr, 16
        std     3, 32(1)
        std     4, 40(1)
        bl      host_next_dlopen
        nop
        std     3, 48(1)
        ld      3, 40(1)
        bl      host_dlopen_flags
        nop
        mr      4, 3
        ld      3, 32(1)
        ld      12, 48(1)
        addi    1, 1, 64
        .cfi_def_cfa_offset 0
        ld      0, 16(1)
        mtlr    0
        .cfi_restore lr
        cmpdi   12, 0
        beq     1f
        mtctr   12
        bctr
1:      li      3, 0
        blr
        .cfi_endproc
        .size   dlopen, . - dlopen
        .section .note.GNU-stack, "", @progbits
