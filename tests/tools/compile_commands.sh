#!/bin/sh
# The compilation database. usage: compile_commands.sh 'CC FLAGS' SOURCE...
command=$1
shift
dir=$(pwd)
comma=
echo '['
for file in "$@"; do
        printf '%s{"directory": "%s", "command": "%s -c %s", "file": "%s"}\n' \
                "$comma" "$dir" "$command" "$file" "$file"
        comma=,
done
echo ']'
