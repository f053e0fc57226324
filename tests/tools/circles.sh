#!/bin/sh
# Files that call each other in a circle, and files that call many others, inside each part: by the
# linker's symbols in BUILD/obj (build first). A call is an undefined symbol of one object that another
# object of the same part defines as a function; the table of components names its rows by data,
# which is no call. Objects of sources that are gone are left out. Prints for each part the largest
# circle and the file that calls the most others.
#
#   circles.sh [-v] [BUILD]             -v: the members of each circle, and the edges between them
#   CIRCLE_MAX=4 FAN_OUT_MAX=12         with these in the environment: only parts above either are
#                                       printed, and exit 1 if there is one, or a part is not built
cd "$(dirname "$0")/../.." || exit 1
verbose=0
[ "$1" = -v ] && verbose=1 && shift
build=${1:-build}
bad=0
for dir in src/*/; do
        part=$(basename "$dir")
        find "$dir" -name '*.c' | while IFS= read -r source; do
                object=$build/obj/${source%.c}.o
                [ -f "$object" ] && echo "$object"
        done | xargs -r nm -A 2>/dev/null |
                awk -v part="$part" -v verbose=$verbose -v circle_max="${CIRCLE_MAX:-0}" -v fan_max="${FAN_OUT_MAX:-0}" '
function visit(f,    n, i, to, list) {
        low[f] = seen[f] = ++time
        stack[++top] = f
        on[f] = 1
        n = split(calls[f], list, " ")
        for (i = 1; i <= n; i++) {
                to = list[i]
                if (!seen[to]) {
                        visit(to)
                        if (low[to] < low[f])
                                low[f] = low[to]
                } else if (on[to] && seen[to] < low[f])
                        low[f] = seen[to]
        }
        if (low[f] == seen[f])
                take(f)
}
function take(f,    m, size, names) {
        do {
                m = stack[top--]
                on[m] = 0
                circle[m] = f
                names = names " " m
                size++
        } while (m != f)
        if (size > largest) {
                largest = size
                members = names
        }
        if (verbose && size > 1)
                printf "  circle of %d:%s\n", size, names
}
{
        colon = index($0, ":")
        file = substr($0, 1, colon - 1)
        sub(/.*\/obj\/src\/[^\/]*\//, "", file)
        sub(/\.o$/, "", file)
        count = split(substr($0, colon + 1), word, " ")
        type = word[count - 1]
        name = word[count]
        files[file] = 1
        if (type == "T")
                home[name] = file
        else if (type == "U")
                wants[++wanted] = file " " name
}
END {
        for (i = 1; i <= wanted; i++) {
                split(wants[i], w, " ")
                to = home[w[2]]
                if (to == "" || to == w[1] || ((w[1], to) in edge))
                        continue
                edge[w[1], to] = w[2]
                calls[w[1]] = calls[w[1]] " " to
                out[w[1]]++
        }
        for (f in files)
                if (!seen[f])
                        visit(f)
        for (f in files)
                if (out[f] > most) {
                        most = out[f]
                        busiest = f
                }
        if (verbose)
                for (e in edge) {
                        split(e, w, SUBSEP)
                        if (circle[w[1]] == circle[w[2]])
                                printf "    %s -> %s (%s)\n", w[1], w[2], edge[e]
                }
        breach = !wanted || (circle_max && largest > circle_max) || (fan_max && most > fan_max)
        if (breach || !circle_max && !fan_max)
                printf("%s: largest circle %d%s; largest fan-out %d (%s)\n", part, largest,
                       (largest > 1 ? " (" substr(members, 2) ")" : ""), most, busiest)
        exit (circle_max || fan_max) && breach
}' || bad=1
done
exit $bad
