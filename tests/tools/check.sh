#!/bin/sh
# make check: every suite, one after another; all of them run also when one has failed, and the end says which.
# usage: check.sh MAKE
set -u
make=${1:-make}
failed=
jobs=$(nproc 2>/dev/null || echo 2)

suite() {
        name=$1
        shift
        printf '\n==== %s\n' "$name"
        start=$(date +%s)
        if "$@"; then
                printf '==== %s: good (%d s)\n' "$name" $(($(date +%s) - start))
        else
                printf '==== %s: FAILED (%d s)\n' "$name" $(($(date +%s) - start))
                failed="$failed $name"
        fi
}

suite build "$make" --no-print-directory -j "$jobs" test-programs bench-programs
case "$failed" in
*build*) exit 1 ;;
esac
suite lint "$make" --no-print-directory lint
suite unit "$make" --no-print-directory -j $((jobs + 1)) -Otarget -k unit
suite costs "$make" --no-print-directory costs
suite e2e "$make" --no-print-directory e2e
suite conformance "$make" --no-print-directory conformance
suite demo "$make" --no-print-directory demo
suite tour "$make" --no-print-directory tour
suite asan "$make" --no-print-directory -j "$jobs" asan
suite tsan "$make" --no-print-directory -j "$jobs" tsan

if [ -n "$failed" ]; then
        printf '\nfailed:%s\n' "$failed"
        exit 1
fi
printf '\nall suites are good\n'
