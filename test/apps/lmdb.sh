# LMDB, of which the Go package ships the C source, static on musl: see static/lmdb.c.
packages="gcc binutils musl-dev golang-github-bmatsuo-lmdb-go-dev"
names="pthread_create pthread_join pthread_self pthread_mutex_init pthread_mutex_lock
    pthread_mutex_consistent pthread_mutexattr_setpshared pthread_mutexattr_setrobust
    pthread_key_create pthread_getspecific pthread_setspecific"
static=lmdb

prepare()
{
    local source=/usr/share/gocode/src/github.com/bmatsuo/lmdb-go/lmdb
    compile -w "$source/mdb.c" "$source/midl.c"
    compile -Wall -Wextra -isystem "$source" "$here/static/lmdb.c"
    link lmdb "$objects"/*.o
}

check()
{
    under lmdb database >output
    expect output 'the other process: status 0' '18000 reads by 1200 threads, 0 torn' \
        '500 accounts, total 500000, checksum [0-9a-f]+'
}
