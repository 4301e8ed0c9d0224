# Node's pool of threads: short calls of crypto.pbkdf2, sixteen at a time.
needs="node"
what="crypto.pbkdf2 of 100 iterations"

measure()
{
    under env UV_THREADPOOL_SIZE=4 node "$here/pool.js"
    # shellcheck disable=SC2046
    result $(cat "$work/output")
}
