#!/bin/sh
# Debian packages that a target needs: names what is missing, then installs it.
# usage: deps.sh build|demo|check|fuzz|bench
#   DEPS=skip   only say what is missing, and fail
#   DEPS_LOOK_IN=DIR   where the headers and programs are looked for, for tests (default: the system)
set -u

# A package, and what shows that it is there: an absolute path or a program.
build='gcc:cc
make:make
libc6-dev:/usr/include/stdio.h
libev-dev:/usr/include/ev.h
libinih-dev:/usr/include/ini.h
libjansson-dev:/usr/include/jansson.h
libhttp-parser-dev:/usr/include/http_parser.h
libexpat1-dev:/usr/include/expat.h
uthash-dev:/usr/include/uthash.h
libedit-dev:/usr/include/histedit.h
libbsd-dev:/usr/include/bsd/bsd.h
libmd-dev:/usr/include/sha1.h
zlib1g-dev:/usr/include/zlib.h'

demo='nginx-light:nginx
redis-server:redis-server
redis-tools:redis-cli
python3:python3
curl:curl'

check='libcriterion-dev:/usr/include/criterion/criterion.h
supervisor:supervisord
strace:strace
mandoc:mandoc
clang:clang
clang-format:clang-format
clang-tidy:clang-tidy
cppcheck:cppcheck
locales:/usr/share/i18n/locales/tr_TR
iproute2:ip'

# What a suite goes without where it cannot be had: it says what it skipped.
helpful='user-mode-linux:linux.uml'

# The peers, and what draws the picture.
bench='python3:python3
supervisor:supervisord
s6:s6-svscan
runit:runsvdir
gnuplot-nox:gnuplot'

fuzz='clang:clang
libclang-rt-14-dev:/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/clang_rt.crtbegin-x86_64.o'

case ${1-} in
fuzz) wanted="$build
$fuzz" ;;
build) wanted=$build ;;
demo) wanted="$build
$demo" ;;
check) wanted="$build
$demo
$check
$fuzz" ;;
bench) wanted="$build
$bench" ;;
*)
        echo "usage: $0 build|demo|check|fuzz|bench" >&2
        exit 2
        ;;
esac

# Programs of root are outside an ordinary user's PATH; our own supervisord is not Debian's.
PATH=$PATH:/usr/sbin:/sbin
is_there() {
        case $1 in
        /*) [ -e "$root$1" ] ;;
        supervisord) [ -x "$root/usr/bin/supervisord" ] ;;
        *) [ -z "$root" ] && command -v "$1" >/dev/null || [ -x "$root/usr/bin/$1" ] ||
                [ -x "$root/usr/sbin/$1" ] ;;
        esac
}

root=${DEPS_LOOK_IN-}
missing=
for row in $wanted; do
        is_there "${row#*:}" || missing="$missing ${row%%:*}"
done
extra=
[ "$1" = check ] && for row in $helpful; do
        is_there "${row#*:}" || extra="$extra ${row%%:*}"
done
[ -n "$missing$extra" ] || exit 0

# Without these there is something to skip, and nothing else is missing: no failure from here on.
go_without() {
        echo "make $1 goes without Debian packages that are not here:$extra"
        exit 0
}
if [ -z "$missing" ]; then
        [ "${DEPS-}" != skip ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || go_without "$1"
        DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $extra || go_without "$1"
        exit 0
fi

echo "make $1 needs Debian packages that are not here:$missing"
if [ "${DEPS-}" = skip ]; then
        echo "DEPS=skip was said: not installing them" >&2
        exit 1
fi
if ! command -v apt-get >/dev/null; then
        echo "there is no apt-get here: install what they contain by this system's own means" >&2
        exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
                echo "neither root nor sudo: run  apt-get install$missing  as root" >&2
                exit 1
        }
        as_root=sudo
fi

# Debian starts a service when its package is installed; the tests bring up their own. The runlevel
# keeps init scripts from it, and where systemd runs we switch off what has come with us.
apt() {
        $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y "$@"
}
switch_off() {
        [ -d /run/systemd/system ] || return 0
        for package in $missing; do
                case $package in
                nginx-light) $as_root systemctl disable --now nginx.service ;;
                redis-server | supervisor) $as_root systemctl disable --now "$package.service" ;;
                esac
        done
}

# Package lists may be old or not there at all: with fresh ones once more before giving up.
apt install --no-install-recommends $missing || { apt update && apt install --no-install-recommends $missing; } || {
        echo "apt-get could not install:$missing" >&2
        exit 1
}
[ -z "$extra" ] || apt install --no-install-recommends $extra || echo "going without:$extra"
switch_off
still=
for row in $wanted; do
        is_there "${row#*:}" || still="$still ${row%%:*}"
done
[ -z "$still" ] || {
        echo "installed, and yet not found:$still" >&2
        exit 1
}
