#!/bin/bash
# The completion scripts in etc/completions with the built client: what does Tab offer?
# usage: check_completions.sh [SUPERVISORCTL]   (default: build/bin/supervisorctl)
set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
ctl=$(realpath "${1:-$root/build/bin/supervisorctl}")
failed=0

expect() { # NAME WANTED FOUND
        [ "$2" = "$3" ] && return
        echo "completions: $1: expected [$2], found [$3]" >&2
        failed=1
}

# ---- bash: the function as readline would call it
# shellcheck source=/dev/null
. "$root/etc/completions/supervisorctl.bash"
offered() { # LINE: what is offered at its end
        COMP_LINE="$ctl $1" COMP_POINT=$((${#ctl} + 1 + ${#1})) COMPREPLY=()
        _supervisorctl
        echo "${COMPREPLY[*]}"
}
expect 'bash: commands' 'start status' "$(offered sta)"
expect 'bash: options' '--username' "$(offered --us)"
expect "bash: a command's options" '--since --stdout --stderr' "$(offered 'tail --s')"
expect 'bash: signals' 'USR1 USR2' "$(offered 'signal USR')"
expect 'bash: files' "$root/Makefile" "$(offered "-c $root/Makef")"
expect 'bash: no daemon, no names' '' "$(offered '-s unix:///nonexistent start ')"

# ---- zsh: the script with its own helpers replaced
if command -v zsh >/dev/null; then
        found=$(zsh -fc '
                _call_program() { shift; eval "$*"; }
                _describe() { print -l "${(@P)2}"; }
                words=("$1" sta) CURRENT=2
                source "$2"' zsh "$ctl" "$root/etc/completions/_supervisorctl" | tr '\n' '|')
        expect 'zsh: commands' 'start:Start one process|status:The state of one process|' "$found"
else
        echo 'completions: zsh is not installed: its script was not run (1 skipped)'
fi
exit $failed
