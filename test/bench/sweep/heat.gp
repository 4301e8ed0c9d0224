# What sweep/run --out wrote, as a heat map of Furwock's time over libc's: a cell a point.
#
#     gnuplot -c heat.gp FIGURES.tsv PLOT.svg

if (ARGC < 2) {
    print "usage: gnuplot -c heat.gp FIGURES.tsv PLOT.svg"
    exit status 2
}
cells = sprintf("< awk -f '%s/heat.awk' '%s'", system(sprintf("dirname '%s'", ARG0)), ARG1)

stats cells index 6 using 1 name "right" nooutput
if (!exists("right_max")) {
    print sprintf("%s has no figures of furwock", ARG1)
    exit status 1
}
stats cells index 6 using 2 name "bottom" nooutput
right = right_max
bottom = bottom_max

# Cells of one size, and around them room for the words.
wide = 22
high = 13
width = wide * (right + 6.5)
height = high * (bottom + 14)
set terminal svg size width, height font "Helvetica,11" background rgb "#ffffff"
set output ARG2
set lmargin at screen 0
set rmargin at screen 1
set tmargin at screen 1
set bmargin at screen 0
set xrange [-5.3 : right + 1.2]
set yrange [bottom + 7 : -7]
middle = (right - 4.1) / 2
set label "Time a section, Furwock / libc. Rows: turns inside; columns: outside." at middle, -5.5 center font ",14"
machine = system(sprintf("sed -n '1s/^# //p' '%s' | fold -s -w %d", ARG1, width / 5))
set label machine at middle, -4.1 center font ",9" noenhanced tc rgb "#777777"
unset key
unset border
unset xtics
unset ytics
set style fill solid 1.0 noborder

# From a quarter of the time to four times as long; beyond that it is as at the ends.
set palette defined (-2 "#1f4e9c", -1 "#6fa8dc", -0.15 "#e3eef8", 0 "#f4f4f4", 0.15 "#fbe9d6", \
    1 "#e08a3c", 2 "#a33a12")
set cbrange [-2 : 2]
set cbtics ("1/4" -2, "1/2" -1, "1" 0, "2" 1, "4" 2) scale 0
set colorbox horizontal user origin screen 0.35, screen 2.0 * high / height \
    size screen 0.4, screen 0.8 * high / height

limited(x) = x < -2 ? -2 : x > 2 ? 2 : x
plot cells index 0 using 1:2:($1 - 0.5):($1 + 0.5):($2 - 0.5):($2 + 0.5) \
         :(limited(log($3) / log(2))) with boxxyerror lc palette, \
     cells index 1 using 1:2:3 with labels right font ",11", \
     cells index 2 using 1:2:3 with labels right font ",8" tc rgb "#777777", \
     cells index 3 using 1:2:(sprintf("%d threads", $3)) with labels center font ",10", \
     cells index 4 using 1:2:3 with labels right rotate by 90 font ",8" tc rgb "#777777", \
     cells index 5 using 1:2:3 with labels center font ",11"
