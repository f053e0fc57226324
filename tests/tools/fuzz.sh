#!/bin/sh
# Run every fuzz target on its corpus for so many seconds; new inputs go to a throw-away folder, crashers stay.
# usage: fuzz.sh DIR-OF-PROGRAMS SECONDS
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$1 seconds=$2 failed=0 passed=0
found=$(mktemp -d) || exit 1
trap 'rm -rf "$found"' EXIT
for program in "$dir"/fuzz_*; do
        name=${program##*/fuzz_}
        corpus=tests/fuzz/corpus/$name
        mkdir -p "$found/$name" "$corpus"
        if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
                -artifact_prefix="$corpus/crash-" "$found/$name" "$corpus" >"$found/log" 2>&1; then
                echo "ok   $name: $(grep -c . "$found/log") lines, $(ls "$found/$name" | wc -l) new inputs"
                passed=$((passed + 1))
        else
                tail -n 30 "$found/log"
                echo "FAIL $name: the input is in $corpus"
                failed=$((failed + 1))
        fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
