"""The hosts of the recorded Neutron in this server's database, and what their agents say of ports."""

import httpx

from tests.api.day.central import beat, register_host, transact
from tests.api.neutron.settings import DEAD, HOSTS, MAPPINGS
from tests.api.serving import Cloud
from tunbridge.agent.config import AgentConfig, Provider

_STATUS = {"up": "ACTIVE", "down": "DOWN"}


def add_hosts(cloud: Cloud, zone: str | None = None) -> None:
    """Put them there, in an availability zone: all alive while the requests are replayed, but one."""
    remote = cloud.database.remote
    providers = {network: Provider(bridge=bridge) for network, bridge in MAPPINGS.items()}
    for number, host in enumerate(HOSTS, 1):
        own = AgentConfig(host=host, local_ip=f"192.0.2.{number}", providers=providers, availability_zone=zone)
        register_host(remote, own)
        beat(remote, host, "2026-01-01T00:00:00Z" if host == DEAD else "2100-01-01T00:00:00Z")


def report(cloud: Cloud, host: str, what: str, port: str) -> httpx.Response:
    """Do what a host's agent does when a port begins or ends to forward; where it was before, it has ended by then."""
    gone = {"op": "delete", "table": "Port_Status", "where": [["port_id", "==", port]]}
    said = {"op": "insert", "table": "Port_Status", "row": {"host": host, "port_id": port, "status": _STATUS[what]}}
    results = transact(cloud.database.remote, gone, said)
    assert not any("error" in result for result in results), results
    return httpx.Response(204)
