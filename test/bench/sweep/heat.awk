# The cells of the heat map and its words, in gnuplot's blocks, from what sweep/run --out wrote: cells
# (across, up, ratio), kinds, turns inside, threads, turns outside, CPUs.
BEGIN {
    FS = "\t"
    GAP = 0.6
}
$6 == "furwock" && $16 != "NaN" {
    n++
    kind[n] = see(kinds, $1)
    threads[n] = see(crowds, $2)
    inside[n] = see(insides, $3)
    outside[n] = see(outsides, $4)
    cpus[n] = see(places, $5)
    ratio[n] = $16
}
END {
    if (!n)
        exit 1
    for (i = 1; i <= n; i++)
        print across(cpus[i], threads[i], outside[i]), up(kind[i], inside[i]), ratio[i]
    block()
    left = across(1, 1, 1)
    right = across(places["n"], crowds["n"], outsides["n"])
    top = up(1, 1)
    bottom = up(kinds["n"], insides["n"])
    for (k = 1; k <= kinds["n"]; k++)
        print left - 3, (up(k, 1) + up(k, insides["n"])) / 2, kinds[k, "is"]
    block()
    for (k = 1; k <= kinds["n"]; k++)
        for (i = 1; i <= insides["n"]; i++)
            print left - 0.7, up(k, i), insides[i, "is"]
    block()
    for (p = 1; p <= places["n"]; p++)
        for (t = 1; t <= crowds["n"]; t++)
            print (across(p, t, 1) + across(p, t, outsides["n"])) / 2, top - 1.1, crowds[t, "is"]
    block()
    for (p = 1; p <= places["n"]; p++)
        for (t = 1; t <= crowds["n"]; t++)
            for (o = 1; o <= outsides["n"]; o++)
                print across(p, t, o), bottom + 0.7, outsides[o, "is"]
    block()
    for (p = 1; p <= places["n"]; p++)
        print (across(p, 1, 1) + across(p, crowds["n"], outsides["n"])) / 2, top - 2.3,
            (places[p, "is"] == "one" ? "\"all threads on one CPU\"" : "\"threads run freely\"")
    block()
    print right, bottom
}
# The number of a word among those of its column, in order of appearance.
function see(column, word) {
    if (!((word, "at") in column)) {
        column[word, "at"] = ++column["n"]
        column[column["n"], "is"] = word
    }
    return column[word, "at"]
}
function across(p, t, o) {
    return ((p - 1) * crowds["n"] + t - 1) * (outsides["n"] + GAP) + o + (p - 1) * 2 * GAP
}
function up(k, i) {
    return (k - 1) * (insides["n"] + GAP) + i
}
function block() {
    print "\n"
}
