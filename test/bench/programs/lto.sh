# clang's link of 60 modules with ThinLTO, in lld's pool of two threads.
needs="clang ld.lld perl"
what="modules linked by clang -flto=thin"
modules=60

prepare()
{
    mkdir "$work/modules"
    run perl -e 'my ($folder, $modules) = @ARGV; for my $m (0 .. $modules - 1) {
        open my $file, ">", "$folder/$m.c" or die;
        my $next = ($m + 1) % $modules;
        print $file "int f${next}_0(int, int *);\n";
        for my $f (0 .. 19) {
            my $called = $f ? "f${m}_" . ($f - 1) : "f${next}_0";
            print $file "int f${m}_$f(int n, int *a) {\n",
                "    for (int i = 0; i < n; i++) a[i] = a[i] * $f + a[(i * 7) % n] - $m;\n",
                "    switch (n % 8) {\n",
                (map { "    case $_: a[$_] ^= n * $_ + $f; break;\n" } 0 .. 7),
                "    }\n    return n > 1 ? $called(n / 2, a) : a[0];\n}\n";
        }
        print $file "int main(int n, char **v) { int a[64] = {n}; (void)v; return f0_3(64, a); }\n"
            if !$m;
    }' "$work/modules" $modules
    local module
    for module in "$work"/modules/*.c; do
        run clang -O2 -flto=thin -c -o "${module%.c}.o" "$module"
    done
}

measure()
{
    under clang -O2 -flto=thin -fuse-ld=lld -Wl,--thinlto-jobs=2 -o "$work/program" \
        "$work"/modules/*.o
    result "$(awk "BEGIN { print $modules / $wall }")" $modules
}
