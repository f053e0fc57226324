#!/bin/sh
# Lines reached, per file and in all, from the .gcda files below BUILD. usage: coverage.sh BUILD
set -u
build=$1
find "$build/obj/src" -name '*.gcda' | while IFS= read -r data; do
        gcov --no-output --object-directory "$(dirname "$data")" "$data" 2>/dev/null
done | awk '
        /^File/ { file = $2; gsub(/\047/, "", file) }
        /^Lines executed/ && file ~ /^src\// {
                split($2, a, ":"); split(a[2], p, "%"); of[file] = $4; share[file] = p[1]
        }
        END {
                for (f in of) { printf "%6.1f %% of %4d  %s\n", share[f], of[f], f | "sort -k5"; n += of[f]; hit += of[f] * share[f] / 100 }
                close("sort -k5")
                if (n) printf "%6.1f %% of %4d  in all\n", 100 * hit / n, n
        }'
