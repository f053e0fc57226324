#!/bin/sh
# Each test that doc/security.md names is there: FILE::SUITE.NAME for C, FILE::NAME for a story. Each row of its tables
# names one. Prints what is wrong; the exit status says whether there was anything. usage: security_table.sh [PAGE]
cd "$(dirname "$0")/../.." || exit 1
page=${1:-doc/security.md}

[ -r "$page" ] || { echo "security_table: $page cannot be read"; exit 1; }

is_there() {
        file=${1%%::*}
        name=${1#*::}
        case $file in
        *.c) grep -qE "^(Parameterized)?Test\(${name%%.*}, *${name#*.}[,)]" "$file" 2>/dev/null ;;
        *) grep -B1 "^def $name(c)" "$file" 2>/dev/null | grep -q '^@story' ;;
        esac
}

named=$(grep -o '`tests/[^`]*::[^`]*`' "$page" | tr -d '`' | sort -u)
missing=$(for one in $named; do
        is_there "$one" || echo "security_table: $page names $one, which does not exist"
done)
# A row is neither the head of a table nor the line below that.
bare=$(grep -n '^|' "$page" | grep -v 'shown by |$' | grep -v '|---|' | grep -v '`tests/[^`]*::[^`]*` |$')

[ -n "$named" ] || echo "security_table: $page names no test"
[ -z "$missing" ] || printf '%s\n' "$missing"
[ -z "$bare" ] || printf '%s\n' "$bare" | sed "s|^|security_table: $page: a row without a test: |"
[ -n "$named" ] && [ -z "$missing" ] && [ -z "$bare" ]
