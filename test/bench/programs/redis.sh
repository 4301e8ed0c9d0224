# redis-server with two threads for its connections, under redis-benchmark.
needs="redis-server redis-benchmark redis-cli"
what="SET and GET"

measure()
{
    local port requests=150000
    port=$(free_port)
    serve redis-server --port "$port" --bind 127.0.0.1 --daemonize no --dir "$work" --save '' \
        --appendonly yes --appendfsync everysec --io-threads 2 --io-threads-do-reads yes
    await redis-cli -h 127.0.0.1 -p "$port" ping
    load redis-benchmark -h 127.0.0.1 -p "$port" -c 50 -P 8 -n $requests --csv -t set,get
    # shellcheck disable=SC2046
    result $(awk -F'"' -v n=$requests '
        $2 == "SET" || $2 == "GET" { seconds += 1 / $4; rows++; late = $14 > late ? $14 : late }
        END { print rows / seconds, rows * n, late }' "$work/output")
    stop
    rm -rf "$work"/appendonlydir
}
