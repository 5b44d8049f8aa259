#!/usr/bin/env bash
# Pin what pyproject.toml asks for, with hashes: requirements.lock to run, requirements-dev.lock to develop as well.
set -euo pipefail
cd "$(dirname "$0")/.."
compile=("$1/bin/python" -m piptools compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe)
export CUSTOM_COMPILE_COMMAND='make lock'
"${compile[@]}" "${UPGRADE:---no-upgrade}" --extra agent --extra server -o requirements.lock pyproject.toml
"${compile[@]}" "${UPGRADE:---no-upgrade}" --extra agent --extra server --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
# neutron-lib asks for eventlet and does without; `ovs` imports it wherever it is, which prints a warning and takes memory.
sed -i '/^eventlet==/,/^[a-z]/ { /^eventlet==/d; /^ /d }' requirements-dev.lock
