# memcached with four threads, under memcslap with four connections.
needs="memcached memcslap memcping"
what="GET"

measure()
{
    local port requests=30000
    port=$(free_port)
    serve memcached -l 127.0.0.1 -p "$port" -U 0 -t 4 -m 64 -u "$(id -un)"
    await memcping --servers="127.0.0.1:$port"
    load memcslap --servers="127.0.0.1:$port" --concurrency=4 --execute-number=$requests --test=get
    result "$(awk '/Time to +get/ { print $4 / $(NF - 1) }' "$work/output")" $((4 * requests))
    stop
}
