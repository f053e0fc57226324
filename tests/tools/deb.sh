#!/bin/sh
# Make a Debian package from an installed tree. usage: deb.sh TREE OUTPUT-DIR
set -eu
tree=$1 out=$2
cd "$(dirname "$0")/../.."
version=$(sed -n 's/.*SUPERVISORD_VERSION "\(.*\)".*/\1/p' include/version.h)
arch=$(dpkg --print-architecture)
depends=$(ldd "$tree"/usr/bin/supervisord "$tree"/usr/bin/supervisorctl | awk '/=> \//{print $3}' | sort -u |
        while IFS= read -r lib; do # dpkg knows a file by one of its names, of which /lib is one
                real=$(readlink -f "$lib")
                dpkg -S "$real" 2>/dev/null || dpkg -S "${real#/usr}" 2>/dev/null || dpkg -S "$lib"
        done | cut -d: -f1 | sort -u | paste -sd, | sed 's/,/, /g')
mkdir -p "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<END
Package: supervisord-c
Version: $version
Architecture: $arch
Maintainer: the supervisord authors <supervisord@localhost>
Depends: $depends
Conflicts: supervisor
Replaces: supervisor
Section: admin
Priority: optional
Description: process supervisor that reads Supervisor's configuration
 Keeps a fleet of worker processes alive: health checks, back-off, live
 scaling, reload of the difference, a control socket. Takes the place of
 Supervisor (Python): same files, same clients.
END
find "$tree/usr/share/man" -type f -name '*.[1-8]' -exec gzip -9nf {} +
dpkg-deb --root-owner-group --build "$tree" "$out/supervisord-c_${version}_$arch.deb"
