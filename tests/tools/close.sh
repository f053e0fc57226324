#!/bin/sh
# A suite's closing line. One that ran nothing, or in which something failed, has failed.
# usage: close.sh PASSED FAILED [SKIPPED]
set -u
passed=$1 failed=$2 skipped=${3:-0}
[ $((passed + failed)) -gt 0 ] || echo 'nothing was run'
line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
