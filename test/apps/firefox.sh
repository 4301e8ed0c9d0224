# Firefox without a display: it draws a local page and saves what it drew. Not as root, who gets no
# sandbox: its content processes come from a bare clone(2), lock at once, and shut themselves in.
packages="firefox-esr python3 util-linux"
names="pthread_mutex_lock pthread_mutex_trylock pthread_cond_wait pthread_cond_timedwait
    pthread_cond_signal pthread_rwlock_rdlock pthread_once pthread_getspecific sem_wait sem_post"
limit=120

check()
{
    local home=$PWD/home
    mkdir home
    cp "$here/firefox.html" page.html
    if [ "$(id -u)" -eq 0 ]; then
        command -v setpriv >/dev/null || skip "there is no setpriv to stop being root with"
        as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        # Every process of the browser opens the library and a file for the loader's notes.
        [ -z "$library" ] || { cp "$library" "$work" && library=$work/${library##*/}; }
        chmod a+rx "$shared/.." . page.html ${library:+"$library"}
        chmod a+rwxt "$work"
        chown 65534:65534 home
        "${as[@]}" test -w home || skip "nobody cannot reach $home"
    fi
    HOME=$home MOZ_SANDBOX_LOGGING=1 under firefox-esr --headless --no-remote \
        --window-size 400,300 --screenshot "$home/page.png" "file://$PWD/page.html" >output 2>&1
    grep -E 'using seccomp|rror' output || true
    expect output '\[[0-9]+\] Sandbox: using seccomp tsync'
    # The four quarters that the page's script has painted, and nothing else.
    python3 "$here/firefox.py" home/page.png >drawn
    cat drawn
    expect drawn '400 x 300: 1e90ff ffa500 228b22 8b008b'
}
