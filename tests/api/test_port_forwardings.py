"""Port forwardings through the API, in Neutron's words: free ports, routers between, and what goes with what."""

from typing import Any

import pytest

from tests.api.serving import Cloud, User, error

PATH = "/floatingips/{}/port_forwardings"


class Site:
    """A router between a network of mia's and an external one, with a port and a floating IP."""

    def __init__(self, cloud: Cloud, cidr: str = "10.0.0.0/24") -> None:
        self.admin, self.mia, self.otto = cloud.user("admin"), cloud.user("mia"), cloud.user("otto")
        for name in ("mia", "otto"):
            project = cloud.user(name).create("network")["project_id"]
            limits = {"quota": {"router": -1, "floatingip": -1, "network": -1}}
            assert self.admin.put(f"/quotas/{project}", limits).status_code == 200
        external = {"router:external": True}
        self.external = self.admin.create("network", **external)
        self.admin.create("subnet", network_id=self.external["id"], cidr="203.0.113.0/24", ip_version=4)
        self.blue = self.mia.create("network")
        self.subnet = self.mia.create("subnet", network_id=self.blue["id"], cidr=cidr, ip_version=4)
        gateway = {"network_id": self.external["id"]}
        self.router = self.mia.create("router", external_gateway_info=gateway)
        self.add(self.router, self.subnet)
        self.port = self.mia.create("port", network_id=self.blue["id"])
        self.floating = self.mia.create("floatingip", floating_network_id=self.external["id"])

    def add(self, router: dict[str, Any], subnet: dict[str, Any]) -> None:
        reply = self.mia.put(f"/routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
        assert reply.status_code == 200, reply.text

    @property
    def path(self) -> str:
        return PATH.format(self.floating["id"])

    def body(self, **values: Any) -> dict[str, Any]:
        port = values.pop("port", self.port)
        common = {"protocol": "tcp", "internal_port_id": port["id"], "internal_ip_address": address(port)}
        return {"port_forwarding": {**common, **values}}

    def forward(self, **values: Any) -> dict[str, Any]:
        reply = self.mia.post(self.path, self.body(**values))
        assert reply.status_code == 201, reply.text
        found: dict[str, Any] = reply.json()["port_forwarding"]
        return found

    def shown(self) -> dict[str, Any]:
        return self.mia.show("floatingip", self.floating["id"])

    def refused(self, user: User | None = None, **values: Any) -> tuple[int, str, str]:
        return error((user or self.mia).post(self.path, self.body(**values)))


def address(port: dict[str, Any]) -> str:
    return str(port["fixed_ips"][0]["ip_address"])


@pytest.fixture
def site(cloud: Cloud) -> Site:
    return Site(cloud)


def test_it_is_made_shown_changed_and_removed(site: Site) -> None:
    made = site.forward(external_port=2222, internal_port=22, description="ssh")
    assert made == {
        "id": made["id"], "protocol": "tcp", "external_port": 2222, "internal_port": 22,
        "external_port_range": "2222:2222", "internal_port_range": "22:22", "description": "ssh",
        "internal_port_id": site.port["id"], "internal_ip_address": address(site.port),
    }  # fmt: skip
    shown = site.shown()
    assert (shown["router_id"], shown["port_id"], shown["fixed_ip_address"]) == (site.router["id"], None, None)
    assert shown["port_forwardings"] == [
        {
            "id": made["id"], "protocol": "tcp", "external_port": 2222, "internal_port": 22,
            "internal_port_id": site.port["id"], "internal_ip_address": address(site.port),
        }
    ]  # fmt: skip
    assert site.mia.get(site.path).json() == {"port_forwardings": [made]}
    assert site.mia.get(site.path, external_port="2223").json() == {"port_forwardings": []}
    changed = site.mia.put(f"{site.path}/{made['id']}", {"port_forwarding": {"external_port": 2223}})
    assert changed.json()["port_forwarding"] == {**made, "external_port": 2223, "external_port_range": "2223:2223"}
    assert site.mia.delete(f"{site.path}/{made['id']}").status_code == 204
    assert (site.shown()["router_id"], site.shown()["port_forwardings"]) == (None, [])
    assert error(site.mia.get(f"{site.path}/{made['id']}")) == (
        404, "PortForwardingNotFound", f"Port Forwarding {made['id']} could not be found.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outer", "inner", "shown"),
    [
        ("8000:8099", "80:179", ("8000:8099", "80:179")),
        ("8000:8099", "80", ("8000:8099", "80:80")),
        (7, 8, ("7:7", "8:8")),
    ],
)  # fmt: skip
def test_ranges_lead_to_ranges_of_their_size_or_to_one_port(
    site: Site, outer: object, inner: object, shown: tuple[str, str]
) -> None:
    made = site.forward(external_port_range=outer, internal_port_range=inner)
    assert (made["external_port_range"], made["internal_port_range"]) == shown
    single = ":".join({*shown[0].split(":")}) if len({*shown[0].split(":")}) == 1 else None
    assert made["external_port"] == (None if single is None else int(single))
    assert ("external_port" in site.shown()["port_forwardings"][0]) is (single is not None)


