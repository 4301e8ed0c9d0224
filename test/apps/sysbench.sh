# sysbench: threads that yield inside mutexes, and threads that run through many mutexes.
packages="sysbench"
names="pthread_mutex_lock pthread_mutex_unlock pthread_cond_wait pthread_cond_broadcast
    pthread_rwlock_wrlock"

check()
{
    under sysbench --threads=4 --events=20000 --time=0 threads --thread-yields=100 run \
        >output.threads
    cat output.threads
    expect output.threads ' *total number of events: +20000' \
        ' *events \(avg/stddev\): +5000\.0000/.*'

    under sysbench --threads=8 mutex --mutex-num=16 --mutex-locks=300000 --mutex-loops=500 run \
        >output.mutex
    cat output.mutex
    expect output.mutex ' *total number of events: +8' ' *events \(avg/stddev\): +1\.0000/0\.00'
}
