#!/bin/sh
# Things are called by their nouns (doc/glossary.md): none of these pronouns in sources, messages, tests, the manual and doc/, and
# "kept" only in the phrases below. `nobody` is fine as the user's name. Prints each; the exit status says whether there was one.
cd "$(dirname "$0")/../.." || exit 1

word='(whoever|somebody|nobody|whom|someone|the[ _]other[ _]one|kept)'
bad="(^|[^a-z])$word([^a-z]|\$)"
# The user: in quotes by itself, in a path, as an option or an argument, and what a story is told by.
user="user[= ]nobody|as[ _]nobody|['~]nobody|nobody_ids|--nobody|(chown|chown -R|--reuid) nobody|[a-z]\.nobody|nobody=|= nobody or|    nobody:"
# Old log files, output after a kill, a program alive, and messages that users know.
kept='kept alive|old main logs are kept|backups_are_kept|is kept in|not kept over a kill|was kept|program are kept|process is kept|"kept"'

# The conformance suite and the recorded answers in golden/rpc come from outside; inputs of the fuzzers are bytes; the glossary says what not to use.
files=$(find src include supervisord tests man doc README.md CONTRIBUTING.md -type f ! -path 'tests/conformance/*' ! -path 'tests/golden/rpc/*' \
        ! -path 'tests/fuzz/corpus/*' ! -path tests/tools/words.sh ! -name '*.pyc')
found=$(grep -nHiE "$bad" $files | grep -v '^doc/glossary.md:.*| ' | sed -E "s/$user//g; s/$kept//g" | grep -iE "$bad")

# The check is checked: it sees what it is for.
for one in 'Whoever asks' 'a_pid_of_somebody_else' 'it is kept for' 'nobody waits' the_other_one; do
        printf '%s\n' "$one" | sed -E "s/$user//g; s/$kept//g" | grep -qiE "$bad" || { echo "words: does not see \"$one\""; exit 1; }
done
[ -z "$found" ] || printf '%s\n' "$found" | sed 's/^/words: /'
[ -z "$found" ]
