# The report as text, at most 120 columns wide.
BEGIN {
    width = 120
    letter["fail"] = "F"
    letter["unresolved"] = "R"
    letter["missing"] = "M"
    letter["unsupported"] = "U"
    letter["untested"] = "T"
}

function cell(f, form,    s, i, r, n) {
    s = count[f, form, "pass"] + 0
    if (s + untested[f] == size[f])
        return "all"
    for (i = 2; i <= result_count; i++) {
        r = results[i]
        n = count[f, form, r] - (r == "untested" ? untested[f] : 0)
        if (n > 0)
            s = s " " n letter[r]
    }
    return s
}

function wrap(indent, s,    words, n, i, line) {
    n = split(s, words, " ")
    line = indent
    for (i = 1; i <= n; i++) {
        if (length(line) + length(words[i]) + 1 > width && line != indent) {
            print line
            line = indent "  "
        }
        line = line (line ~ /[^ ]$/ ? " " : "") words[i]
    }
    print line
}

function table(group,    i, k, f, head, line) {
    print ""
    print group_title[group]
    print ""
    head = sprintf("%-34s %5s %5s", "", "", "un-")
    line = sprintf("%-34s %5s %5s", "", "tests", "tested")
    for (k = 1; k <= form_count; k++) {
        head = head sprintf("  %-13s", heading[forms[k]])
        line = line sprintf(" %s%-13s", k == 1 ? "" : " ", heading2[forms[k]])
    }
    sub(/ +$/, "", head)
    sub(/ +$/, "", line)
    print head
    print line
    for (i = 1; i <= function_count[group]; i++) {
        f = group SUBSEP functions[group, i]
        line = sprintf("%-34s %5d %5s", functions[group, i], size[f] - untested[f],
                       untested[f] ? untested[f] : "")
        if (size[f] == untested[f])
            line = line "  -"
        else if (clean[f])
            line = line "  all pass"
        else
            for (k = 1; k <= form_count; k++)
                line = line sprintf("  %-13s", cell(f, forms[k]))
        sub(/ +$/, "", line)
        print line
    }
}

function totals(group,    k, form, r, i) {
    print ""
    printf "%-34s", "Total"
    for (i = 1; i <= result_count; i++)
        printf "%13s", results[i]
    print ""
    for (k = 1; k <= form_count; k++) {
        form = forms[k]
        printf "%-34s", title[form]
        for (i = 1; i <= result_count; i++)
            printf "%13d", total[group, form, results[i]]
        if (total[group, form, "counted"])
            printf "  counted as failed: %d", total[group, form, "counted"]
        print ""
    }
}

# Every result of one assertion that speaks against somebody; forms that say the same share a line.
function explain(a,    k, m, form, who, done) {
    wrap("", name[a] ": " (text[a] ? text[a] : place[a]))
    for (k = 1; k <= form_count; k++) {
        form = forms[k]
        if (done[form] || !worth_telling(a, form))
            continue
        who = ""
        for (m = k; m <= form_count; m++)
            if (worth_telling(a, forms[m]) && result[a, forms[m]] == result[a, form] &&
                message[a, forms[m]] == message[a, form]) {
                done[forms[m]] = 1
                who = who (who ? ", " : "") title[forms[m]] \
                    (verdict[a, forms[m]] == "shared" ? " (shared)" : "")
            }
        wrap("    ", who ": " result[a, form] \
            (message[a, form] ? ": " message[a, form] : ""))
    }
}

function worth_telling(a, form) {
    return is_failure(result[a, form]) || verdict[a, form] == "counted"
}

# List the assertions that `which` holds for: "any", "libc" or "furwock".
function list(heading, which,    g, i, j, f, a, n, s) {
    print ""
    print heading
    for (g = 1; g <= group_count; g++)
        for (i = 1; i <= function_count[groups[g]]; i++) {
            f = groups[g] SUBSEP functions[groups[g], i]
            if (clean[f])
                continue
            for (j = 1; j <= size[f]; j++) {
                a = assertions[f, j]
                s = which == "any" ? worth(a) : difference(a, which)
                if (s == "")
                    continue
                n++
                if (which == "any") {
                    print ""
                    explain(a)
                } else {
                    wrap("    ", name[a] ": " (text[a] ? text[a] : place[a]) " [" s "]")
                }
            }
        }
    if (!n)
        print "    none"
}

function worth(a,    k) {
    for (k = 1; k <= form_count; k++)
        if (worth_telling(a, forms[k]))
            return "yes"
    return ""
}

END {
    print ENVIRON["CONFORM_SYSTEM"]
    for (k = 1; k <= form_count; k++)
        if (forms[k] in early)
            print early[forms[k]]
    print ""
    wrap("", "A cell is the number of passed tests, and of others: F failed, R unresolved," \
        " M missing, U unsupported, T not tested here.")
    for (g = 1; g <= group_count; g++)
        if (function_count[groups[g]]) {
            table(groups[g])
            totals(groups[g])
        }
    list("Failures; those marked as shared are libc's too, and not counted", "any")
    list("Failures of libc's that Furwock does not share", "libc")
    list("Failures of Furwock's that its libc passes", "furwock")
    print ""
    print summary
}
