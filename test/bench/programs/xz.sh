# xz with two threads.
needs="xz perl"
what="megabytes compressed"

prepare()
{
    # A megabyte of text and a megabyte of noise, 25 times, the same in every run.
    run perl -e 'srand 1; for my $m (1 .. 25) {
        print substr(join("", map { "$m: line $_ of the file\n" } 1 .. 60000), 0, 1 << 20);
        print pack("N*", map { rand 2**32 } 1 .. 1 << 18) }'
    mv "$work/output" "$work/corpus"
}

measure()
{
    local megabytes
    megabytes=$(awk "BEGIN { print $(stat -c %s "$work/corpus") / 1e6 }")
    under xz -1 -T2 --block-size=1MiB --stdout "$work/corpus"
    result "$(awk "BEGIN { print $megabytes / $wall }")" "$megabytes"
}
