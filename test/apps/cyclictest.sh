# cyclictest: two real-time threads that start together at a barrier and hand their news to the
# main thread through a cond. Its latencies are the machine's affair and are not judged.
packages="rt-tests util-linux"
names="pthread_barrier_wait pthread_mutex_lock pthread_cond_wait pthread_cond_signal"
limit=30

check()
{
    chrt -f 80 true 2>/dev/null || skip "the kernel refuses SCHED_FIFO here"
    under cyclictest --threads=2 --priority=80 --interval=1000 --distance=0 --loops=2000 \
        --aligned=100 --refresh_on_max --json=result >output
    tr '\033' '\n' <output
    cat result
    # Thread 0 ends the run, wherever thread 1 is by then.
    expect result ' *"return_code": 0,' ' *"num_threads": 2,' ' *"cycles": 2000,'
    awk '$1 == "\"cycles\":" && $2 + 0 < 1000 { exit 1 }' result || fail "a thread fell behind"
}
