#!/bin/sh
# The manual is clean: mandoc has nothing to say from warnings upwards, every name in the tables is
# in its page, cross references lead somewhere, no marker is left. usage: check_man.sh BUILD/man
set -u
dir=${1:-build/man}
cd "$(dirname "$0")/../.." || exit 1
failed=0

complain() {
        echo "check_man: $*" >&2
        failed=1
}

pages=$(ls "$dir"/*.[1-8] 2>/dev/null)
[ -n "$pages" ] || complain "no pages in $dir: run make man"

for page in $pages; do
        mandoc -Tlint -W warning "$page" || complain "$page: mandoc complains"
        grep -n '^@.*@$' "$page" && complain "$page: a marker is left"
        # words that the writer may have meant as a list of the tables' entries, forgotten
        [ -f "man/$(basename "$page").in" ] || complain "$page: no source in man/"
done

# .Xr of pages of ours
for ref in $(sed -n 's/^\.Xr \(supervisor[^ ]*\) \([1-8]\).*/\1.\2/p' $pages | sort -u); do
        [ -f "$dir/$ref" ] || complain "a reference to $ref, which is not there"
done

# Every key of the tables is in the sample, but for what is there for standard output and error alike and what cannot
# be loaded.
keys=$(sed -n 's/.*\.key = "\([a-z_.]*\)".*/\1/p' src/model/config/options*.c src/model/config/options*.tbl | sort -u)
[ -n "$keys" ] || complain "no keys found in the tables"
for key in $keys; do
        case $key in
        stderr_* | supervisor.ctl_factory) ;;
        *) grep -q "^;\{0,1\}$key *=" etc/supervisord.conf || complain "not in etc/supervisord.conf: $key" ;;
        esac
done

# Every key of the tables, every flag and command is explained somewhere.
plain=$(for page in $pages; do mandoc -Tascii "$page" | col -b; done)
in_manual() {
        printf '%s\n' "$plain" | grep -q -e "$1" || complain "not in the manual: $1"
}
for key in $keys; do
        in_manual "^ *$key"
done

# The programs' own words agree with the pages, where they are built.
bin=${dir%/man}/bin
if [ -x "$bin/supervisord" ]; then
        for flag in $("$bin/supervisord" --help | sed -n 's/^[^ ]*\(--[a-z_]*\).*/\1/p'); do
                in_manual "$flag"
        done
fi
if [ -x "$bin/supervisorctl" ]; then
        for command in $("$bin/supervisorctl" help 2>/dev/null | sed -n '/^=/,$p' | grep -v '[(=:]'); do
                in_manual "^ *$command"
        done
fi
exit $failed
