#!/bin/sh
# Things are called by their nouns (doc/glossary.md): none of these pronouns in sources, messages, the manual and doc/.
# `nobody` is fine as the user's name. Names of tests, in backticks, are not looked at. Prints each; the exit status says
# whether there was one.
cd "$(dirname "$0")/../.." || exit 1

files="$(find src include supervisord -name '*.[ch]' -o -name '*.tbl') $(ls man/*.in man/*.c doc/*.md) README.md CONTRIBUTING.md"
bad=$(grep -niwE 'whoever|somebody|nobody|whom|the other one' $files | grep -v '^doc/glossary.md:.*| ' |
        sed -E 's/`[^`]*`//g; s/(user|as) nobody//g' | grep -iwE 'whoever|somebody|nobody|whom|the other one')
[ -z "$bad" ] || printf '%s\n' "$bad" | sed 's/^/words: /'
[ -z "$bad" ]
