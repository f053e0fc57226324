#!/bin/sh
# The closing line of several programs: the sum of what each left in PROGRAM.count. One that left nothing has failed.
# usage: close_all.sh DIRECTORY PROGRAM...
set -u
dir=$1
shift
passed=0 failed=0 skipped=0
for name in "$@"; do
        if read -r p f s <"$dir/$name.count"; then
                passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
        else
                echo "$name did not come to its end"
                failed=$((failed + 1))
        fi
done 2>/dev/null
exec tests/tools/close.sh $passed $failed $skipped
