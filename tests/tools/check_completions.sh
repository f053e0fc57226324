#!/bin/sh
# The completion scripts in etc/ are made from the client's tables: are they what it prints today?
# Usage: check_completions.sh [SUPERVISORCTL]   (default: build/bin/supervisorctl)
# With UPDATE=1 in the environment they are written anew instead.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
ctl=${1:-$root/build/bin/supervisorctl}
failed=0

check() {
        shell=$1 file=$root/etc/completions/$2
        if [ "${UPDATE:-}" = 1 ]; then
                "$ctl" --completion "$shell" >"$file"
        elif ! "$ctl" --completion "$shell" | diff -u "$file" - >&2; then
                echo "etc/completions/$2 is out of date: UPDATE=1 $0" >&2
                failed=1
        fi
}

check bash supervisorctl.bash
check zsh _supervisorctl
bash -n "$root/etc/completions/supervisorctl.bash" || failed=1
exit $failed