def test_what_does_not_fit_together_is_refused(site: Site) -> None:
    relation = (
        "Bad port_forwarding request: Invalid ranges of internal and/or external ports. The relation between internal"
        " and external ports must be N-N or 1-N."
    )
    wrong = site.refused(external_port_range="80:81", internal_port_range="80:82")
    assert wrong == (400, "BadRequest", relation)
    assert site.refused(external_port=80, internal_port_range="80:82")[2] == relation
    assert site.refused(external_port=80)[:2] == (400, "BadRequest")
    for values in ({"external_port": 0}, {"external_port": 65536}, {"external_port_range": "9:8"}, {"protocol": "TCP"},
                   {"external_port_range": "1:2:3"}, {"protocol": "none"}, {"internal_ip_address": "web"}):  # fmt: skip
        asked: dict[str, Any] = {"external_port": 80, "internal_port": 80, **values}
        assert site.refused(**asked)[0] == 400, values
    assert "not carried" in site.refused(external_port=80, internal_port=80, protocol="sctp")[2]
    assert site.refused(external_port=80, internal_port=80, internal_ip_address="10.0.0.99")[2] == (
        "Bad port_forwarding request: Requested internal IP address 10.0.0.99 is not suitable for internal neutron port"
        f" {site.port['id']}, as its fixed_ips are {site.port['fixed_ips']}."
    )


def test_a_port_of_a_floating_ip_leads_to_one_place_and_a_port_inside_has_one_way_there(site: Site) -> None:
    site.forward(external_port_range="80:89", internal_port=80)
    other = site.mia.create("port", network_id=site.blue["id"])
    assert site.refused(port=other, external_port=85, internal_port=81) == (
        400, "BadRequest",
        "Bad port_forwarding request: There is a port collision with the external_port_range. The following ranges"
        " collide: 80:89 and 85:85.",
    )  # fmt: skip
    assert site.refused(external_port=90, internal_port=80)[2] == (
        "Bad port_forwarding request: There is a port collision with the internal_port_range. The following ranges"
        " collide: 80:80 and 80:80."
    )
    assert site.forward(external_port=85, internal_port=80, protocol="udp")
    second = site.forward(port=other, external_port=90, internal_port=80)
    reply = site.mia.put(f"{site.path}/{second['id']}", {"port_forwarding": {"external_port_range": "89:90"}})
    assert "collide: 80:89 and 89:90" in error(reply)[2]


