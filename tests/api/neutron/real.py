# mypy: ignore-errors
# Runs with the Python of an environment of Neutron's, whose modules are not there where types are checked.
"""Run a real Neutron to record from: PYTHON -m tests.api.neutron.real PORT DATABASE [all].

PYTHON is that of an environment with `neutron==29.0.0`, `tap-as-a-service==18.0.0` and `psycopg2-binary`; DATABASE the
URL of an empty database of PostgreSQL (on SQLite some requests wait for themselves). `all`: with the services and
extensions of settings.py that the scripts of SERVICES are about, and with L3 and DHCP agents. The server believes the
headers of keystonemiddleware (no `authtoken` in its pipeline), and has the hosts of settings.py, each with an Open
vSwitch agent. What an agent reports comes as a request: `PUT /agent/HOST/up/PORT` and `…/down/PORT`, carried out by the
code that serves its RPC.
"""

import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from wsgiref.simple_server import WSGIRequestHandler, make_server

from tests.api.neutron.settings import ALL, DEAD, HOSTS, MAPPINGS, PLAIN, ZONE

CONF = """
[DEFAULT]
core_plugin = ml2
service_plugins = {services}
auth_strategy = keystone
transport_url = fake://
state_path = {folder}
api_paste_config = {folder}/paste.ini
dns_domain = cloud.example.org.
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
[database]
connection = {database}
[oslo_concurrency]
lock_path = {folder}
[oslo_policy]
enforce_new_defaults = true
enforce_scope = true
[quotas]
quota_network = -1
quota_subnet = -1
quota_port = -1
quota_security_group = -1
quota_security_group_rule = -1
quota_rbac_policy = -1
[service_providers]
service_provider = TAAS:TAAS:neutron_taas.services.taas.service_drivers.taas_rpc.TaasRpcDriver:default
[ml2]
mechanism_drivers = openvswitch
extension_drivers = {extensions}
project_network_types = vxlan
[ml2_type_vxlan]
vni_ranges = 1:{vnis}
[ml2_type_vlan]
network_vlan_ranges = physnet1:2000:2999, physnet2
[ml2_type_flat]
flat_networks = *
"""
VNIS = 16000
PASTE = """
[composite:neutron]
use = egg:Paste#urlmap
/: versions
/v2.0: api
[pipeline:api]
pipeline = request_id catch_errors keystonecontext extensions router
[filter:request_id]
paste.filter_factory = oslo_middleware:RequestId.factory
[filter:catch_errors]
paste.filter_factory = oslo_middleware:CatchErrors.factory
[filter:keystonecontext]
paste.filter_factory = neutron.auth:NeutronKeystoneContext.factory
[filter:extensions]
paste.filter_factory = neutron.api.extensions:plugin_aware_extension_middleware_factory
[app:versions]
paste.app_factory = neutron.pecan_wsgi.app:versions_factory
[app:router]
paste.app_factory = neutron.api.v2.router:APIRouter.factory
"""


def main(port: int, database: str, is_all: bool) -> None:
    """Serve until the process is ended."""
    services, extensions = ALL if is_all else PLAIN
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        values = {"folder": folder, "vnis": VNIS, "database": database, "services": services, "extensions": extensions}
        (folder / "neutron.conf").write_text(CONF.format(**values))
        (folder / "paste.ini").write_text(PASTE)
        sys.argv = ["neutron-api", "--config-file", str(folder / "neutron.conf")]
        _make_database(database, is_all)
        from neutron.common import wsgi_utils

        wsgi_utils._first_worker_result = True  # it would ask a file in /tmp that outlives it whether it is the first
        from neutron.objects.agent import Agent
        from neutron.wsgi.api import application
        from neutron_lib import rpc
        from oslo_db import api

        api.time = SimpleNamespace(sleep=lambda _: None)  # else it waits two minutes before it says what is there twice
        rpc._BackingOffContextWrapper.call = lambda *_, **__: None  # no agent is there to answer what it is told
        Agent.get_agents_by_availability_zones_and_agent_type = classmethod(_agents_in_zones)

        _wait_for_ranges(database)
        with make_server("127.0.0.1", port, _with_agents(application), handler_class=_Quiet) as server:
            print(f"http://127.0.0.1:{port}", flush=True)
            server.serve_forever()


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def _make_database(url, is_all):
    import sqlalchemy as sa
    from neutron.db.migration.models import head
    from neutron.db.models.agent import Agent

    if is_all:
        import neutron_taas.db.taas_db
        import neutron_taas.db.tap_mirror_db  # noqa: F401 - their tables

    engine = sa.create_engine(url)
    head.get_metadata().create_all(engine)
    now = datetime.now(UTC).replace(tzinfo=None)
    agents = [
        {
            "id": f"00000000-0000-4000-8000-0000000000{number:02d}",
            "agent_type": "Open vSwitch agent",
            "binary": "neutron-openvswitch-agent",
            "topic": "N/A",
            "host": host,
            "created_at": now,
            "started_at": now,
            "heartbeat_timestamp": now + timedelta(days=-1 if host == DEAD else 30),
            "configurations": json.dumps(
                {
                    "bridge_mappings": MAPPINGS,
                    "tunnel_types": ["vxlan"],
                    "tunneling_ip": f"192.0.2.{number}",
                    "datapath_type": "system",
                    "integration_bridge": "br-int",
                    "ovs_hybrid_plug": False,
                    "vhostuser_socket_dir": "/var/run/openvswitch",
                    "ovs_capabilities": {"datapath_types": ["netdev", "system"], "iface_types": ["tap", "vxlan"]},
                    "bridge_device_owners": [],
                }
            ),
            "load": 0,
            "admin_state_up": True,
            "availability_zone": None,
        }
        for number, host in enumerate(HOSTS, 1)
    ]
    if is_all:
        agents += [more for agent in agents for more in (_l3_agent(agent), _dhcp_agent(agent))]
    with engine.begin() as connection:
        connection.execute(sa.insert(Agent.__table__), agents)
        _add_default_rules(connection)


