#!/bin/sh
# make lint (uninitvar is left to the compilers: cppcheck cannot see through uthash): format, floors, circles, names, pointers, the tests of doc/security.md, references, clang-tidy, cppcheck, manual. usage: lint.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${1:-build}
failed=0
passed=0

look() {
        what=$1
        shift
        if "$@"; then
                echo "lint: $what: good"
                passed=$((passed + 1))
        else
                echo "lint: $what: FAILED"
                failed=$((failed + 1))
        fi
}

ours=$(git ls-files '*.c' '*.h' 2>/dev/null || find src include supervisord tests man -name '*.[ch]')
sources=$(echo "$ours" | grep -E '^(src|supervisord)/.*\.c$')

look floors tests/tools/floors.sh
look circles env CIRCLE_MAX=4 FAN_OUT_MAX=12 tests/tools/circles.sh "$build"
look paths tests/tools/paths.sh
look names tests/tools/names.py
look pointers tests/tools/pointers.sh
look security tests/tools/security_table.sh
look references tests/tools/references.sh
look openings tests/tools/openings.sh
look words tests/tools/words.sh
look format sh -c 'clang-format --dry-run -Werror "$@"' sh $ours
look clang-tidy sh -c 'p=$1; shift; printf "%s\n" "$@" | xargs -P "$(nproc)" -n 8 clang-tidy -p . --quiet 2>/dev/null' sh "$build" $sources
look cppcheck cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability \
        --inline-suppr --library=tests/tools/cppcheck.cfg --suppress=uninitvar -D_GNU_SOURCE -Iinclude -j "$(nproc)" $sources
look manual tests/tools/check_man.sh "$build"/man
look completions tests/tools/check_completions.sh "$build"/bin/supervisorctl
exec tests/tools/close.sh $passed $failed