def test_a_floating_ip_has_forwardings_or_leads_to_one_port(site: Site) -> None:
    made = site.forward(external_port=80, internal_port=80)
    id = site.floating["id"]
    used = (409, "FipInUseByPortForwarding", f"Floating IP {id} in use by Port Forwarding resources.")
    other = site.mia.create("port", network_id=site.blue["id"])
    assert error(site.mia.put(f"/floatingips/{id}", {"floatingip": {"port_id": other["id"]}})) == used
    assert error(site.mia.delete(f"/floatingips/{id}")) == used
    assert site.mia.put(f"/floatingips/{id}", {"floatingip": {"port_id": None}}).status_code == 200
    assert site.shown()["router_id"] == site.router["id"]
    second = {"floating_network_id": site.external["id"], "port_id": site.port["id"]}
    assert error(site.mia.post("/floatingips", {"floatingip": second}))[:2] == (400, "PortHasPortForwarding")
    site.mia.delete(f"{site.path}/{made['id']}")
    whole = site.mia.create("floatingip", **second)
    assert site.refused(external_port=80, internal_port=80)[:2] == (409, "PortHasBindingFloatingIP")
    path = PATH.format(whole["id"])
    assert error(site.mia.post(path, site.body(port=other, external_port=80, internal_port=80)))[:2] == (
        409, "FloatingIPPortAlreadyAssociated",
    )  # fmt: skip


def test_all_of_a_floating_ip_lead_through_one_router(site: Site) -> None:
    site.forward(external_port=80, internal_port=80)
    red = site.mia.create("network")
    subnet = site.mia.create("subnet", network_id=red["id"], cidr="10.1.0.0/24", ip_version=4)
    port = site.mia.create("port", network_id=red["id"])
    assert "is not reachable from subnet" in site.refused(port=port, external_port=81, internal_port=80)[2]
    second = site.mia.create("router", external_gateway_info={"network_id": site.external["id"]})
    site.add(second, subnet)
    assert site.refused(port=port, external_port=81, internal_port=80)[2] == (
        f"Bad port_forwarding request: The Floating IP {site.floating['id']} had been set on router"
        f" {site.router['id']}, the internal Neutron port {port['id']} can not reach it."
    )


def test_it_goes_with_its_port_and_its_address_and_holds_what_it_needs(site: Site) -> None:
    site.forward(external_port=80, internal_port=80)
    interface = {"subnet_id": site.subnet["id"]}
    reply = site.mia.put(f"/routers/{site.router['id']}/remove_router_interface", interface)
    assert error(reply)[:2] == (409, "RouterInterfaceInUseByFloatingIP")
    reply = site.mia.put(f"/routers/{site.router['id']}", {"router": {"external_gateway_info": {}}})
    assert error(reply)[:2] == (409, "RouterExternalGatewayInUseByFloatingIp")
    moved = [{"subnet_id": site.subnet["id"], "ip_address": "10.0.0.200"}]
    assert site.admin.put(f"/ports/{site.port['id']}", {"port": {"fixed_ips": moved}}).status_code == 200
    assert site.shown()["port_forwardings"] == [] and site.shown()["router_id"] is None
    port = site.mia.create("port", network_id=site.blue["id"])
    site.forward(port=port, external_port=80, internal_port=80)
    site.mia.remove("port", port["id"])
    assert site.shown()["port_forwardings"] == []
    site.mia.remove("floatingip", site.floating["id"])


def test_others_see_and_make_none(site: Site) -> None:
    made = site.forward(external_port=80, internal_port=80)
    assert site.refused(site.otto, external_port=81, internal_port=81)[0] == 403
    assert site.otto.get(site.path).status_code == 404
    assert site.otto.delete(f"{site.path}/{made['id']}").status_code == 404
    theirs = site.otto.create("floatingip", floating_network_id=site.external["id"])
    reply = site.otto.post(PATH.format(theirs["id"]), site.body(external_port=80, internal_port=90))
    assert error(reply)[:2] == (404, "PortNotFound")
    wrong = site.otto.get(f"{PATH.format(theirs['id'])}/{made['id']}")
    assert error(wrong)[:2] == (404, "PortForwardingNotFound")
