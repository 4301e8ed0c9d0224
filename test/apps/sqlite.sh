# SQLite in serialized mode: two threads on one connection, then on one connection each.
packages="gcc libc6-dev libsqlite3-dev"
names="pthread_mutex_lock pthread_mutex_trylock pthread_mutex_unlock pthread_mutexattr_settype"

prepare()
{
    ${CC:-cc} -std=gnu11 -Wall -Wextra -O2 -pthread -o "$out/sqlite" "$here/sqlite.c" -lsqlite3
}

check()
{
    under "$out/sqlite" data.db >output
    cat output
    expect output 'serialized 1' 'one connection: rows 20000 of 20000 distinct, sum 199990000' \
        'one connection: counter 20000' 'two connections: counter 2000' \
        'two connections: [1-9][0-9]* reads, 0 torn' 'two connections: rows 2000' 'integrity ok'
}
