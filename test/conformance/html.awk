# The report as one page without scripts or other files.
BEGIN {
    mark["pass"] = "pass"
    mark["fail"] = "FAIL"
    mark["unresolved"] = "UNRESOLVED"
    mark["missing"] = "MISSING"
    mark["unsupported"] = "unsupported"
    mark["untested"] = "untested"
}

function escape(s) {
    gsub(/&/, "\\&amp;", s)
    gsub(/</, "\\&lt;", s)
    gsub(/>/, "\\&gt;", s)
    gsub(/"/, "\\&quot;", s)
    return s
}

function style() {
    print "<style>"
    print ":root { color-scheme: light dark; --line: #ccc; --soft: #666; --head: #f2f2f2;"
    print "  --pass: #005a9c; --fail: #a33c00; --failback: #ffe9d9; }"
    print "@media (prefers-color-scheme: dark) { :root { --line: #444; --soft: #a0a0a0;"
    print "  --head: #262626; --pass: #6cb8ff; --fail: #ffae70; --failback: #4a2a12; } }"
    print "body { font: 15px/1.4 system-ui, sans-serif; max-width: 80rem; margin: 1.5rem auto;"
    print "  padding: 0 1rem; }"
    print "h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }"
    print "code { font-size: .92em; } .soft { color: var(--soft); }"
    print "table { border-collapse: collapse; width: 100%; }"
    print "th, td { text-align: left; vertical-align: top; padding: .25rem .6rem;"
    print "  border-bottom: 1px solid var(--line); }"
    print "th { background: var(--head); font-weight: 600; } td.n, th.n { text-align: right; }"
    print ".pass { color: var(--pass); }"
    print ".bad { color: var(--fail); font-weight: 600; }"
    print "td.bad, span.bad { background: var(--failback); }"
    print ".none { color: var(--soft); font-style: italic; }"
    print ".row { display: grid; gap: .6rem; padding: .25rem .4rem; align-items: baseline;"
    print "  border-bottom: 1px solid var(--line); grid-template-columns: 1.2rem minmax(15rem, 3fr)"
    print "  3.5rem 5rem repeat(" form_count ", minmax(0, 2fr)); }"
    print ".head { background: var(--head); font-weight: 600; position: sticky; top: 0; }"
    print ".number { text-align: right; }"
    print "summary { list-style: none; cursor: pointer; }"
    print "summary::-webkit-details-marker { display: none; }"
    print "summary:hover { background: var(--head); }"
    print ".turn::before { content: '\\25B8'; }"
    print "details[open] .turn::before { content: '\\25BE'; }"
    print "details[open] { border-bottom: 2px solid var(--line); }"
    print "details table { margin: .3rem 0 1rem 1.2rem; width: calc(100% - 1.2rem);"
    print "  font-size: .92em; table-layout: fixed; }"
    print "details th { width: 10%; } details th:first-child { width: 2.5rem; }"
    print "details th:nth-child(2) { width: auto; }"
    print ".why { font: .92em/1.35 monospace; overflow-wrap: anywhere; }"
    print ".cell { border-radius: .2rem; padding: 0 .25rem; justify-self: start; }"
    print "#only:checked ~ div .clean { display: none; }"
    print "</style>"
}

function class_of(r) {
    return r == "pass" ? "pass" : is_failure(r) ? "bad" : "none"
}

# A form's results of a function, in the summary.
function cell(f, form,    s, i, r, n, bad) {
    if (size[f] == untested[f])
        return "<span class=\"cell none\">&ndash;</span>"
    s = count[f, form, "pass"] + 0 " pass"
    if (count[f, form, "pass"] + untested[f] == size[f])
        s = "all pass"
    for (i = 2; i <= result_count; i++) {
        r = results[i]
        n = count[f, form, r] - (r == "untested" ? untested[f] : 0)
        if (n > 0)
            s = s ", " n "&nbsp;" mark[r]
        if (n > 0 && is_failure(r))
            bad = 1
    }
    return "<span class=\"cell " (bad ? "bad" : "pass") "\">" s "</span>"
}

function details(group, where,    f, k, j, a, form, r) {
    f = group SUBSEP where
    printf "<details id=\"%s\" class=\"%s\"><summary class=\"row\"><span class=\"turn\"></span>",
        escape(group "-" where), clean[f] ? "clean" : "unclean"
    printf "<code>%s</code><span class=\"number\">%d</span><span class=\"number soft\">%s</span>",
        escape(where), size[f] - untested[f], untested[f] ? untested[f] : ""
    for (k = 1; k <= form_count; k++)
        printf "%s", cell(f, forms[k])
    print "</summary>"
    printf "<table><tr><th class=\"n\">#</th><th>%s</th>", group == "own" ? "Assertion" : "Program"
    for (k = 1; k <= form_count; k++)
        printf "<th>%s</th>", escape(title[forms[k]])
    print "</tr>"
    for (j = 1; j <= size[f]; j++) {
        a = assertions[f, j]
        printf "<tr><td class=\"n\">%s</td><td>%s<br><span class=\"soft\">%s</span>%s</td>",
            escape(substr(name[a], length(where) + 2)), escape(text[a]), escape(place[a]),
            reasons(a)
        for (k = 1; k <= form_count; k++) {
            form = forms[k]
            r = result[a, form]
            printf "<td class=\"%s\">%s%s</td>",
                verdict[a, form] == "counted" ? "bad" : class_of(r), mark[r],
                verdict[a, form] == "shared" ? " (libc too)" : ""
        }
        print "</tr>"
    }
    print "</table></details>"
}

# What the forms that do not pass say, each thing once.
function reasons(a,    k, m, n, form, said, s, who) {
    for (k = 1; k <= form_count; k++) {
        form = forms[k]
        if (message[a, form] == "" || said[message[a, form]]++)
            continue
        who = ""
        n = 0
        for (m = k; m <= form_count; m++)
            if (message[a, forms[m]] == message[a, form]) {
                n++
                who = who (who ? ", " : "") title[forms[m]]
            }
        if (n == form_count)
            who = "all"
        s = s sprintf("<br><span class=\"why\">%s: %s</span>", escape(who),
                      escape(message[a, form]))
    }
    return s
}

function totals(group,    k, i, form) {
    printf "<table><tr><th></th>"
    for (i = 1; i <= result_count; i++)
        printf "<th class=\"n\">%s</th>", results[i]
    print "<th class=\"n\">counted as failed</th></tr>"
    for (k = 1; k <= form_count; k++) {
        form = forms[k]
        printf "<tr><td>%s</td>", escape(title[form])
        for (i = 1; i <= result_count; i++)
            printf "<td class=\"n %s\">%d</td>",
                total[group, form, results[i]] ? class_of(results[i]) : "",
                total[group, form, results[i]]
        printf "<td class=\"n\">%s</td></tr>\n",
            kind_of[form] == "libc" ? "" : total[group, form, "counted"] + 0
    }
    print "</table>"
}

function differences(heading, which,    g, i, j, f, a, s, any) {
    printf "<h2>%s</h2>\n", heading
    for (g = 1; g <= group_count; g++)
        for (i = 1; i <= function_count[groups[g]]; i++) {
            f = groups[g] SUBSEP functions[groups[g], i]
            for (j = 1; j <= size[f]; j++) {
                a = assertions[f, j]
                s = difference(a, which)
                if (s == "")
                    continue
                if (!any++)
                    print "<ul>"
                printf "<li><a href=\"#%s\"><code>%s</code></a> %s ",
                    escape(groups[g] "-" functions[groups[g], i]), escape(name[a]),
                    escape(text[a] ? text[a] : place[a])
                printf "<span class=\"soft\">[%s]</span></li>\n", escape(s)
            }
        }
    print any ? "</ul>" : "<p>None.</p>"
}

END {
    print "<!DOCTYPE html>"
    print "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Furwock: conformance</title>"
    print "<meta name=\"viewport\" content=\"width=device-width\">"
    style()
    print "</head><body>"
    print "<h1>Conformance of Furwock, and of libc</h1>"
    printf "<p>%s</p>\n", escape(ENVIRON["CONFORM_SYSTEM"])
    printf "<p>Results of Furwock's forms: <b>%s</b>. ", summary
    print "A failure that libc shares is not counted.</p>"
    for (k = 1; k <= form_count; k++)
        if (forms[k] in early)
            printf "<p><span class=\"bad\">%s</span></p>\n", escape(early[forms[k]])
    print "<input type=\"checkbox\" id=\"only\"> <label for=\"only\">only functions that" \
        " some form does not pass entirely</label>"
    for (g = 1; g <= group_count; g++) {
        if (!function_count[groups[g]])
            continue
        printf "<div><h2>%s</h2>\n", escape(group_title[groups[g]])
        totals(groups[g])
        printf "<p></p><div class=\"row head\"><span></span><span>Function</span>"
        printf "<span class=\"number\">tests</span><span class=\"number\">untested</span>"
        for (k = 1; k <= form_count; k++)
            printf "<span>%s</span>", escape(title[forms[k]])
        print "</div>"
        for (i = 1; i <= function_count[groups[g]]; i++)
            details(groups[g], functions[groups[g], i])
        print "</div>"
    }
    differences("Failures of libc's that Furwock does not share", "libc")
    differences("Failures of Furwock's that its libc passes", "furwock")
    print "</body></html>"
}
