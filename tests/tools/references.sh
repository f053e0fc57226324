#!/bin/sh
# What comments, manual pages and doc/ refer to is there. Checked are:
#   "compat 12.1", "compat 23, row 25"   the section, and the row of its numbered table, in doc/compat.md;
#                                        inside that page also the section sign with a number
#   NAME.md                              in doc/, at the root, or beside the file that names it
#   engine/order/orders.h and the like   a file of the tree: its whole path, or the path under src/, include/ or tests/, or beside
#                                        the file that names it; `*` stands for any letters
#   name.c, name.h                       without a folder, in comments of C and in doc/: any file of that name
#   src/engine/core                      a path that begins with a folder of the root, with or without an ending
# In C only comments are read, in scripts what is behind a `#`; paths everywhere but in Python. Prints each reference that leads nowhere; the exit
# status says whether there was one. usage: references.sh [FILE...]
cd "$(dirname "$0")/../.." || exit 1
tree=$(mktemp) || exit 1
trap 'rm -f "$tree" "$tree.c"' EXIT
git ls-files --cached --others --exclude-standard >"$tree"
[ -s "$tree" ] || find . -type f ! -path './build/*' | sed 's|^\./||' >"$tree"

# Without a FILE the check is checked first: each of these lines has one reference that leads nowhere.
if [ $# -eq 0 ]; then
        for broken in 'compat 99.1' 'compat\n * 99.1 is' 'compat 23,\n * row 77 is' 'compat 23, row 77' 'compat 8 and 99' 'doc/nowhere.md' 'engine/order/nowhere.h' 'src/nowhere' \
                'src/engine/order/nowhere*.c' 'nowhere.c' 'design section 4'; do
                printf "/* $broken.\n */\n" >"$tree.c"
                ! tests/tools/references.sh "$tree.c" >/dev/null || { echo "references: does not see that \"$broken\" leads nowhere"; exit 1; }
        done
        echo '/* compat 12.1; compat 21.4; 23, row 25; doc/api.md, README.md, engine/order/orders.h, src/sys/store/*.c */' >"$tree.c"
        tests/tools/references.sh "$tree.c" || exit 1
fi

# The conformance suite comes from outside; the change log tells of files as they were.
files=${*:-$(grep -E '(^|/)Makefile$|\.(c|h|tbl|py|sh|in|md)$|^(tests/[a-z0-9]+|\.ci)/[a-z_]+$' "$tree" |
        grep -vE '^(tests/conformance/|CHANGELOG\.md$|tests/bench/(goals|syscalls)$|tests/fuzz/floors$|tests/tools/references\.sh$)')}

awk -v tree="$tree" '
function bad(what, why) {
        printf "references: %s:%d: %s: %s\n", FILENAME, FNR, what, why
        wrong = 1
}

function compat_read(  line, section) {
        while ((getline line <"doc/compat.md") > 0) {
                if (line ~ /^##+ [0-9]/) {
                        section = line
                        sub(/^##+ /, "", section)
                        sub(/\.? .*/, "", section)
                        sections[section] = 1
                } else if (line ~ /^\| [0-9]+ \|/) {
                        sub(/^\| /, "", line)
                        sub(/ .*/, "", line)
                        rows[section " " line] = 1
                }
        }
}

function tree_read(  line) {
        while ((getline line <tree) > 0) {
                paths[line] = 1
                name = line
                sub(/.*\//, "", name)
                names[name] = 1
                while (sub(/\/[^\/]*$/, "", line))
                        paths[line] = 1
        }
        split("src include tests man etc doc supervisord", list, " ")
        for (i in list)
                tops[list[i]] = 1
}

# "12.1", "8, 16", "21.4; 23, row 35", "3 to 8"
function compat_check(text,  word, section, n, i, row) {
        n = split(text, word, /[^0-9a-z.]+/)
        for (i = 1; i <= n; i++) {
                if (word[i] ~ /^rows?$/) {
                        row = 1
                } else if (word[i] ~ /^[0-9]/) {
                        sub(/\.$/, "", word[i])
                        if (row && !((section " " word[i]) in rows))
                                bad(text, "doc/compat.md has no such row")
                        if (!row && !((section = word[i]) in sections))
                                bad(text, "doc/compat.md has no section " section)
                }
        }
}

# A reference may go on in the next line.
function compat_look(line,  carried) {
        carried = length(carry)
        if (carried) {
                sub(/^[ \t]*[*#]?[ \t]*/, "", line)
                line = carry " " line
                carry = ""
        }
        if (match(line, /(^|[^a-z])compat( sections?)?( [0-9.]+((, rows?|,| and|;| to)( [0-9.]+)?)*)?[ ]*$/) && (!carried || RSTART > carried)) {
                carry = substr(line, RSTART, RLENGTH)
                line = substr(line, 1, RSTART - 1)
        }
        while (match(line, /(^|[^a-z])compat (sections? )?[0-9]+(\.[0-9]+)?((, rows? |, | and |; | to )[0-9]+(\.[0-9]+)?)*/)) {
                compat_check(substr(line, RSTART, RLENGTH))
                line = substr(line, RSTART + RLENGTH)
        }
        if (line ~ /(^|[^a-z])design( section)? [0-9]/)
                bad("design", "say which page of doc/ or of the manual")
}

function section_sign_look(line) {
        while (match(line, /§[0-9]+(\.[0-9]+)?/)) {
                compat_check(substr(line, RSTART, RLENGTH))
                line = substr(line, RSTART + RLENGTH)
        }
}

function glob_found(path,  one) {
        gsub(/\./, "\\.", path)
        gsub(/\*+/, "[^/]*", path)
        for (one in paths)
                if (one ~ "^" path "$")
                        return 1
        return 0
}

function found(path) {
        return path ~ /\*/ ? glob_found(path) : path in paths
}

# ../ is walked by hand
function beside(path,  folder) {
        folder = FILENAME
        if (!sub(/\/[^\/]*$/, "", folder))
                return path
        while (sub(/^\.\.\//, "", path))
                if (!sub(/\/[^\/]*$/, "", folder))
                        folder = ""
        return folder == "" ? path : folder "/" path
}

function page_look(line,  path) {
        while (match(line, /[A-Za-z0-9_.\/-]*[A-Za-z0-9_-]\.md/)) {
                path = substr(line, RSTART, RLENGTH)
                line = substr(line, RSTART + RLENGTH)
                sub(/^\.\//, "", path)
                if (path == "results.md" || path == "NAME.md") # made by the bench; stands for any
                        continue
                if (line !~ /^[a-z]/ && path !~ /^\// && !(found(path) || found("doc/" path) || found(beside(path))))
                        bad(path, "no such page")
        }
}

function path_look(line,  path, top, before) {
        while (match(line, /[A-Za-z_][A-Za-z0-9_.*-]*(\/[A-Za-z0-9_.*-]+)+/)) {
                path = substr(line, RSTART, RLENGTH)
                before = RSTART > 1 ? substr(line, RSTART - 1, 1) : ""
                line = substr(line, RSTART + RLENGTH)
                sub(/[.\/]+$/, "", path)
                if (before ~ /[<\/$.~@:)}%-]/ || line ~ /^[\/(>%$]/)
                        continue
                top = path
                sub(/\/.*/, "", top)
                if (path ~ /\.md$|^(linux|asm|net|netinet|arpa)\// || !(top in tops) && path !~ /\.(c|h|tbl|py|sh)$/)
                        continue
                if (!(found(path) || found("src/" path) || found("include/" path) || found("tests/" path) || found(beside(path))))
                        bad(path, "no such file")
        }
}

function name_look(line,  name) {
        while (match(line, /(^|[^A-Za-z0-9_.\/*<-])[a-z_0-9]+\.[ch]($|[^a-z_0-9(])/)) {
                name = substr(line, RSTART, RLENGTH)
                line = substr(line, RSTART + RLENGTH - 1)
                gsub(/^[^a-z_0-9]|[^a-z]$/, "", name)
                if (!(name in names))
                        bad(name, "no file has this name")
        }
}

# The comments of a line of C; `inside` goes on over lines.
function c_comment(line,  text) {
        text = ""
        for (;;) {
                if (inside) {
                        at = index(line, "*/")
                        if (!at)
                                return text " " line
                        text = text " " substr(line, 1, at - 1)
                        line = substr(line, at + 2)
                        inside = 0
                }
                at = index(line, "/*")
                if (!at)
                        return text
                if (substr(line, 1, at - 1) ~ /"[^"]*$/ && substr(line, 1, at - 1) !~ /"[^"]*"[^"]*$/)
                        return text
                line = substr(line, at + 2)
                inside = 1
        }
}

BEGIN {
        compat_read()
        tree_read()
}

FNR == 1 {
        inside = 0
        carry = ""
        python = FILENAME ~ /\.py$/ || /^#!.*python/
        kind = FILENAME ~ /\.(c|h|tbl)$/ ? "c" : FILENAME ~ /\.(md|in)$/ ? "page" : "script"
}

{
        line = $0
        if (kind == "c")
                line = c_comment(line)
        else if (kind == "script")
                line = index(line, "#") ? substr(line, index(line, "#")) : ""
        compat_look(line)
        page_look(line)
        path_look(kind == "script" && !python ? $0 : line)
        if (kind == "c" || FILENAME ~ /^doc\//)
                name_look(line)
        if (FILENAME == "doc/compat.md")
                section_sign_look(line)
}

END { exit wrong }
' $files
