"""What `make up` ends with: a network, two VMs on two hosts, a router to the outside, and a floating IP of the first.

A ping from one VM to the other, and a page that the first one serves to a client outside, show that it works. All of it
is made by the Networking API, as a user would; what is there already stays as it is.
"""

import subprocess
import sys
import time
from ipaddress import ip_interface
from typing import Any

from msgspec import Struct

from tunbridge.cloud import Cloud, connect
from tunbridge.lab import namespaces
from tunbridge.lab.lab import Lab
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import outside_address
from tunbridge.lab.vm import CLOUD, Progress, Vms, Wish

NETWORK, CIDR = "demo", "10.10.0.0/24"
EXTERNAL = "public"
ROUTER = "demo"
GROUP = "web"
NAMES = ("vm0", "vm1")
WAIT_S = 20.0
"""Until the page is there: the gateway's host has to learn of router and floating IP."""
_SERVER = """\
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = f"Hello {self.client_address[0]}, here is {sys.argv[1]}.\\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
http.server.ThreadingHTTPServer(("", 80), Page).serve_forever()
"""


class Demo(Struct, frozen=True, kw_only=True):
    """What there is now. `ping` and `page` are what ping and curl printed; no page where no host has a way outside."""

    ping: str
    floating_ip: str | None = None
    page: str = ""


def make(lab: Lab, progress: Progress) -> Demo:
    """Make the networks and the VMs, or what is missing of them. Raises LabError, CloudError."""
    vms = Vms(lab)
    with connect(CLOUD, vms.environ()) as cloud:
        _network(cloud, NETWORK, progress, cidr=CIDR)
        _group(cloud, progress)
        external = _external(cloud, lab, progress)
        _make_vms(vms, lab, progress)
        address = _floating_ip(cloud, vms, external, progress) if external is not None else None
    addresses = {status.name: status.addresses for status in vms.statuses()}
    source, target = NAMES
    if not addresses.get(target):
        raise LabError(f"VM {target} has no address; `tunbridge lab vm list{lab.option}` shows how it is")
    ping = vms.run(source, "ping", "-c3", "-i0.2", "-W2", addresses[target][0])
    if address is None:
        return Demo(ping=ping)
    _serve(vms)
    progress(f"waiting for {source} to be reached at {address}")
    return Demo(ping=ping, floating_ip=address, page=_page(lab, address))


def _network(cloud: Cloud, name: str, progress: Progress, cidr: str, **values: Any) -> dict[str, Any]:
    """Make a network with one subnet, unless there is one of this name; `gateway`: that of its subnet, without DHCP."""
    found = cloud.list("networks", name=name)
    if found:
        return found[0]
    progress(f"making the network {name}, {cidr}")
    gateway = values.pop("gateway", None)
    made = cloud.create("networks", name=name, **values)
    outside = {"gateway_ip": gateway, "enable_dhcp": False} if gateway is not None else {}
    cloud.create("subnets", name=name, network_id=made["id"], ip_version=4, cidr=cidr, **outside)
    return made


def _group(cloud: Cloud, progress: Progress) -> None:
    """Make the security group that lets ping and the web in."""
    if cloud.list("security-groups", name=GROUP):
        return
    progress(f"making the security group {GROUP}: ping and TCP port 80")
    group = cloud.create("security-groups", name=GROUP, description="ping and TCP port 80, from anywhere")
    common = {"security_group_id": group["id"], "direction": "ingress", "ethertype": "IPv4"}
    cloud.create("security-group-rules", protocol="icmp", **common)
    cloud.create("security-group-rules", protocol="tcp", port_range_min=80, port_range_max=80, **common)


def _external(cloud: Cloud, lab: Lab, progress: Progress) -> dict[str, Any] | None:
    """Make the network of the lab's first physical network, and a router to it; None where the lab has none."""
    physical = lab.state().plan.physical_networks
    address = outside_address(0)
    if not physical or address is None:
        return None
    outside = ip_interface(address)
    flat = {"provider:network_type": "flat", "provider:physical_network": physical[0], "router:external": True}
    external = _network(cloud, EXTERNAL, progress, cidr=str(outside.network), gateway=str(outside.ip), **flat)
    if not cloud.list("routers", name=ROUTER):
        progress(f"making the router {ROUTER}, from {NETWORK} to {EXTERNAL}")
        made = cloud.create("routers", name=ROUTER, external_gateway_info={"network_id": external["id"]})
        subnet = cloud.list("subnets", name=NETWORK)[0]
        cloud.put(f"routers/{made['id']}/add_router_interface", subnet_id=subnet["id"])
    return external


def _make_vms(vms: Vms, lab: Lab, progress: Progress) -> None:
    hosts = [host.name for host in lab.hosts()]
    states = {status.name: status.state for status in vms.statuses()}
    for number, name in enumerate(NAMES):
        if states.get(name) == "stopped":
            vms.remove(name, progress)
            del states[name]
        if name not in states:
            groups = ("default", GROUP) if number == 0 else ()
            wish = Wish(name=name, host=hosts[number % len(hosts)], network=NETWORK, security_groups=groups)
            vms.add(wish, lambda what, name=name: progress(f"{name}: {what}"))


def _floating_ip(cloud: Cloud, vms: Vms, external: dict[str, Any], progress: Progress) -> str:
    """Make the floating IP of the first VM, or give the one it has."""
    port = vms.get(NAMES[0]).port_id
    found = cloud.list("floatingips", port_id=port)
    if not found:
        progress(f"making a floating IP of {NAMES[0]}")
        found = [cloud.create("floatingips", floating_network_id=external["id"], port_id=port)]
    return str(found[0]["floating_ip_address"])


def _serve(vms: Vms) -> None:
    """Have the first VM serve its page, unless it does."""
    start = 'setsid "$0" -c "$1" "$2" </dev/null >/dev/null 2>&1 &'
    vms.run(NAMES[0], "sh", "-c", f'[ -n "$(ss -Hltn sport = :80)" ] || {start}', sys.executable, _SERVER, NAMES[0])


def _page(lab: Lab, address: str) -> str:
    """Fetch the page from outside. Raises LabError when it is not there in time."""
    deadline = time.monotonic() + WAIT_S
    while True:
        done = fetch(lab, address)
        if done.returncode == 0:
            return done.stdout
        if time.monotonic() > deadline:
            raise LabError(
                f"{NAMES[0]} is not reached at its floating IP {address}: {done.stderr.strip()};"
                f" `tunbridge trace {NAMES[0]} {address} {lab.source}` tells where packets go"
            )
        time.sleep(0.2)


def fetch(lab: Lab, address: str) -> subprocess.CompletedProcess[str]:
    """Run curl outside the hosts."""
    return namespaces.run(
        "ip", "netns", "exec", lab.outside, "curl", "--silent", "--show-error", "--max-time", "2",
        f"http://{address}/", check=False,
    )  # fmt: skip
