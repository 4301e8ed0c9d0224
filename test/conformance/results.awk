# Reads the results of every form, and judges them; text.awk and html.awk print what is here.
# A line is conform's: function, number, result, place, assertion, message. Those of a foreign suite
# have its programs in place of assertions. Below, f is a group and a function, a one assertion.
#   forms[1..]                 the forms that were run; kind_of, own, compared, title, ... [form]
#   functions[group, 1..]      in order, function_count[group]; assertions[f, 1..], size[f]
#   result[a, form], message[a, form], text[a], place[a], name[a], function_of[a]
#   left[form, function]       a function that the form leaves to its libc
#   verdict[a, form]           "counted" or "shared" where Furwock does not pass, or else ""
#   count[f, form, result], total[group, form, result]; untested[f], everywhere
#   clean[f]                   every form passes all that is tested
BEGIN {
    FS = "\t"
    group_count = split("own suite", groups, " ")
    group_title["own"] = "Assertions of POSIX.1-2024"
    group_title["suite"] = "Open POSIX Test Suite: " ENVIRON["CONFORM_SUITE"]
    result_count = split("pass fail unresolved missing unsupported untested", results, " ")
}

kind == "forms" {
    forms[++form_count] = $1
    kind_of[$1] = $2
    own[$1] = $3
    compared[$1] = $4
    heading[$1] = $5
    heading2[$1] = $6
    title[$1] = $7
    status[$1] = $8
    next
}

kind == "left" {
    left[$1, $2]
    next
}

# What a test prints is no result.
NF == 6 {
    f = group SUBSEP $1
    a = f SUBSEP $2
    if (!(a in text)) {
        if (!(f in size))
            functions[group, ++function_count[group]] = $1
        assertions[f, ++size[f]] = a
        name[a] = $1 "." $2
        function_of[a] = $1
        place[a] = $4
        text[a] = $5
    }
    if (form == "list") {
        needs_no_run[a] = $3 == "untested"
    } else {
        result[a, form] = $3
        message[a, form] = $6
    }
}

function is_failure(r) {
    return r == "fail" || r == "unresolved" || r == "missing"
}

# A failure is shared, and not counted, where libc fails too and no libc that the form is compared
# with passes. That is the form's own libc alone for a function that Furwock leaves to libc, and for
# what does not build or cannot be set up.
function judge(a, form,    r, n, i, libcs, other, seen, alone) {
    r = result[a, form]
    if (r == "pass")
        return ""
    if (r == "missing")
        return "counted"
    if (!is_failure(r))
        return result[a, own[form]] == "pass" ? "counted" : ""
    alone = r == "unresolved" || (form, function_of[a]) in left
    n = split(alone ? own[form] : compared[form], libcs, " ")
    seen = 0
    for (i = 1; i <= n; i++) {
        other = ((a, libcs[i]) in result) ? result[a, libcs[i]] : ""
        if (other == "pass")
            return "counted"
        if (other == "fail" || other == "unresolved")
            seen = 1
    }
    return seen ? "shared" : "counted"
}

# The forms of Furwock that pass what their libc fails ("libc"), or do not pass what it passes.
function difference(a, which,    k, form, libc, s) {
    s = ""
    for (k = 1; k <= form_count; k++) {
        form = forms[k]
        if (kind_of[form] != "furwock" || !((a, own[form]) in result))
            continue
        libc = result[a, own[form]]
        if (which == "libc" && is_failure(libc) && result[a, form] == "pass" ||
            which == "furwock" && libc == "pass" && result[a, form] != "pass")
            s = s (s ? ", " : "") title[form]
    }
    return s
}

function add_up(group, f, a,    k, form, r, untested_in) {
    for (k = 1; k <= form_count; k++) {
        form = forms[k]
        if (!((a, form) in result)) {
            result[a, form] = needs_no_run[a] ? "untested" : "missing"
            message[a, form] = "there is no result"
        }
    }
    for (k = 1; k <= form_count; k++) {
        form = forms[k]
        r = result[a, form]
        count[f, form, r]++
        total[group, form, r]++
        untested_in += r == "untested"
        if (kind_of[form] == "furwock") {
            verdict[a, form] = judge(a, form)
            total[group, form, verdict[a, form]]++
            passed += r == "pass"
            counted += verdict[a, form] == "counted"
        }
    }
    untested[f] += untested_in == form_count
}

END {
    for (g = 1; g <= group_count; g++) {
        for (i = 1; i <= function_count[groups[g]]; i++) {
            f = groups[g] SUBSEP functions[groups[g], i]
            for (j = 1; j <= size[f]; j++)
                add_up(groups[g], f, assertions[f, j])
            clean[f] = 1
            for (k = 1; k <= form_count; k++)
                if (count[f, forms[k], "pass"] + untested[f] < size[f])
                    clean[f] = 0
        }
    }
    # A program that ended early has failed, even if it had printed every result.
    for (k = 1; k <= form_count; k++)
        if (status[forms[k]] != 0) {
            early[forms[k]] = sprintf("%s ended early, with status %d", title[forms[k]],
                                      status[forms[k]])
            if (kind_of[forms[k]] == "furwock" && !total["own", forms[k], "missing"])
                counted++
        }
    summary = sprintf("%d passed, %d failed", passed, counted)
}
