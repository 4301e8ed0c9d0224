/* For qemu -kernel: two processors write to a port, 1,000,000 times each; then the machine is off. */
#define TIMES 1000000
#define PORT 0x80
#define DONE 0x7000
#define SECOND 0x8000
#define APIC_COMMAND 0xfee00300

    .section .text
    .align 4
    /* How a loader knows an image of the multiboot kind. */
    .long 0x1badb002, 0, -0x1badb002

    .globl _start
_start:
    cli
    movl $0, DONE
    mov $second, %esi
    mov $SECOND, %edi
    mov $second_end - second, %ecx
    rep movsb
    /* All processors but this one: to their beginning, and from there to SECOND. */
    movl $0xc4500, APIC_COMMAND
    movl $0xc4600 + (SECOND >> 12), APIC_COMMAND
    movl $0xc4600 + (SECOND >> 12), APIC_COMMAND
    mov $TIMES, %ecx
1:  out %al, $PORT
    dec %ecx
    jnz 1b
    lock incl DONE
2:  pause
    cmpl $2, DONE
    jne 2b
    /* Off, by ACPI. */
    mov $0x604, %dx
    mov $0x2000, %ax
    out %ax, %dx
3:  hlt
    jmp 3b

    .code16
second:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov $TIMES, %ecx
1:  out %al, $PORT
    dec %ecx
    jnz 1b
    lock incl DONE
2:  hlt
    jmp 2b
second_end:

    .section .note.GNU-stack, "", @progbits
