# xz, compressing and decompressing in two threads.
packages="xz-utils"
names="pthread_mutex_lock pthread_cond_wait pthread_cond_signal"

prepare()
{
    corpus
}

check()
{
    under xz -1 -T2 <"$corpus" >packed.xz
    xz --robot --list packed.xz | awk '$1 == "totals" { exit !($3 > 1) }' ||
        fail "one block: nothing ran in parallel"
    under xz -d -T2 <packed.xz >unpacked
    cmp "$corpus" unpacked
}