def _l3_agent(agent):
    """Give the L3 agent of the host of an Open vSwitch agent."""
    configurations = {"agent_mode": "dvr_snat", "interface_driver": "openvswitch", "handle_internal_only_routers": True}
    return {
        **agent,
        "id": agent["id"].replace("-8000-", "-9000-"),
        "agent_type": "L3 agent",
        "binary": "neutron-l3-agent",
        "topic": "l3_agent",
        "configurations": json.dumps(configurations),
        "availability_zone": ZONE,
    }


def _dhcp_agent(agent):
    """Give the DHCP agent of the host of an Open vSwitch agent."""
    return {
        **agent,
        "id": agent["id"].replace("-8000-", "-a000-"),
        "agent_type": "DHCP agent",
        "binary": "neutron-dhcp-agent",
        "topic": "dhcp_agent",
        "configurations": json.dumps({"dhcp_driver": "neutron.agent.linux.dhcp.Dnsmasq", "dhcp_lease_duration": 86400}),
        "availability_zone": ZONE,
    }


def _add_default_rules(connection):
    """Put the rules of new security groups there, as Neutron's migrations do (they are for MySQL only)."""
    import uuid

    import sqlalchemy as sa
    from neutron.db.models.securitygroup_default_rules import SecurityGroupDefaultRule
    from neutron_lib.db.standard_attr import StandardAttribute

    table = SecurityGroupDefaultRule.__table__
    for direction, everywhere in (("egress", True), ("ingress", False)):
        for ethertype in ("IPv4", "IPv6"):
            note = "Legacy default SG rule for " + ("egress traffic" if everywhere else "ingress traffic")
            made = sa.insert(StandardAttribute.__table__).values(description=note, resource_type=table.name)
            values = {
                "id": str(uuid.uuid4()),
                "standard_attr_id": connection.execute(made).inserted_primary_key[0],
                "direction": direction,
                "ethertype": ethertype,
                "remote_group_id": None if everywhere else "PARENT",
                "used_in_default_sg": True,
                "used_in_non_default_sg": everywhere,
            }
            connection.execute(sa.insert(table).values(values))


def _agents_in_zones(agents, context, agent_type, availability_zones):
    """Do what Neutron does with a query that only MySQL takes (it groups by a column, and selects others)."""
    return agents.get_objects(context, agent_type=agent_type, availability_zone=availability_zones)


def _wait_for_ranges(url):
    """Return when the identifiers of the configured ranges can be had: Neutron fills its tables in the background."""
    import sqlalchemy as sa

    engine = sa.create_engine(url)
    while True:
        with engine.begin() as connection:
            if connection.execute(sa.text("select count(*) from ml2_vxlan_allocations")).scalar() == VNIS:
                return
        time.sleep(0.2)


def _with_agents(application):
    """Take what agents report, besides the API."""
    from neutron.plugins.ml2 import rpc
    from neutron_lib import context
    from neutron_lib.plugins import directory

    def serve(environ, start_response):
        parts = environ["PATH_INFO"].split("/")
        if parts[1] != "agent":
            return application(environ, start_response)
        _, _, host, what, port = parts
        plugin = directory.get_plugin()
        callbacks = rpc.RpcCallbacks(plugin.notifier, plugin.type_manager)
        admin = context.get_admin_context()
        if what == "up":
            callbacks.update_device_up(admin, device=port, host=host, agent_id=f"ovs-agent-{host}")
        else:
            callbacks.update_device_down(admin, device=port, host=host, agent_id=f"ovs-agent-{host}")
        start_response("204 No Content", [])
        return []

    return serve


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], "all" in sys.argv[3:])
