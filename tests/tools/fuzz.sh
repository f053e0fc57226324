#!/bin/sh
# Run every fuzz target on its corpus for so many seconds; new inputs go to a throw-away folder, crashers stay.
# A target that reaches fewer edges than its floor in tests/fuzz/floors does not get past the door and has failed;
# so has one without a floor. usage: fuzz.sh DIR-OF-PROGRAMS SECONDS
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$1 seconds=$2 failed=0 passed=0
found=$(mktemp -d) || exit 1
trap 'rm -rf "$found"' EXIT
for source in tests/fuzz/fuzz_*.c; do
        name=${source##*/fuzz_}
        name=${name%.c}
        corpus=tests/fuzz/corpus/$name
        words=tests/fuzz/$name.dict
        [ -f "$words" ] && words=-dict=$words || words=
        floor=$(sed -n "s/^$name //p" tests/fuzz/floors)
        mkdir -p "$found/$name" "$corpus"
        "$dir/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 $words \
                -artifact_prefix="$corpus/crash-" "$found/$name" "$corpus" >"$found/log" 2>&1
        status=$?
        edges=$(sed -nE 's/^#[0-9]+.* cov: ([0-9]+) .*/\1/p' "$found/log" | tail -1)
        if [ $status -ne 0 ]; then
                tail -n 30 "$found/log"
                echo "FAIL $name: the input is in $corpus"
                failed=$((failed + 1))
        elif [ -z "$floor" ] || [ "${edges:-0}" -lt "$floor" ]; then
                echo "FAIL $name: ${edges:-0} edges, its floor in tests/fuzz/floors is ${floor:-not there}"
                failed=$((failed + 1))
        else
                echo "ok   $name: $edges edges (floor $floor), $(ls "$found/$name" | wc -l) new inputs"
                passed=$((passed + 1))
        fi
done
exec tests/tools/close.sh $passed $failed
