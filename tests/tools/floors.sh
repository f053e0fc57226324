#!/bin/sh
# Includes go down only: base <- model, sys <- logs, engine <- api, ctl <- supervisord. model and sys do not see each other,
# ctl does not see engine. Prints each breach; the exit status says whether there was one.
cd "$(dirname "$0")/../.." || exit 1

allowed() {
        case "$1" in
        base) echo "base" ;;
        model) echo "base model" ;;
        sys) echo "base sys" ;;
        logs) echo "base sys logs" ;;
        engine) echo "base model sys logs engine" ;;
        api) echo "base model sys logs engine api" ;;
        ctl) echo "base model sys ctl" ;;
        esac
}

bad=0
for part in base model sys logs engine api ctl; do
        may=" $(allowed $part) "
        grep -nE '^#include "[a-z]+/' src/$part/*.[ch] include/$part/*.h 2>/dev/null >/tmp/floors.$$ || :
        while IFS= read -r line; do
                seen=$(printf '%s\n' "$line" | sed -E 's/.*#include "([a-z]+)\/.*/\1/')
                case "$may" in
                *" $seen "*) ;;
                *)
                        echo "floors: $part may not see $seen: $line"
                        bad=1
                        ;;
                esac
        done </tmp/floors.$$
        rm -f /tmp/floors.$$
done
exit $bad
