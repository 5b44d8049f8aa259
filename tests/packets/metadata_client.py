"""What a VM asks its metadata service, by curl."""

import json
from typing import Any

from tests.packets.cloud import Workload

URL = "http://169.254.169.254"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGKqLsB1qkmHyOV2p7xh7xWdT9JHxvhVHcVwUuZ7kXq1 mia@example.com"
USER_DATA = "#cloud-config\n" + "".join(f"# line {n}\n" for n in range(3500))
"""More than a window of TCP holds."""


def get(vm: Workload, path: str, base: str = URL, *options: str) -> str:
    """The body of a document, by curl; fails when there is none."""
    return vm.run("curl", "-gsSf", "-m", "20", *options, f"{base}{path}").stdout


def status(vm: Workload, path: str, *options: str, base: str = URL) -> str:
    return vm.run(
        "curl", "-gsS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", *options, f"{base}{path}", check=False
    ).stdout


def meta_data(vm: Workload, base: str = URL) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(get(vm, "/openstack/latest/meta_data.json", base))
    return found


def configured(vm: Workload) -> Workload:
    """The VM with the address and routes that DHCP gives it."""
    lease = vm.dhcp()
    vm.ip("addr", "replace", f"{lease['ip']}/{lease['mask']}", "dev", "eth0")
    routes = lease.get("staticroutes", "").split()
    for destination, hop in zip(routes[::2], routes[1::2], strict=True):
        vm.ip("route", "replace", destination, *(["via", hop] if hop != "0.0.0.0" else []), "dev", "eth0")
    if not routes:
        vm.ip("route", "replace", "default", "via", lease["router"])
    return vm
