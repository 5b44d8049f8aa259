"""Which bridge stands for which physical network: what OVN and the Open vSwitch agents are told.

OVN keeps it in the database (`external_ids:ovn-bridge-mappings`, ovn-controller(8)), Tunbridge's agent at each bridge;
Neutron's agent in a file, `[ovs] bridge_mappings`, which a source shows only where the host's files can be read.
"""

import configparser
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from tunbridge.inspect.model import Bridge, Host
from tunbridge.inspect.wiring import flavour
from tunbridge.openvswitch import ours

_ETC = ("etc/neutron/plugins/ml2/openvswitch_agent.ini", "etc/neutron/plugins/ml2/ml2_conf.ini")
_TRIPLEO = "var/lib/config-data/puppet-generated/neutron"
FILES = (
    *(f"{_TRIPLEO}/{name}" for name in _ETC),
    "etc/kolla/neutron-openvswitch-agent/openvswitch_agent.ini",
    "etc/kolla/neutron-openvswitch-agent/ml2_conf.ini",
    *_ETC,
    "etc/neutron/plugins/openvswitch/ovs_neutron_plugin.ini",  # until 2014
)
"""Where the agent's configuration is, relative to the root; what TripleO and Kolla give their containers goes first."""
MAX_FILE = 1 << 20
"""Bytes of one file that are read."""


def parsed(stated: str) -> dict[str, str]:
    """Read `physnet1:br-ex,physnet2:br-vlan`; what is not of that form is passed over."""
    pairs = (pair.strip().partition(":") for pair in stated.split(","))
    return {network.strip(): bridge.strip() for network, colon, bridge in pairs if network and colon and bridge}


def of_bridges(bridges: Iterable[Bridge]) -> dict[str, str] | None:
    """What Tunbridge's agent has written at the bridges of a host; None on a host without any of its bridges."""
    marks = {bridge.name: bridge.external_ids or {} for bridge in bridges}
    if not any(ours.ORIGIN in ids for ids in marks.values()):
        return None
    return {ids[ours.PHYSICAL_NETWORK]: name for name, ids in marks.items() if ours.PHYSICAL_NETWORK in ids}


def of_ini(text: str) -> dict[str, str] | None:
    """Read `[ovs] bridge_mappings` of a configuration of Neutron's agent; None where it is not stated."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
        stated = parser.get("ovs", "bridge_mappings", fallback=None)
    except configparser.Error:
        return None
    return parsed(stated.replace("\n", ",")) if stated else None


def with_files(host: Host, texts: Iterable[str]) -> Host:
    """Return a host of Neutron's with the mapping that the first of its agent's files states; OVN's own goes first."""
    if host.bridge_mappings is not None or flavour(host) != "neutron":
        return host
    found = next((mapping for text in texts if (mapping := of_ini(text)) is not None), None)
    if found is None:
        return host
    told = [attribute for attribute in host.not_told if attribute != "bridge_mappings"]
    return replace(host, bridge_mappings=found, not_told=told)


def of_this_machine(root: Path = Path("/")) -> Iterable[str]:
    """Yield what the agent's files on this machine hold; those that this user may not read are passed over."""
    for name in FILES:
        path = root / name
        try:
            if path.is_file():
                with path.open("rb") as file:
                    yield file.read(MAX_FILE).decode("utf-8", "replace")
        except OSError:
            continue
