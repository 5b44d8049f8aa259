#!/usr/bin/env bash
# Install Debian or Ubuntu packages without a prompt; refresh the package lists only when that is needed.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { apt-get install -y --no-install-recommends "$@" >"$log" 2>&1; }
install "$@" || { apt-get update >"$log" 2>&1 && install "$@"; } || { cat "$log" >&2; exit 1; }
