# bind's named with two threads, asked by dnsperf for names of its own.
needs="named dnsperf perl"
what="authoritative answers"

prepare()
{
    cat >"$work/zone" <<ZONE
\$TTL 3600
@ SOA ns hostmaster 1 3600 600 86400 3600
@ NS ns
ns A 127.0.0.1
ZONE
    run perl -e 'print "name$_ A 192.0.2.", $_ % 250, "\n" for 1 .. 2000'
    cat "$work/output" >>"$work/zone"
    run perl -e 'print "name", $_ * 7 % 2100, ".example A\n" for 1 .. 2000'
    mv "$work/output" "$work/queries"
}

measure()
{
    local port
    port=$(free_port)
    cat >"$work/named.conf" <<CONF
options {
    directory "$work";
    listen-on port $port { 127.0.0.1; };
    listen-on-v6 { none; };
    pid-file none;
    session-keyfile none;
    recursion no;
    dnssec-validation no;
};
controls { };
zone "example" { type primary; file "zone"; };
CONF
    serve named -g -n 2 -c "$work/named.conf"
    await grep -q "running" "$work/server"
    load dnsperf -s 127.0.0.1 -p "$port" -d "$work/queries" -c 8 -l 3
    # shellcheck disable=SC2046
    result $(awk '/Queries completed:/ { n = $3 } /Queries per second:/ { print $4, n }' "$work/output")
    stop
}
