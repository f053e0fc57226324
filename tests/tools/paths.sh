#!/bin/sh
# Files that may lie in another user's directory are opened, looked at, renamed and removed by sys/store/guarded.h
# alone. Prints each other call by path in the parts that have to do with them; the exit status says whether there was one.
cd "$(dirname "$0")/../.." || exit 1

calls='open|openat2|fopen|creat|stat|lstat|access|opendir|scandir|rename|unlink|remove|chmod|chown|lchown|truncate|readlink|link|symlink|mkfifo'
files="src/logs/*.c src/logs/*/*.c src/readlog/*.c src/sys/host/daemonize.c src/sys/net/listen_unix.c src/api/*/*.c src/engine/events/listeners_adopt.c src/engine/run/streams.c src/engine/order/orders.c src/engine/run/gzip_child.c"

# What is no such file: descriptors of our own in /proc, /dev/null, what lies in the state directory, and looks that lead to nothing but a word in
# an error or the question whether a socket's node is ours still. FILE:part of the line.
allowed() {
        cat <<'END'
src/logs/store/outfd.c:sys->open(sys, link,
src/logs/intake/reusable_pipe.c:sys->open(core->sys, path, O_RDONLY | O_NONBLOCK, 0)
src/logs/spool/spool.c:sys->open(
src/sys/host/daemonize.c:open("/dev/null"
src/sys/host/daemonize.c:opendir(path)
src/engine/run/gzip_child.c:open("/dev/null"
src/sys/net/listen_unix.c:lstat(path, &st) == 0 ? PEER_GONE
src/sys/net/listen_unix.c:chmod(link, mode)
src/api/http/sock_file.c:lstat(l->conf.file
src/api/http/server_socket.c:lstat(l->conf.file
END
}

list=$(mktemp) || exit 1
trap 'rm -f "$list"' EXIT
allowed >"$list"
bad=$(grep -nE "(^|[^a-zA-Z_>.\"])($calls)\(|sys->(open|stat)\(" $files | grep -vE '^[^:]*:[0-9]*: *(/?\*|static )' | while IFS= read -r line; do
        file=${line%%:*}
        known=
        while IFS= read -r one; do
                part=${one#*:}
                [ "${one%%:*}" = "$file" ] || continue
                case "$line" in *"$part"*) known=1 ;; esac
        done <"$list"
        [ "$known" ] || echo "paths: by sys/store/guarded.h, please: $line"
done)
[ -z "$bad" ] || printf '%s\n' "$bad"
[ -z "$bad" ]
