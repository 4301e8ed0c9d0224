# unbound with two threads, asked by dnsperf for local names.
needs="unbound dnsperf perl"
what="answers of local data"

prepare()
{
    run perl -e 'print qq(local-data: "name$_.example. A 192.0.2.1"\n) for 1 .. 2000'
    mv "$work/output" "$work/names"
    run perl -e 'print "name", $_ * 7 % 2100, ".example A\n" for 1 .. 2000'
    mv "$work/output" "$work/queries"
}

measure()
{
    local port
    port=$(free_port)
    cat >"$work/unbound.conf" <<CONF
server:
interface: 127.0.0.1
port: $port
num-threads: 2
username: ""
chroot: ""
directory: "$work"
pidfile: ""
use-syslog: no
module-config: "iterator"
local-zone: "example." static
include: "$work/names"
remote-control:
control-enable: no
CONF
    serve unbound -d -c "$work/unbound.conf"
    await grep -q "start of service" "$work/server"
    load dnsperf -s 127.0.0.1 -p "$port" -d "$work/queries" -c 8 -l 3
    # shellcheck disable=SC2046
    result $(awk '/Queries completed:/ { n = $3 } /Queries per second:/ { print $4, n }' "$work/output")
    stop
}
