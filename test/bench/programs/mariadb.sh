# mariadbd under sysbench's read-write transactions, by eight connections through a unix socket.
needs="mariadbd sysbench"
what="transactions of oltp_read_write"

# Without a database of its own that would say who may do what.
start()
{
    serve mariadbd --no-defaults --user="$(id -un)" --datadir="$1" --socket="$work/socket" \
        --pid-file="$work/pid" --skip-networking --skip-log-bin --skip-grant-tables --init-file="$work/init.sql" \
        --innodb-buffer-pool-size=128M --innodb-log-file-size=64M --innodb-flush-log-at-trx-commit=0
    await test -S "$work/socket"
}

bench()
{
    "$@" --db-driver=mysql --mysql-socket="$work/socket" --mysql-user=root --mysql-db=bench \
        --tables=4 --table-size=10000
}

prepare()
{
    echo "CREATE DATABASE IF NOT EXISTS bench;" >"$work/init.sql"
    mkdir "$work/made"
    start "$work/made"
    bench run sysbench oltp_read_write prepare
    stop
}

measure()
{
    rm -rf "$work/data"
    cp -r "$work/made" "$work/data"
    start "$work/data"
    bench load sysbench oltp_read_write run --threads=8 --time=4 --percentile=99 --rand-seed=1
    # shellcheck disable=SC2046
    result $(awk '/transactions:/ { n = $2; each = substr($3, 2) } /99th percentile:/ { late = $3 }
        END { print each, n, late }' "$work/output")
    stop
}
