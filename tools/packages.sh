#!/usr/bin/env bash
# Install the system packages that the lab and its tests use, when they are missing. Nothing is started or configured.
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A needs=(
    [ovs-vsctl]=openvswitch-switch [ovs-vswitchd]=openvswitch-switch
    [ip]=iproute2 [nsenter]=util-linux [ping]=iputils-ping [ethtool]=ethtool
)
missing=()
PATH=$PATH:/usr/sbin:/sbin
for command in "${!needs[@]}"; do
    command -v "$command" >/dev/null || missing+=("${needs[$command]}")
done
[ ${#missing[@]} -gt 0 ] || exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing packages: ${missing[*]} (as root on Debian or Ubuntu, this installs them)" >&2
    exit 1
fi
echo "installing ${missing[*]}"
tools/apt.sh "${missing[@]}"
