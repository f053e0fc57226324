#!/bin/sh
# A process goes while an answer is waited for: what src/api keeps beyond the call that it got a process in is a name that is looked
# up, or a copy. So no struct of src/api has a pointer to a process, or to what goes with one; a struct that never outlives a call
# says so in the comment on its first line: "within one call". Prints each breach; the exit status says whether there was one.
cd "${1:-$(dirname "$0")/../..}" || exit 1

awk '
/^(static )?(const )?struct [a-z_]* *\{/ || /^static struct *\{/ || /^typedef struct/ {
        inside = /\{/
        exempt = /within one call/
        next
}
inside && /^\}/ { inside = 0 }
inside && !exempt && !/\(/ && /struct (process|worker|fleet|group|program|stream|stdin_pipe) *(\*|const *\*)/ {
        sub(/^ +/, "")
        print "pointers: " FILENAME ":" FNR ": stored beyond the call: " $0
        bad = 1
}
END { exit bad }
' $(find src/api include/api -name '*.[ch]')
