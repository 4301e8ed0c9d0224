# RocksDB's db_bench: eight threads read while one writes.
needs="db_bench"
what="reads while a thread writes"

in_base()
{
    "$@" --db="$work/base" --num=200000 --value_size=100 --cache_size=67108864 --disable_wal=true \
        --compression_type=none --seed=1 --histogram=1
}

prepare()
{
    in_base run db_bench --benchmarks=fillrandom
    mv "$work/base" "$work/made"
}

measure()
{
    rm -rf "$work/base"
    cp -r "$work/made" "$work/base"
    in_base under db_bench --use_existing_db=1 --benchmarks=readwhilewriting --threads=8 --duration=3
    # shellcheck disable=SC2046
    result $(awk '$1 == "readwhilewriting" { for (i = 1; i < NF; i++) {
                if ($(i + 1) == "ops/sec") each = $i
                if ($(i + 1) == "operations;") n = $i } }
        /^Percentiles:/ && !late { for (i = 1; i < NF; i++) if ($i == "P99:") late = $(i + 1) / 1000 }
        END { print each, n, late }' "$work/output")
}
