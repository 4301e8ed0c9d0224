# Two threads that insert into SQLite on one connection.
needs="${CC:-cc} sqlite3.h"
what="inserts"

prepare()
{
    run ${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -pthread -o "$work/insert" "$here/insert.c" -lsqlite3
}

measure()
{
    under "$work/insert"
    result "$(cat "$work/output")" 2000000
}
