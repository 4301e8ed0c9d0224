# zstd, compressing in two threads and decompressing with its reader and writer threads.
packages="zstd"
names="pthread_mutex_lock pthread_cond_wait pthread_cond_signal pthread_cond_broadcast"

prepare()
{
    corpus
}

check()
{
    local level
    for level in 3 9; do
        under zstd -q -"$level" -T2 --check -c "$corpus" >packed.zst
        under zstd -q -d packed.zst -o unpacked
        cmp "$corpus" unpacked
        rm packed.zst unpacked
    done
}
