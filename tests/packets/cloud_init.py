"""A real cloud-init inside a VM: what its data sources read from the metadata service.

Its files are those of Debian's package, which `tools/packages.sh tests` unpacks without installing it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.packets.cloud import Workload

FOLDER = Path("/usr/local/lib/tunbridge-tests/cloud-init")
PYTHON = "/usr/bin/python3"
_SETTINGS = """
import json, sys, tempfile
from cloudinit import helpers
from cloudinit.sources import DataSourceEc2 as ec2, DataSourceOpenStack as openstack
folder = tempfile.mkdtemp()
paths = helpers.Paths({"cloud_dir": folder, "run_dir": folder})
url = sys.argv[1]
limits = {"metadata_urls": [url], "max_wait": 20, "timeout": 5, "retries": 2}
config = {"datasource_list": ["OpenStack", "Ec2", "Oracle"], "datasource": {"OpenStack": limits, "Ec2": limits}}
"""
_OPENSTACK = """
openstack.detect_openstack = lambda **_: True  # a VM of a cloud says so in its DMI table, a namespace has none
source = openstack.DataSourceOpenStack(config, None, paths)
assert source.get_data(), "no data"
told = {
    "instance_id": source.get_instance_id(), "hostname": source.metadata["hostname"], "version": source.version,
    "keys": source.get_public_ssh_keys(), "network": source.network_config, "name": source.metadata["name"],
    "user_data": (source.get_userdata_raw() or b"").decode(),
}
"""
_EC2 = """
ec2.DataSourceEc2._get_cloud_name = lambda _: ec2.CloudNames.UNKNOWN
source = ec2.DataSourceEc2(config, None, paths)
found = source.crawl_metadata()
source.metadata = found["meta-data"]
told = {
    "instance_id": source.metadata["instance-id"], "hostname": source.metadata["hostname"],
    "keys": source.get_public_ssh_keys(), "address": source.metadata["local-ipv4"], "metadata": source.metadata,
    "user_data": (found.get("user-data") or b"").decode(),
}
"""


def openstack(vm: Workload, url: str = "http://169.254.169.254") -> dict[str, Any]:
    """What the source OpenStack reads."""
    return _run(vm, _OPENSTACK, url)


def ec2(vm: Workload, url: str = "http://169.254.169.254") -> dict[str, Any]:
    """What the source Ec2 reads."""
    return _run(vm, _EC2, url)


def _run(vm: Workload, script: str, url: str) -> dict[str, Any]:
    if not FOLDER.is_dir():
        pytest.skip("cloud-init is not there: tools/packages.sh tests")
    done = vm.run("env", f"PYTHONPATH={FOLDER}", PYTHON, "-c", f"{_SETTINGS}{script}print(json.dumps(told))", url)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
