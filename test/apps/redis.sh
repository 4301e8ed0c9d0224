# redis-server with two I/O threads, its background threads (fsync of the append-only file,
# lazy freeing), and redis-benchmark in two threads.
packages="redis-server redis-tools"
names="pthread_mutex_lock pthread_mutex_unlock pthread_cond_wait pthread_cond_signal"
limit=90

client()
{
    redis-cli -h 127.0.0.1 -p "$port" "$@"
}

# The number that the server reports as $1.
info()
{
    client info | tr -d '\r' | awk -F: -v field="$1" '$1 == field { print $2 }'
}

lazily_freed()
{
    [ "$(info lazyfree_pending_objects)" = 0 ] && [ "$(info lazyfreed_objects)" -gt 0 ]
}

check()
{
    local port requests=50000 test
    port=$(free_port)
    serve redis-server --port "$port" --bind 127.0.0.1 --daemonize no --dir . --save '' \
        --appendonly yes --appendfsync everysec --io-threads 2 --io-threads-do-reads yes
    poll 10 client ping

    under redis-benchmark -h 127.0.0.1 -p "$port" --threads 2 -c 50 -n $requests --csv \
        -t set,incr,lpush,lpop >table
    cat table
    ! grep -i error table || fail "the benchmark met an error"
    for test in SET INCR LPUSH LPOP; do
        expect table "\"$test\",\"[1-9].*"
    done
    [ "$(client get counter:__rand_int__)" = $requests ] || fail "an INCR was lost or repeated"
    [ "$(client exists mylist)" = 0 ] || fail "as many LPOP as LPUSH left something in the list"
    [ "$(info io_threaded_reads_processed)" -gt 0 ] || fail "the I/O threads read nothing"
    [ "$(info io_threaded_writes_processed)" -gt 0 ] || fail "the I/O threads wrote nothing"

    seq 20000 | awk '{ print "SET key:" $1 " value:" $1 * 7 }' | client --pipe >pipe
    expect pipe 'errors: 0, replies: 20000'
    seq 20000 | awk '{ print "GET key:" $1 }' | client >values
    seq 20000 | awk '{ print "value:" $1 * 7 }' | cmp - values

    # A large set, unlinked, is freed by a background thread.
    seq 20000 | awk '{ print "SADD large " $1 }' | client --pipe >pipe
    expect pipe 'errors: 0, replies: 20000'
    [ "$(client scard large)" = 20000 ] || fail "SADD lost a member"
    [ "$(client unlink large)" = 1 ] || fail "UNLINK did not find the set"
    poll 10 lazily_freed
    stop
}
