#!/usr/bin/env bash
# `tools/service.sh NAME` makes .venv-NAME, of keystone, designate, nova: real services of OpenStack that tests talk with, which
# want other versions of things than we do; `tools/service.sh suites` .venv-suites, OpenStack's own tests. Done once for each requirements-NAME.lock;
# `tools/service.sh NAME lock` pins it anew from requirements-NAME.in.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
venv=.venv-$name
lock=requirements-$name.lock
if [ "${2:-}" = lock ]; then
    export CUSTOM_COMPILE_COMMAND="tools/service.sh $name lock"
    .venv/bin/python -m piptools compile --quiet --strip-extras --generate-hashes --no-emit-index-url \
        --no-emit-trusted-host --no-emit-find-links --allow-unsafe "${UPGRADE:---no-upgrade}" -o "$lock" "requirements-$name.in"
    # 73 MB that only the proxy of Nova's consoles uses.
    [ "$name" != nova ] || sed -i '/^numpy==/,/^[a-z]/ { /^numpy==/d; /^ /d }' "$lock"
    exit 0
fi
made=$venv/.made-from
exec 9<"$lock" && flock 9 # several test runs may come at once
if cmp --silent "$lock" "$made"; then
    exit 0
fi
python=${PYTHON:-python3}
echo "making $venv"
"$python" -m venv --clear "$venv"
# What is used of it is compiled by its first run: of Nova that is a quarter of what pip would compile.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r "$lock"
cp "$lock" "$made"
