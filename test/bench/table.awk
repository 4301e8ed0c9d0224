# The README's tables, and the machine, from the files of make bench: awk -f table.awk bench.tsv musl/bench.tsv
# The peers asymmetric (its ratio to libc) and nsync (Furwock's to it) have columns where the file has
# them.
BEGIN {
    FS = "\t"
    n = split("mutex-normal/single|mutex lock + unlock, single-threaded process|" \
        "mutex-normal/threads|mutex lock + unlock, a second thread alive|" \
        "mutex-recursive/threads|... recursive|mutex-errorcheck/threads|... errorcheck|" \
        "mutex-robust/threads|... robust|mutex-inherit/threads|... PTHREAD_PRIO_INHERIT|" \
        "mutex-protect/threads|... PTHREAD_PRIO_PROTECT|mutex-shared/threads|... process-shared|" \
        "rwlock-read/threads|rwlock read pair|rwlock-write/threads|rwlock write pair|" \
        "rwlock-shared-read/threads|... read pair, process-shared|" \
        "sem/threads|sem_post + sem_wait|" \
        "contended/2/100|contended mutex, 2 threads, 100-iteration sections|" \
        "contended/8/100|... 8 threads|contended/30/100|... 30 threads|" \
        "contended/30/empty|... 30 threads, empty sections|" \
        "rwlock-readers/8|8 readers of one rwlock|" \
        "rwlock-mixed/4/5%|4 threads on one rwlock, 5 % writes|" \
        "cond-pingpong/2cpus|condition variable, there and back|" \
        "sem-pingpong/2cpus|semaphore, there and back|barrier-2/2cpus|barrier of 2|" \
        "cond-pingpong/1cpu|condition variable, both threads on one CPU|" \
        "broadcast/8|broadcast to 8|queue/2p2c|bounded queue, 2 producers, 2 consumers", row, "|")
    m = split("create-join|create a thread that ends at once, join it|" \
        "create-join/32|create 32, join 32; a thread|cancel-join|create, cancel, join", life, "|")
}
FNR == 1 { file++; machine = machine ? machine : substr($0, 3) }
$2 == "libc" || $2 == "musl" { theirs[file, $1] = $4 }
$2 == "furwock" { ours[file, $1] = $4; wall[file, $1] = $10; cpu[file, $1] = $11; limit[file, $1] = $13 }
file == 1 && $2 == "asymmetric" { set[$1] = $10; sets++ }
file == 1 && $2 == "nsync" { rival[$1] = $4; rivals++ }
END {
    print machine "; medians:\n"
    print "| nanoseconds an operation | glibc | Furwock | ratio | CPU ratio |" \
        (sets ? " asymmetric: ratio |" : "") (rivals ? " ratio to nsync |" : "") \
        "\n|---|---|---|---|---|" (sets ? "---|" : "") (rivals ? "---|" : "")
    for (i = 1; i < n; i += 2) {
        if (!((1, row[i]) in ours)) {
            print "table.awk: no row " row[i] > "/dev/stderr"
            status = 1
            continue
        }
        printf "| %s | %s | %s | %.2f | %.2f |", row[i + 1], shown(theirs[1, row[i]]),
            shown(ours[1, row[i]]), wall[1, row[i]], cpu[1, row[i]]
        if (sets)
            printf " %s |", row[i] in set ? sprintf("%.2f", set[row[i]]) : ""
        if (rivals)
            printf " %s |", row[i] in rival ? sprintf("%.2f", ours[1, row[i]] / rival[row[i]]) : ""
        print ""
    }
    if (file > 1) {
        print "\n| nanoseconds an operation | musl | Furwock | ratio | raw clone(2) |\n|---|---|---|---|---|"
        for (i = 1; i < m; i += 2)
            printf "| %s | %s | %s | %.2f | %s |\n", life[i + 1], shown(theirs[2, life[i]]),
                shown(ours[2, life[i]]), wall[2, life[i]], shown(limit[2, life[i]])
    }
    exit status
}
function shown(ns) {
    return sprintf(ns < 10 ? "%.2f" : ns < 1000 ? "%.1f" : "%.0f", ns)
}
