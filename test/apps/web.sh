# A web server and its clients, static on musl: more connections than workers, and a server that is
# asked to end while a worker waits for the rest of a request.
packages="gcc binutils musl-dev"
names="pthread_create pthread_join pthread_cancel pthread_setcancelstate pthread_mutex_lock
    pthread_cond_wait pthread_rwlock_rdlock pthread_key_create pthread_setspecific"
static="httpd httpload"

prepare()
{
    local file
    compile -Wall -Wextra "$here/static/httpd.c"
    link httpd "$objects/httpd.o"
    names="pthread_create pthread_join pthread_barrier_wait pthread_mutex_lock"
    compile -Wall -Wextra "$here/static/httpload.c"
    link httpload "$objects/httpload.o"
    mkdir "$shared/web"
    for file in {0..39}; do
        seq -f "file $file, line %g" $((file * 70)) >"$shared/web/f$file"
    done
}

answered()
{
    local reply
    printf 'GET /random/%s/0 HTTP/1.1\r\n\r\n' "$1" >&3
    read -r -t 10 reply <&3
    [ "$reply" = $'HTTP/1.1 200 OK\r' ]
}

check()
{
    local port
    serve httpd "$shared/web" >server
    poll 10 grep -qx 'port [0-9]*' server
    port=$(sed -n 's/^port //p' server)
    under httpload "$port" "$shared/web" 8 8 250 >output
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    answered 1
    printf 'GET /random/' >&3
    stop
    exec 3>&-
    sed 1d server >>output
    expect output 'responses 16000, .*' 'connections 65, requests 16001, refused [1-9][0-9]*, .*'
}
