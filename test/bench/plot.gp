# What `bench --out` wrote, as a bar chart of the ratios to libc.
#
#     gnuplot -c plot.gp FIGURES.tsv PLOT.svg [LIBRARY]
#
# LIBRARY is a name in the file's second column: furwock, or that of a --peer. Where the file has a
# peer "asymmetric", its wall times are marked beside those of furwock.

if (ARGC < 2) {
    print "usage: gnuplot -c plot.gp FIGURES.tsv PLOT.svg [LIBRARY]"
    exit status 2
}
figures = ARG1
library = ARGC > 2 ? ARG3 : "furwock"

set datafile separator "\t"
set datafile missing "NaN"

# The rows of this library that were measured, in the order of the file; added are the wall
# ratio of asymmetric, or else of this library again, and whether it is of asymmetric.
selected = sprintf("< awk 'BEGIN { FS = OFS = \"\\t\" } \
    NR == FNR { if ($2 == \"asymmetric\") other[$1] = $10; next } \
    $2 == \"%s\" && $10 != \"NaN\" { \
        $19 = $2 == \"furwock\" && other[$1] != \"\" && other[$1] != \"NaN\"; \
        $18 = $19 ? other[$1] : $10; print }' '%s' '%s'", \
    library, figures, figures)
stats selected using 10 name "wall" nooutput
stats selected using 11 name "cpu" nooutput
stats selected using 18 name "other" nooutput
stats selected using 19 name "has_other" nooutput
if (!exists("wall_records") || !exists("cpu_records")) {
    print sprintf("%s has no figures of %s", figures, library)
    exit status 1
}
rows = int(wall_records)

# As wide as the figures ask, but never so narrow that noise looks like a result; and to the right
# of them two columns with the ratios in numbers.
min(a, b) = a < b ? a : b
max(a, b) = a > b ? a : b
lowest = min(0.45, 0.9 * min(other_min, min(wall_min, cpu_min)))
highest = max(2.2, 1.1 * max(other_max, max(wall_max, cpu_max)))
across(part) = lowest * (highest / lowest) ** (part / 0.84)
wall_column = across(0.932)
cpu_column = across(1.0)

set terminal svg size 860, 140 + 15 * rows font "Helvetica,11" background rgb "#ffffff"
set output ARG2
set lmargin at screen 0.24
set rmargin at screen 0.97
set tmargin 5
set bmargin 2.5
set title sprintf("Time per operation, %s / libc. Left of 1.0 is faster.", library) \
    font ",14" offset 0, 1
set key at graph 0.38, graph 1.003 center bottom horizontal maxrows 1 samplen 1.5 width 1

set logscale x
set xrange [lowest:cpu_column]
set yrange [rows - 0.3 : -0.7]
set xtics nomirror textcolor rgb "#222222"
set xtics (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 1, 1.4, 2, 5, 10, 20, 50, 100)
set ytics scale 0 font ",10" textcolor rgb "#222222"
set border 1 lc rgb "#888888"
set grid xtics lc rgb "#e4e4e4" lt 1
set style fill solid 1.0 noborder
set arrow from 1, graph 0 to 1, graph 1 nohead front lc rgb "#222222" lw 1.5
set label "wall" at wall_column, graph 1.003 right offset 0, 0.5 font ",10"
set label "CPU" at cpu_column, graph 1.003 right offset 0, 0.5 font ",10"

half = 0.36
faster = 0x3b7dd8
slower = 0xd9822b
asymmetric = 0x2e8b57
colour(ratio) = ratio <= 1 ? faster : slower
text(ratio) = sprintf(ratio < 0.0995 ? "%.3f" : "%.2f", ratio)

plot selected using (1):0:(min(1, $10)):(max(1, $10)):($0 - half):($0 + half) \
                    :(colour($10)):ytic(1) \
         with boxxyerror lc rgb variable notitle, \
     selected using 11:0 with points pt 7 ps 0.55 lc rgb "#ffffff" notitle, \
     selected using 11:0 with points pt 7 ps 0.4 lc rgb "#222222" title "CPU time", \
     selected using ($19 > 0 ? $18 : NaN):0 with points pt 13 ps 0.8 lc rgb "#ffffff" notitle, \
     selected using ($19 > 0 ? $18 : NaN):0 with points pt 13 ps 0.6 lc rgb asymmetric notitle, \
     selected using (wall_column):0:(text($10)) \
         with labels right font ",9" tc rgb "#222222" notitle, \
     selected using (cpu_column):0:(text($11)) \
         with labels right font ",9" tc rgb "#777777" notitle, \
     NaN with boxes lc rgb faster title "wall time, faster", \
     NaN with boxes lc rgb slower title "wall time, slower", \
     NaN with points pt 13 ps (has_other_max > 0 ? 0.7 : 0) lc rgb asymmetric \
         title (has_other_max > 0 ? "FURWOCK=asymmetric" : "")
