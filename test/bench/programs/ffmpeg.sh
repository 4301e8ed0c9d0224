# ffmpeg that decodes and encodes with four threads each, a frame a thread.
needs="ffmpeg"
what="frames of 640x360, H.264 to H.264"
frames=200

prepare()
{
    run ffmpeg -y -f lavfi -i testsrc2=size=640x360:rate=25 -frames:v $frames -c:v libx264 \
        -preset veryfast "$work/film.mkv"
}

measure()
{
    under ffmpeg -y -threads 4 -thread_type frame -i "$work/film.mkv" -c:v libx264 -preset veryfast \
        -threads 4 -f null -
    result "$(awk "BEGIN { print $frames / $wall }")" $frames
}
