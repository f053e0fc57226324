#!/bin/sh
# Each source and header opens with a comment that says what it is for. Prints those that do not; the exit status says
# whether there was one.
cd "$(dirname "$0")/../.." || exit 1

bad=$(find src include supervisord man -name '*.[ch]' | sort | while IFS= read -r file; do
        case $(head -c 2 "$file") in
        '/*') ;;
        *) echo "openings: $file begins without a comment that says what it is for" ;;
        esac
done)
[ -z "$bad" ] || printf '%s\n' "$bad"
[ -z "$bad" ]
