#!/usr/bin/env bash
# Make .venv-ansible with the OpenStack modules of Ansible, taken out of the package `ansible` (54 MB) that bundles them.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-ansible
made=$venv/.made-from
exec 9<tools/ansible.sh && flock 9
if cmp --silent tools/ansible.sh "$made"; then
    exit 0
fi
echo "making $venv"
"${PYTHON:-python3}" -m venv --clear "$venv"
pip=("$venv/bin/python" -m pip --quiet --disable-pip-version-check)
# openstack.cloud 2.5.0 reads openstack.version, which later SDKs do not have
"${pip[@]}" install ansible-core==2.19.14 openstacksdk==4.4.0
"${pip[@]}" download --no-deps --dest "$venv" ansible==12.3.0
"$venv/bin/python" - "$venv" <<'EOF'
import pathlib, sys, zipfile

(wheel,) = pathlib.Path(sys.argv[1]).glob("ansible-*.whl")
with zipfile.ZipFile(wheel) as whole:
    ours = [name for name in whole.namelist() if name.startswith("ansible_collections/openstack/cloud/")]
    whole.extractall(f"{sys.argv[1]}/collections", ours)
wheel.unlink()
EOF
cp tools/ansible.sh "$made"
