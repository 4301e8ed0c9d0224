# pigz, whose compressing, writing and checking threads hand each other small blocks.
packages="pigz gzip"
names="pthread_mutex_lock pthread_cond_wait pthread_cond_broadcast"

prepare()
{
    corpus
}

check()
{
    under pigz -1 -p 2 -b 64 <"$corpus" >packed.gz
    # The file must be right for others too, not only for pigz itself.
    gzip -dc packed.gz | cmp "$corpus" -
    under pigz -d -p 2 <packed.gz >unpacked
    cmp "$corpus" unpacked
}
