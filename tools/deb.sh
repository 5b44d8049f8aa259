#!/usr/bin/env bash
# Build the Debian packages into dist/ or DIRECTORY: tunbridge (command, libraries, man pages), tunbridge-agent and tunbridge-server
# (unit, default configuration). `tools/deb.sh VENV [DIRECTORY]`; the libraries are the locked ones, for this machine's Python.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(readlink -f "$1/bin/python")
version=$("$1/bin/python" -c 'import tunbridge; print(tunbridge.__version__)')
abi=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
next=${abi%.*}.$((${abi#*.} + 1))
arch=$(dpkg --print-architecture)
out=${2:-dist}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

base=$work/tunbridge libraries=$work/tunbridge/usr/lib/tunbridge
mkdir -p "$libraries" "$base/usr/bin" "$base/usr/share/doc/tunbridge" "$base/usr/share/bash-completion/completions"
"$python" -m pip install --quiet --root-user-action=ignore --disable-pip-version-check --no-compile --require-hashes --no-deps \
    --target "$libraries" -r requirements.lock
rm -rf "$libraries/bin"
"$1/bin/python" -m build --wheel --no-isolation --outdir "$work/wheel" . >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
"$python" -m pip install --quiet --root-user-action=ignore --disable-pip-version-check --no-compile --no-deps --target "$libraries" "$work"/wheel/*.whl
rm -rf "$libraries/bin"
# Bytecode is part of it: nothing may write it later, and without it each start would compile everything.
"$python" -m compileall -q -s "$base" -p / "$libraries" || true
install -m 0755 packaging/deb/tunbridge "$base/usr/bin/tunbridge"
"$1/bin/python" tools/manpages.py "$base/usr/share/man"
find "$base/usr/share/man" -type f -exec gzip -9n {} +
install -m 0644 CHANGELOG.md docs/*.md "$base/usr/share/doc/tunbridge/"
install -m 0644 LICENSE "$base/usr/share/doc/tunbridge/copyright"
_TUNBRIDGE_COMPLETE=source_bash "$1/bin/tunbridge" >"$base/usr/share/bash-completion/completions/tunbridge" || true

for daemon in agent server; do
    # The agent runs as root; the server as a user of its own that must read its file.
    mode=0600 && [ $daemon = agent ] || mode=0644
    root=$work/tunbridge-$daemon
    mkdir -p "$root/lib/systemd/system" "$root/etc/tunbridge" "$root/usr/share/doc/tunbridge-$daemon" "$root/DEBIAN"
    sed 's,/opt/tunbridge/bin/,/usr/bin/,' "packaging/tunbridge-$daemon.service" >"$root/lib/systemd/system/tunbridge-$daemon.service"
    install -m "$mode" "packaging/deb/$daemon.toml" "$root/etc/tunbridge/$daemon.toml"
    install -m 0644 LICENSE "$root/usr/share/doc/tunbridge-$daemon/copyright"
    echo "/etc/tunbridge/$daemon.toml" >"$root/DEBIAN/conffiles"
    for script in postinst prerm postrm; do
        sed "s/@UNIT@/tunbridge-$daemon/" "packaging/deb/$script" >"$root/DEBIAN/$script"
        chmod 0755 "$root/DEBIAN/$script"
    done
done

mkdir -p "$base/DEBIAN" "$out"
for package in tunbridge tunbridge-agent tunbridge-server; do
    size=$(du -sk --exclude DEBIAN "$work/$package" | cut -f1)
    sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/; s/@PYTHON@/$abi/; s/@NEXT@/$next/" \
        "packaging/deb/$package.control" >"$work/$package/DEBIAN/control"
    (cd "$work/$package" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    dpkg-deb --root-owner-group -Zzstd --build "$work/$package" "$out/${package}_${version}_${arch}.deb" >/dev/null
    echo "$out/${package}_${version}_${arch}.deb"
done
