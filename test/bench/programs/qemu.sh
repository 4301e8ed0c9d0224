# qemu emulating two processors, a thread each, that take its one lock for every access to a port.
needs="qemu-system-x86_64 ${CC:-cc}"
what="accesses to a port by 2 processors"

prepare()
{
    run ${CC:-cc} -m32 -static -nostdlib -no-pie -Wl,-Ttext=0x100000 -Wl,--build-id=none \
        -o "$work/image" "$here/ports.S"
}

measure()
{
    under qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 32 -nodefaults -display none \
        -kernel "$work/image"
    # 1,000,000 by each: see ports.S.
    result "$(awk "BEGIN { print 2000000 / $wall }")" 2000000
}
