#!/bin/sh
# Includes go down only: base <- wire <- model, sys <- logs, readlog <- engine <- api, ctl <- supervisord. model and sys do not see
# each other, ctl does not see engine, and a header that lies in src/ is seen by its own part only. Prints each breach; the exit status says whether there was one.
cd "$(dirname "$0")/../.." || exit 1

allowed() {
        case "$1" in
        base) echo "base" ;;
        wire) echo "base wire" ;;
        model) echo "base wire model" ;;
        sys) echo "base sys" ;;
        logs) echo "base sys logs" ;;
        readlog) echo "base sys logs readlog" ;;
        engine) echo "base wire model sys logs readlog engine" ;;
        api) echo "base wire model sys logs readlog engine api" ;;
        ctl) echo "base wire model sys ctl" ;;
        esac
}

bad=0
found=$(mktemp) || exit 1
trap 'rm -f "$found"' EXIT
for part in base wire model sys logs readlog engine api ctl; do
        may=" $(allowed $part) "
        grep -nE '^#include "[a-z]+/' -r --include='*.[ch]' src/$part include/$part 2>/dev/null >"$found" || :
        while IFS= read -r line; do
                seen=$(printf '%s\n' "$line" | sed -E 's/.*#include "([a-z]+)\/.*/\1/')
                case "$may" in
                *" $seen "*) ;;
                *)
                        echo "floors: $part may not see $seen: $line"
                        bad=1
                        ;;
                esac
        done <"$found"
done
exit $bad
