# git repack with four threads that look for deltas.
needs="git perl"
what="objects repacked"

# A history of 300 commits, each of them changing two of 40 files; the same in every run.
prepare()
{
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 HOME="$work"
    run git init -q --bare "$work/history"
    run perl -e 'srand 1;
        my @files = map { my $f = $_; [map { "file $f line $_: " . int(rand 1e9) . "\n" } 1 .. 400] } 1 .. 40;
        for my $n (1 .. 300) {
            print "commit refs/heads/main\ncommitter A <a\@b> $n +0000\ndata ", 1 + length $n, "\n$n\n";
            for my $f ($n == 1 ? 0 .. 39 : map { int rand 40 } 1, 2) {
                $files[$f][rand 400] = "changed $n: " . int(rand 1e9) . "\n" for 1 .. 5;
                my $text = join "", @{$files[$f]};
                print "M 100644 inline file$f\ndata ", length $text, "\n$text\n";
            }
        }'
    mv "$work/output" "$work/stream"
    run sh -c 'git -C "$1" fast-import --quiet <"$2"' - "$work/history" "$work/stream"
    run git -C "$work/history" count-objects -v
    objects=$(awk '/^(count|in-pack):/ { n += $2 } END { print n }' "$work/output")
}

measure()
{
    under git -C "$work/history" -c pack.threads=4 repack -q -a -d -f --depth=50 --window=150
    result "$(awk "BEGIN { print $objects / $wall }")" "$objects"
}
