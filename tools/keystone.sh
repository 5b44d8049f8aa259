#!/usr/bin/env bash
# Make .venv-keystone with the real Keystone that tests validate tokens with: it wants other versions of things than we do.
# Done once for each requirements-keystone.lock; `tools/keystone.sh lock` pins it anew from requirements-keystone.in.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-keystone
lock=requirements-keystone.lock
if [ "${1:-}" = lock ]; then
    export CUSTOM_COMPILE_COMMAND='tools/keystone.sh lock'
    exec .venv/bin/python -m piptools compile --quiet --strip-extras --generate-hashes --no-emit-index-url \
        --no-emit-trusted-host --no-emit-find-links --allow-unsafe "${UPGRADE:---no-upgrade}" -o "$lock" requirements-keystone.in
fi
made=$venv/.made-from
exec 9<tools/keystone.sh && flock 9 # several test runs may come at once
if cmp --silent "$lock" "$made"; then
    exit 0
fi
python=${PYTHON:-python3}
echo "making $venv"
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
cp "$lock" "$made"
