#!/bin/sh
# make check: every suite, one after another; all of them run also when one has failed. What only computes (the
# sanitizers' builds and lint) runs behind the suites that mostly wait, where they leave a processor idle: at the
# lowest priority, and with its words printed at its turn. The end is a summary: each
# suite's counts and seconds, what was skipped and why, and what failed. A suite that exits with 0 and has no closing
# line of its own, or one of nothing, has failed as well. With `long` it is the long forms of what takes too long for
# every time (make check-long). usage: check.sh MAKE [long]
set -u
make=${1:-make}
long=${2:-}
jobs=$(nproc 2>/dev/null || echo 2)
logs=$(mktemp -d) || exit 1
behind=
finish() {
        for group in $behind; do
                kill -s TERM -- "-$group" 2>/dev/null || kill "$group" 2>/dev/null
        done
        rm -rf "$logs"
}
trap finish EXIT
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
        [ ! -s "$logs/$name.took" ] || took=$(cat "$logs/$name.took")
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
        grep -aE '^(FAIL |UNSTEADY |\[FAIL\] |lint: .*: FAILED|.*: assertion failed: )' "$logs/out" | cut -c1-300 |
                sed 's/^/    /' >>"$logs/summary"
        grep '^skipped: ' "$logs/out" | sort | uniq -c | sed -E 's/^ *1 skipped: /    /; s/^ *([0-9]+) skipped: /    \1 x /' \
                >>"$logs/summary"
}

# begin_behind NAME TARGET...: make them, in a session of their own that yields to everything else. A scheduler
# that shares between sessions goes by the session's own value, not by each process's.
begin_behind() {
        name=$1
        shift
        setsid sh -c '
                name=$1 logs=$2 start=$(date +%s)
                shift 2
                { echo 19 >/proc/self/autogroup; } 2>/dev/null
                nice -n 19 "$@" >"$logs/$name.said" 2>&1
                echo $? >"$logs/$name.status"
                echo $(($(date +%s) - start)) >"$logs/$name.took"
        ' sh "$name" "$logs" "$make" --no-print-directory -k -j "$jobs" -Otarget "$@" &
        behind="$behind $!"
}

# await PROCESS: it has ended, and its number may be another's from now on
await() {
        wait "$1"
        behind=$(echo " $behind " | sed "s/ $1 / /")
}

# said_behind NAME: what it printed, and its exit code
said_behind() {
        cat "$logs/$1.said"
        return "$(cat "$logs/$1.status" 2>/dev/null || echo 1)"
}

if ! "$make" --no-print-directory -j "$jobs" test-programs bench-programs; then
        printf '\nfailed: build\n'
        exit 1
fi
every_time() {
        begin_behind builds asan-programs fuzz-programs tsan-programs
        builds=$!
        begin_behind lint lint
        lint=$!
        suite unit "$make" --no-print-directory -j $((jobs + 1)) -Otarget unit
        suite elsewhere "$make" --no-print-directory -j "$jobs" unit-elsewhere
        suite costs "$make" --no-print-directory costs
        suite e2e "$make" --no-print-directory e2e
        suite conformance "$make" --no-print-directory conformance
        suite demo "$make" --no-print-directory demo
        suite tour "$make" --no-print-directory tour
        await "$builds"
        printf '\n==== built meanwhile\n'
        said_behind builds # what could not be built is tried and told once more by its suite
        suite asan "$make" --no-print-directory -j "$jobs" asan
        suite alloc "$make" --no-print-directory -j "$jobs" alloc
        suite tsan "$make" --no-print-directory -j "$jobs" tsan
        await "$lint"
        suite lint said_behind lint
        suite fuzz "$make" --no-print-directory -j "$jobs" fuzz FUZZ_SECONDS=10
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
