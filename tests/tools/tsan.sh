#!/bin/sh
# The threads under ThreadSanitizer: the load of tests/tsan, and end-to-end stories with a daemon that was built
# with it. Ends with "tsan: N runs, M reports" and what passed; the exit code is 0 when there was no report and nothing failed.
# usage: tsan.sh BUILD
set -u
build=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export TSAN_OPTIONS="exitcode=66 second_deadlock_stack=1 print_suppressions=0 suppressions=$PWD/tests/tools/tsan.supp"
load=$build/test/tsan_load
fixed=
runs=0
reports=0
failed=0
bad=0
skipped=0

# Where the kernel spreads addresses more widely than the sanitizer knows, they have to stay in their places.
"$load" race >"$dir/out" 2>&1
status=$?
if [ $status -ne 66 ] && command -v setarch >/dev/null; then
        fixed='setarch -R'
        $fixed "$load" race >"$dir/out" 2>&1
        status=$?
fi
if [ $status -ne 66 ] || ! grep -q 'WARNING: ThreadSanitizer: data race' "$dir/out"; then
        tail -5 "$dir/out"
        echo "tsan: the race that has to be reported was not (exit code $status)"
        exit 1
fi

# say NAME STATUS: what is in $dir/out
judge() {
        found=$(grep -c 'WARNING: ThreadSanitizer' "$dir/out")
        reports=$((reports + found))
        if [ "$2" -ne 0 ] || [ "$found" -ne 0 ]; then
                failed=1
                bad=$((bad + 1))
                echo "tsan: $1 failed (exit code $2, $found reports)"
                head -300 "$dir/out"
        fi
}

for how in logs stop; do
        mkdir "$dir/$how"
        $fixed "$load" $how "$dir/$how" "${TSAN_SECONDS:-3}" >"$dir/out" 2>&1
        judge "load $how" $?
        runs=$((runs + 1))
done

$fixed tests/e2e/run --build "$build" --asan --once -j "${E2E_JOBS:-4}" --only flow. --only syslog. --only trouble. \
        --only logs.a_log --only tail. >"$dir/out" 2>&1
judge stories $?
runs=$((runs + $(grep -c '^ok ' "$dir/out")))
skipped=$(grep -c '^skip ' "$dir/out")
grep '^skipped: ' "$dir/out"

echo "tsan: $runs runs, $reports reports"
[ $runs -gt 10 ] || failed=1
tests/tools/close.sh $((runs - bad > 0 ? runs - bad : 0)) $bad "$skipped" && [ $failed -eq 0 ]
