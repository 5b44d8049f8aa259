"""What `make up` ends with: a network, a VM on each of two hosts, and a ping from one to the other."""

from msgspec import Struct

from tunbridge.lab.lab import Lab
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.vm import Progress, Vms, Wish

NETWORK, CIDR = "demo", "10.10.0.0/24"
NAMES = ("vm0", "vm1")


class Demo(Struct, frozen=True, kw_only=True):
    """What there is now. `ping` is what ping printed."""

    ping: str


def make(lab: Lab, progress: Progress) -> Demo:
    """Make the network and the VMs, or what is missing of them. Raises LabError, CloudError."""
    vms = Vms(lab)
    hosts = [host.name for host in lab.hosts()]
    placed = [(name, hosts[number % len(hosts)]) for number, name in enumerate(NAMES)]
    vms.ensure_network(NETWORK, CIDR, progress)
    states = {status.name: status.state for status in vms.statuses()}
    for name, host in placed:
        if states.get(name) == "stopped":
            vms.remove(name, progress)
            del states[name]
        if name not in states:
            vms.add(Wish(name=name, host=host, network=NETWORK), lambda what, name=name: progress(f"{name}: {what}"))
    addresses = {status.name: status.addresses for status in vms.statuses()}
    source, target = NAMES
    if not addresses.get(target):
        raise LabError(f"VM {target} has no address; `tunbridge lab vm list{lab.option}` shows how it is")
    return Demo(ping=vms.run(source, "ping", "-c3", "-i0.2", "-W2", addresses[target][0]))
