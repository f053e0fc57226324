#!/bin/sh
# Run every fuzz target on its corpus for so many seconds; new inputs go to a throw-away folder, crashers stay.
# A target that reaches fewer edges than its floor in tests/fuzz/floors does not get past the door and has failed;
# so has one without a floor. As many run at a time as there are processors; what one says is printed as a whole.
# usage: fuzz.sh DIR-OF-PROGRAMS SECONDS
set -u
cd "$(dirname "$0")/../.." || exit 1

# `fuzz.sh --one FOUND DIR-OF-PROGRAMS SECONDS NAME`: one target, with its verdict as the last line of FOUND/NAME.said
one() {
        found=$1 dir=$2 seconds=$3 name=$4
        corpus=tests/fuzz/corpus/$name
        words=tests/fuzz/$name.dict
        [ -f "$words" ] && words=-dict=$words || words=
        floor=$(sed -n "s/^$name //p" tests/fuzz/floors)
        mkdir -p "$found/$name" "$corpus"
        "$dir/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 $words \
                -artifact_prefix="$corpus/crash-" "$found/$name" "$corpus" >"$found/$name.log" 2>&1
        status=$?
        edges=$(sed -nE 's/^#[0-9]+.* cov: ([0-9]+) .*/\1/p' "$found/$name.log" | tail -1)
        if [ $status -ne 0 ]; then
                tail -n 30 "$found/$name.log"
                echo "FAIL $name: the input is in $corpus"
        elif [ -z "$floor" ] || [ "${edges:-0}" -lt "$floor" ]; then
                echo "FAIL $name: ${edges:-0} edges, its floor in tests/fuzz/floors is ${floor:-not there}"
        else
                echo "ok   $name: $edges edges (floor $floor), $(ls "$found/$name" | wc -l) new inputs"
        fi >"$found/$name.said"
        flock "$found" cat "$found/$name.said" # in one piece: the next one's may come at the same time
}
if [ "$1" = --one ]; then
        shift
        one "$@"
        exit 0
fi

found=$(mktemp -d) || exit 1
trap 'rm -rf "$found"' EXIT
names=$(for source in tests/fuzz/fuzz_*.c; do basename "$source" .c; done | sed 's/^fuzz_//')
printf '%s\n' $names | xargs -n 1 -P "$(nproc 2>/dev/null || echo 1)" sh tests/tools/fuzz.sh --one "$found" "$1" "$2"
passed=0 failed=0
for name in $names; do
        case $(tail -n 1 "$found/$name.said" 2>/dev/null) in
        'ok '*) passed=$((passed + 1)) ;;
        'FAIL '*) failed=$((failed + 1)) ;;
        *)
                echo "FAIL $name: it did not come to its end"
                failed=$((failed + 1))
                ;;
        esac
done
exec tests/tools/close.sh $passed $failed
