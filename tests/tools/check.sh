#!/bin/sh
# make check: every suite, one after another; all of them run also when one has failed. The end is a summary: each
# suite's counts and seconds, what was skipped and why, and what failed. A suite that exits with 0 and has no closing
# line of its own, or one of nothing, has failed as well. With `long` it is the long forms of what takes too long for
# every time (make check-long). usage: check.sh MAKE [long]
set -u
make=${1:-make}
long=${2:-}
jobs=$(nproc 2>/dev/null || echo 2)
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM HUP
began=$(date +%s)
failed=
: >"$logs/summary"

# Sum of a suite's closing lines, of which there may be several: "PASSED FAILED SKIPPED"
counts() {
        awk '/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { p += $1; f += $3; s += $5 }
             END { print p + 0, f + 0, s + 0 }' "$1"
}

suite() {
        name=$1
        shift
        printf '\n==== %s\n' "$name"
        start=$(date +%s)
        { { "$@" 2>&1; echo $? >"$logs/status"; } | tee "$logs/out"; }
        status=$(cat "$logs/status")
        took=$(($(date +%s) - start))
        read -r p f s <<END
$(counts "$logs/out")
END
        verdict=good
        if [ "$status" -ne 0 ] || [ "$f" -ne 0 ] || [ "$p" -eq 0 ]; then
                verdict=FAILED
                failed="$failed $name"
                [ "$p" -ne 0 ] || [ "$status" -ne 0 ] || echo "$name: nothing was run"
        fi
        printf '==== %s: %s (%d s)\n' "$name" $verdict $took
        printf '%-12s %-6s %5d passed, %d failed, %d skipped (%d s)\n' "$name" $verdict "$p" "$f" "$s" $took \
                >>"$logs/summary"
        # what failed, by name and with its first words: the summary's reader may have nothing but the summary
        grep -aE '^(FAIL |\[FAIL\] |lint: .*: FAILED|.*: assertion failed: )' "$logs/out" | cut -c1-300 |
                sed 's/^/    /' >>"$logs/summary"
        grep '^skipped: ' "$logs/out" | sort | uniq -c | sed -E 's/^ *1 skipped: /    /; s/^ *([0-9]+) skipped: /    \1 x /' \
                >>"$logs/summary"
}

if ! "$make" --no-print-directory -j "$jobs" test-programs bench-programs; then
        printf '\nfailed: build\n'
        exit 1
fi
every_time() {
        suite lint "$make" --no-print-directory lint
        suite unit "$make" --no-print-directory -j $((jobs + 1)) -Otarget unit
        suite elsewhere "$make" --no-print-directory -j "$jobs" unit-elsewhere
        suite costs "$make" --no-print-directory costs
        suite e2e "$make" --no-print-directory e2e
        suite conformance "$make" --no-print-directory conformance
        suite demo "$make" --no-print-directory demo
        suite tour "$make" --no-print-directory tour
        suite asan "$make" --no-print-directory -j "$jobs" asan
        suite alloc "$make" --no-print-directory -j "$jobs" alloc
        suite fuzz "$make" --no-print-directory -j "$jobs" fuzz FUZZ_SECONDS=10
        suite tsan "$make" --no-print-directory -j "$jobs" tsan
}

long_forms() {
        suite races "$make" --no-print-directory long-races
        suite stories "$make" --no-print-directory long-stories
        suite lifetimes "$make" --no-print-directory -j "$jobs" long-lifetimes
        suite alloc "$make" --no-print-directory -j "$jobs" alloc ALLOC_SECONDS=60
        suite fuzz "$make" --no-print-directory -j "$jobs" fuzz FUZZ_SECONDS=300
}

if [ "$long" ]; then
        long_forms
else
        every_time
fi

printf '\n==== summary (%d s)\n' $(($(date +%s) - began))
cat "$logs/summary"
if [ -n "$failed" ]; then
        printf '\nfailed:%s\n' "$failed"
        exit 1
fi
printf '\nall suites are good\n'
