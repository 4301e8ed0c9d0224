# memcached with four worker threads, and a client of our own that knows every right answer.
packages="memcached python3"
names="pthread_mutex_lock pthread_mutex_trylock pthread_cond_wait pthread_cond_signal"

check()
{
    local port
    port=$(free_port)
    serve memcached -l 127.0.0.1 -p "$port" -U 0 -t 4 -m 64 -u "$(id -un)"
    timeout 50 python3 "$here/memcached.py" "$port" >answers
    cat answers
    expect answers 'threads 4' 'wrong 0' 'sets 80000' 'gets 80000' 'counter 40000' \
        'cas 4000' 'evicted and refilled'
    stop
}
