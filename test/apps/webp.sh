# cwebp and dwebp, of which a Go package ships the C source, static on musl: the encoder analyses in
# two threads, the decoder hands each row of blocks to a second thread.
packages="gcc binutils musl-dev golang-github-bep-gowebp-dev"
names="pthread_create pthread_join pthread_mutex_lock pthread_mutex_unlock pthread_cond_wait
    pthread_cond_signal"
static="cwebp dwebp"

prepare()
{
    local webp=/usr/share/gocode/src/github.com/bep/gowebp/libwebp_src program
    compile -w -DWEBP_USE_THREAD -I"$webp" -I"$webp/src" "$webp"/src/{dec,demux,dsp,enc,mux,utils}/*.c \
        "$webp"/sharpyuv/*.c "$webp"/imageio/*.c "$webp"/examples/{example_util,cwebp,dwebp}.c
    mkdir programs
    mv "$objects"/{c,d}webp.o programs
    for program in $static; do
        link $program programs/$program.o "$objects"/*.o
    done
    # Waves, with noise on them, and a transparent disc.
    perl -e 'srand 1; my ($w, $h) = (1000, 800);
        print "P7\nWIDTH $w\nHEIGHT $h\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n";
        for my $y (0 .. $h - 1) { for my $x (0 .. $w - 1) {
            my $noise = $x > $w / 2 ? rand 40 : 0;
            print pack("C4", 100 + 80 * sin($x / 30) + $noise, 100 + 80 * sin($y / 20) + $noise,
                ($x ^ $y) & 255, ($x - 300) ** 2 + ($y - 300) ** 2 < 40000 ? ($x * 3) & 255 : 255) } }' \
        >"$shared/image.pam"
}

check()
{
    local options
    for options in "-q 80" "-q 60 -m 6 -segments 4 -f 60 -sharp_yuv" "-lossless -m 3"; do
        # shellcheck disable=SC2086
        under cwebp -quiet -mt $options "$shared/image.pam" -o packed.webp
        under dwebp -quiet -mt packed.webp -pam -o threaded.pam
        under dwebp -quiet packed.webp -pam -o single.pam
        cmp threaded.pam single.pam
        cksum packed.webp threaded.pam
    done >output
}
