"""The cloud that the suites are held against: a lab with agents, a server in mode `keystone`, a real Keystone.

The lab has a server of its own, with users of its own. The one that is tested is a second one on the same database.
What a cloud has before its first user comes is what DevStack makes: an external network, and default subnet pools.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
from msgspec import Struct, structs

from tests.api.auth.keystone_service import KeystoneService
from tests.api.serving import serving
from tests.database.members import Member
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import from_numbers
from tunbridge.lab.server import free_address

NAME = "suites"
PHYSICAL = "physnet1"
NETWORKING = {
    "project_network_types": "['vxlan', 'geneve']",
    "vlan_ranges": f"[{{ physical_network = '{PHYSICAL}', minimum = 100, maximum = 1999 }}]",
    "vni_ranges": "[{ minimum = 1, maximum = 2000 }]",
    "default_quotas": "{ network = 500, subnet = 500, port = 500, router = 100, floatingip = 500, "
    "security_group = 150, security_group_rule = 1000 }",
}
"""What jobs of neutron-tempest-plugin set, too: some tests count on it."""
SERVICE = "tunbridge"
PEOPLE = ("demo", "alt_demo")
"""Each a member of the project of that name, as in DevStack."""


class Target(Struct, frozen=True):
    """What the suites have to know."""

    keystone_url: str
    password: str
    public_network_id: str
    extensions: tuple[str, ...]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Target]:
    """Make the cloud, and nothing of it is left at the end."""
    lab = Lab(NAME)
    if lab.exists():
        raise SystemExit(f"there is a lab {NAME} already: let it end, or `tunbridge lab down --name {NAME}`")
    with contextlib.ExitStack() as stack:
        keystone_folder = folder / "keystone"
        keystone_folder.mkdir()
        keystone = KeystoneService(keystone_folder, cache=True)
        stack.callback(keystone.close)
        keystone.start()
        stack.callback(lab.down)
        plan = structs.replace(from_numbers(NAME, compute=2, network=1), server=free_address())
        lab.up(plan, progress=lambda who, what: print(f"{who}: {what}", flush=True))
        yield stack.enter_context(_serving(folder, keystone, lab))


@contextlib.contextmanager
def _serving(folder: Path, keystone: KeystoneService, lab: Lab) -> Iterator[Target]:
    server = lab.server
    assert server is not None
    keystone.add_user(SERVICE, "service", "service")
    for name in PEOPLE:
        keystone.add_user(name, name, "member")
    secret = folder / "password"
    secret.write_text(SERVICE * 2 + "\n")
    user = f"auth_url = '{keystone.url}', username = '{SERVICE}', password_file = '{secret}'"
    with serving(
        folder,
        Member(folder),
        no_people=True,
        preview=False,
        listen=free_address(),
        remotes=[f"unix:{server.folder}/run/db.sock"],
        auth=["mode = 'keystone'", f"keystone = {{ {user} }}"],
        networking=NETWORKING,
    ) as cloud:
        _add_endpoint(keystone, cloud.url)
        with httpx.Client(base_url=f"{cloud.url}/v2.0", timeout=60) as http:
            http.headers["X-Auth-Token"] = keystone.admin_token()
            public = _make_public(http)
            extensions = http.get("/extensions").raise_for_status().json()["extensions"]
        yield Target(keystone.url, keystone.password, public, tuple(one["alias"] for one in extensions))


def _add_endpoint(keystone: KeystoneService, url: str) -> None:
    service = keystone.admin("POST", "/services", {"service": {"type": "network", "name": "neutron"}})["service"]
    for interface in ("public", "internal", "admin"):
        endpoint = {"service_id": service["id"], "interface": interface, "url": url, "region_id": "RegionOne"}
        keystone.admin("POST", "/endpoints", {"endpoint": endpoint})


def _make_public(http: httpx.Client) -> str:
    """Make the external network and the default subnet pools; give the network's id."""

    def made(resource: str, **values: object) -> str:
        name = resource.replace("-", "_")
        reply = http.post(f"/{resource}s", json={name: values}).raise_for_status()
        id: str = reply.json()[name]["id"]
        return id

    flat = {"provider:network_type": "flat", "provider:physical_network": PHYSICAL}
    public = made("network", name="public", is_default=True, **{"router:external": True}, **flat)
    made("subnet", network_id=public, ip_version=4, cidr="172.24.4.0/24", enable_dhcp=False)
    scope = made("address-scope", name="public6", ip_version=6, shared=True)
    routed = {"prefixes": ["2001:db8::/48"], "default_prefixlen": 64, "address_scope_id": scope}
    pool = made("subnetpool", name="public6", shared=True, **routed)
    made("subnet", network_id=public, ip_version=6, subnetpool_id=pool, enable_dhcp=False)
    for version, prefixes, length in ((4, ["10.0.0.0/22"], 26), (6, ["fd00:1234::/56"], 64)):
        name = f"shared-default-subnetpool-v{version}"
        made("subnetpool", name=name, prefixes=prefixes, default_prefixlen=length, is_default=True, shared=True)
    return public
