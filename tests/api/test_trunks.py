"""Trunks through the API, in Neutron's words: what may be a parent or a sub-port, and where they are.

Hosts are rows here; what real hosts do with a trunk's packets: tests/packets/test_trunks.py.
"""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.api.day.central import transact
from tests.api.neutron.hosts import add_hosts
from tests.api.serving import Cloud, error, serving

Body = dict[str, Any]


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("trunks")
    with serving(folder, networking={"default_quotas": "{ network = -1, port = -1 }"}) as cloud:
        add_hosts(cloud)
        yield cloud


class Site:
    """A parent port, and ports that may become its sub-ports, of mia's."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.admin, self.mia, self.otto, self.nova = (cloud.user(n) for n in ("admin", "mia", "otto", "nova"))
        self.networks = [self.mia.create("network") for _ in range(3)]
        self.parent, self.red, self.blue = (self.mia.create("port", network_id=n["id"]) for n in self.networks)

    def trunk(self, *sub_ports: Body, **values: Any) -> Body:
        return self.mia.create("trunk", port_id=self.parent["id"], sub_ports=list(sub_ports), **values)

    def refused(self, *sub_ports: Body, **values: Any) -> tuple[int, str, str]:
        body = {"port_id": self.parent["id"], "sub_ports": list(sub_ports), **values}
        return error(self.mia.post("/trunks", {"trunk": body}))

    def act(self, trunk: Body, action: str, *sub_ports: Body) -> Any:
        return self.mia.put(f"/trunks/{trunk['id']}/{action}", {"sub_ports": list(sub_ports)})

    def port(self, port: Body) -> Body:
        return self.admin.show("port", port["id"])

    def bind(self, host: str, port: Body | None = None) -> Body:
        return self.nova.update("port", (port or self.parent)["id"], **{"binding:host_id": host})


def tagged(port: Body, vlan: object, kind: str = "vlan") -> Body:
    return {"port_id": port["id"], "segmentation_type": kind, "segmentation_id": vlan}


@pytest.fixture
def site(hosted: Cloud) -> Site:
    return Site(hosted)


def test_it_is_made_shown_changed_and_removed(site: Site) -> None:
    made = site.trunk(tagged(site.red, 101), name="t", description="of a VM")
    assert made == {
        "id": made["id"], "name": "t", "description": "of a VM", "admin_state_up": True, "status": "DOWN",
        "port_id": site.parent["id"], "project_id": site.parent["project_id"], "tenant_id": site.parent["project_id"],
        "sub_ports": [{"segmentation_id": 101, "segmentation_type": "vlan", "port_id": site.red["id"]}], "tags": [],
        "created_at": made["created_at"], "updated_at": made["updated_at"], "revision_number": 1,
    }  # fmt: skip
    assert site.mia.show("trunk", made["id"]) == made
    for filters in ({"port_id": made["port_id"]}, {"name": "t", "status": "DOWN", "id": made["id"]}):
        assert site.mia.list("trunk", **filters) == [made]
    assert site.mia.list("trunk", port_id=made["port_id"], status="ACTIVE") == []
    changed = site.mia.update("trunk", made["id"], name="u", admin_state_up=False)
    assert (changed["name"], changed["admin_state_up"], changed["revision_number"]) == ("u", False, 2)
    assert error(site.mia.delete(f"/trunks/{made['id']}")) == (
        409, "TrunkDisabled", f"Trunk {made['id']} is currently disabled.",
    )  # fmt: skip
    site.mia.update("trunk", made["id"], admin_state_up=True)
    site.mia.remove("trunk", made["id"])
    assert error(site.mia.get(f"/trunks/{made['id']}")) == (
        404, "TrunkNotFound", f"Trunk {made['id']} could not be found.",
    )  # fmt: skip


def test_sub_ports_are_added_and_taken_away(site: Site) -> None:
    trunk = site.trunk()
    reply = site.act(trunk, "add_subports", tagged(site.red, 101), tagged(site.blue, "102"))
    assert reply.status_code == 200
    assert reply.json() == site.mia.show("trunk", trunk["id"])  # not wrapped, as Neutron answers actions
    listed = [
        {"segmentation_id": vlan, "segmentation_type": "vlan", "port_id": port["id"]}
        for port, vlan in ((site.red, 101), (site.blue, 102))
    ]
    assert site.mia.get(f"/trunks/{trunk['id']}/get_subports").json() == {"sub_ports": listed}
    reply = site.act(trunk, "remove_subports", {"port_id": site.red["id"]})
    assert (reply.status_code, reply.json()["sub_ports"]) == (200, listed[1:])
    assert error(site.act(trunk, "remove_subports", {"port_id": site.red["id"]})) == (
        404, "SubPortNotFound",
        f"SubPort {site.red['id']} on trunk {trunk['id']} could not be found.",
    )  # fmt: skip
    assert site.mia.put(f"/trunks/{trunk['id']}/get_subports", {}).status_code == 405


def test_the_parent_port_tells_of_its_trunk_and_the_sub_port_whose_it_is(site: Site) -> None:
    assert "trunk_details" not in site.port(site.parent)
    trunk = site.trunk(tagged(site.red, 101))
    shown = {
        "segmentation_id": 101, "segmentation_type": "vlan", "port_id": site.red["id"],
        "mac_address": site.red["mac_address"],
    }  # fmt: skip
    assert site.port(site.parent)["trunk_details"] == {"trunk_id": trunk["id"], "sub_ports": [shown]}
    red = site.port(site.red)
    assert (red["device_owner"], red["device_id"]) == ("trunk:subport", trunk["id"])
    assert "trunk_details" not in red
    site.admin.update("port", site.red["id"], mac_address="fa:16:3e:00:00:77")
    assert site.port(site.parent)["trunk_details"]["sub_ports"][0]["mac_address"] == "fa:16:3e:00:00:77"
    site.act(trunk, "remove_subports", {"port_id": site.red["id"]})
    assert site.port(site.parent)["trunk_details"] == {"trunk_id": trunk["id"], "sub_ports": []}
    assert [site.port(site.red)[name] for name in ("device_owner", "device_id")] == ["", ""]
    site.mia.remove("trunk", trunk["id"])
    assert "trunk_details" not in site.port(site.parent)


def test_a_port_is_of_one_trunk_only(site: Site) -> None:
    trunk = site.trunk(tagged(site.red, 101))
    in_use = (409, "TrunkPortInUse", f"Port {site.red['id']} is in use by another trunk.")
    not_eligible = "Port {} is currently in use and is not eligible for use as a parent port."
    assert site.refused() == (409, "ParentPortInUse", not_eligible.format(site.parent["id"]))
    assert site.refused(port_id=site.red["id"]) == in_use
    assert site.refused(tagged(site.red, 5), port_id=site.blue["id"]) == in_use
    assert error(site.act(trunk, "add_subports", tagged(site.red, 7))) == in_use
    other = (409, "ParentPortInUse", not_eligible.format(site.parent["id"]))
    assert error(site.act(trunk, "add_subports", tagged(site.parent, 7))) == other
    assert site.refused(tagged(site.parent, 5), port_id=site.blue["id"]) == other


def test_vlans_of_a_trunk_are_its_own(site: Site) -> None:
    trunk = site.trunk(tagged(site.red, 101))
    assert error(site.act(trunk, "add_subports", tagged(site.blue, "101"))) == (
        409, "DuplicateSubPort",
        f"segmentation_type vlan and segmentation_id 101 already in use on trunk {trunk['id']}.",
    )  # fmt: skip
    twice = [tagged(site.blue, 5), {**tagged(site.red, 5), "port_id": str(uuid4())}]
    status, kind, message = error(site.act(trunk, "add_subports", *twice))
    assert (status, kind) == (400, "InvalidInput")
    assert message == f"Invalid input for operation: Segmentation ID '5' for '{twice[1]['port_id']}' is not unique."
    assert site.mia.show("trunk", trunk["id"])["sub_ports"] == trunk["sub_ports"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segmentation_id": 0}, "Segmentation ID '0' is not in range."),
        ({"segmentation_id": 4095}, "Segmentation ID '4095' is not in range."),
        ({"segmentation_id": "x"}, "Invalid subport details: segmentation_id 'x' is not an integer."),
        ({"segmentation_type": "vxlan"}, "Unknown segmentation_type 'vxlan'."),
    ],
)
def test_segmentation_is_a_vlan(site: Site, change: Body, message: str) -> None:
    expected = (400, "InvalidInput", f"Invalid input for operation: {message}")
    assert site.refused({**tagged(site.red, 1), **change}) == expected


def test_what_is_no_sub_port_is_refused_before_anything_else(site: Site) -> None:
    trunk = site.trunk()
    cases: list[tuple[Any, str]] = [
        ("x", "Invalid data format for subports: 'x' is not a list"),
        (["x"], "Invalid data format for subport: 'x' is not a dict"),
        ([{}], "A valid port UUID must be specified"),
        ([{"port_id": "x"}], "Invalid UUID for subport: 'x'"),
    ]
    for given, reason in cases:
        reply = site.mia.put(f"/trunks/{trunk['id']}/add_subports", {"sub_ports": given})
        assert error(reply) == (400, "InvalidInput", f"Invalid input for operation: {reason}.")
        reply = site.mia.post("/trunks", {"trunk": {"port_id": site.blue["id"], "sub_ports": given}})
        assert error(reply) == (400, "HTTPBadRequest", f"Invalid input for sub_ports. Reason: {reason}.")
    alone = {"port_id": site.red["id"]}
    status, kind, message = error(site.act(trunk, "add_subports", alone))
    assert (status, kind) == (400, "InvalidInput")
    assert "missing segmentation information" in message


def test_a_sub_port_inherits_the_vlan_of_its_network(site: Site) -> None:
    physical = {
        "provider:network_type": "vlan",
        "provider:physical_network": "physnet1",
        "provider:segmentation_id": 77,
    }
    network = site.admin.create("network", **physical, shared=True, mtu=1400)
    port = site.mia.create("port", network_id=network["id"])
    trunk = site.trunk({"port_id": port["id"], "segmentation_type": "inherit"})
    assert trunk["sub_ports"] == [{"segmentation_id": 77, "segmentation_type": "vlan", "port_id": port["id"]}]
    inherits = {"port_id": site.red["id"], "segmentation_type": "inherit"}
    assert error(site.act(trunk, "add_subports", inherits)) == (
        400, "InvalidInput", "Invalid input for operation: Unknown segmentation_type 'vxlan'.",
    )  # fmt: skip


def test_ports_that_are_used_otherwise_are_refused(site: Site) -> None:
    site.mia.update("port", site.red["id"], device_id="vm")
    status, kind, message = site.refused(tagged(site.red, 1))
    assert (status, kind) == (409, "PortInUse")
    assert message.endswith("Port already has an attached device vm.")
    unknown = str(uuid4())
    for refused in (site.refused(port_id=unknown), site.refused({**tagged(site.red, 1), "port_id": unknown})):
        assert refused == (404, "PortNotFound", f"Port {unknown} could not be found.")
    theirs = site.otto.create("port", network_id=site.otto.create("network")["id"])
    assert site.refused(port_id=theirs["id"])[:2] == (404, "PortNotFound")
    assert site.refused(tagged(theirs, 1))[:2] == (404, "PortNotFound")
    site.bind("host1")
    assert site.refused()[:2] == (409, "ParentPortInUse")


def test_packets_of_a_sub_port_fit_through_the_parent(site: Site) -> None:
    site.mia.update("network", site.networks[0]["id"], mtu=1400)
    own = site.networks[1]["mtu"]
    assert site.refused(tagged(site.red, 1)) == (
        409, "SubPortMtuGreaterThanTrunkPortMtu",
        f"MTU {own} of subport {site.red['id']} cannot be greater than MTU 1400 of trunk {site.parent['id']}.",
    )  # fmt: skip


def test_ports_of_a_trunk_are_not_deleted(site: Site) -> None:
    trunk = site.trunk(tagged(site.red, 1))
    assert error(site.mia.delete(f"/ports/{site.red['id']}")) == (
        409, "PortInUseAsSubPort", f"Port {site.red['id']} is currently a subport for trunk {trunk['id']}.",
    )  # fmt: skip
    assert error(site.mia.delete(f"/ports/{site.parent['id']}")) == (
        409, "PortInUseAsTrunkParent", f"Port {site.parent['id']} is currently a parent port for trunk {trunk['id']}.",
    )  # fmt: skip
    site.mia.remove("trunk", trunk["id"])
    for port in (site.red, site.parent):
        site.mia.remove("port", port["id"])


def test_others_neither_see_nor_change_it(site: Site) -> None:
    trunk = site.trunk()
    path = f"/trunks/{trunk['id']}"
    for reply in (
        site.otto.get(path), site.otto.delete(path), site.otto.put(path, {"trunk": {"name": "x"}}),
        site.otto.get(f"{path}/get_subports"), site.otto.put(f"{path}/add_subports", {"sub_ports": []}),
    ):  # fmt: skip
        assert error(reply)[:2] == (404, "TrunkNotFound")
    assert trunk["id"] not in [one["id"] for one in site.otto.list("trunk")]
    assert site.admin.show("trunk", trunk["id"]) == trunk


def test_several_are_made_at_once_or_none(site: Site) -> None:
    one, two = {"port_id": site.parent["id"]}, {"port_id": site.red["id"]}
    reply = site.mia.post("/trunks", {"trunks": [one, two, one]})
    assert error(reply)[:2] == (409, "ParentPortInUse")
    assert site.mia.list("trunk", port_id=site.red["id"]) == []
    made = site.mia.post("/trunks", {"trunks": [one, two]}).json()["trunks"]
    assert [trunk["port_id"] for trunk in made] == [site.parent["id"], site.red["id"]]
    path = f"/trunks/{made[0]['id']}/tags/x"
    assert site.mia.put(path, None).status_code == 201
    assert [t["id"] for t in site.mia.list("trunk", tags="x")] == [made[0]["id"]]


def test_a_quota_limits_trunks(site: Site) -> None:
    project = site.otto.create("network")["project_id"]
    assert site.admin.put(f"/quotas/{project}", {"quota": {"trunk": 1}}).status_code == 200
    ports = [site.otto.create("port", network_id=site.otto.create("network")["id"]) for _ in range(2)]
    trunk = site.otto.create("trunk", port_id=ports[0]["id"])
    assert error(site.otto.post("/trunks", {"trunk": {"port_id": ports[1]["id"]}}))[:2] == (409, "OverQuota")
    site.otto.remove("trunk", trunk["id"])
    site.otto.create("trunk", port_id=ports[1]["id"])


# Where it is


def report(cloud: Cloud, port: Body, status: str) -> None:
    """Say of a port what the agent of host1 would say."""
    gone = {"op": "delete", "table": "Port_Status", "where": [["port_id", "==", port["id"]]]}
    row = {"host": "host1", "port_id": port["id"], "status": status}
    results = transact(cloud.database.remote, gone, {"op": "insert", "table": "Port_Status", "row": row})
    assert not any("error" in result for result in results), results


def bindings(site: Site, port: Body) -> dict[str, tuple[str, str]]:
    """Host -> status and VIF type, of the rows: Neutron shows bindings of ports of instances only."""
    wanted = {"op": "select", "table": "Port_Binding", "where": [["port_id", "==", port["id"]]]}
    (told,) = transact(site.cloud.database.remote, wanted)
    return {row["host"]: (row["status"], row["vif_type"]) for row in told["rows"]}


def test_sub_ports_are_bound_where_the_parent_is(site: Site) -> None:
    trunk = site.trunk(tagged(site.red, 1))
    site.bind("host1")
    site.act(trunk, "add_subports", tagged(site.blue, 2))
    for port in (site.red, site.blue):
        shown = site.port(port)
        assert (shown["binding:host_id"], shown["binding:vif_type"]) == ("host1", "ovs")
    assert site.port(site.parent)["binding:vif_details"]["bridge_name"] == "br-int"
    site.act(trunk, "remove_subports", {"port_id": site.red["id"]})
    assert bindings(site, site.red) == {"": ("ACTIVE", "unbound")}
    assert error(site.mia.delete(f"/trunks/{trunk['id']}")) == (
        409, "TrunkInUse", f"Trunk {trunk['id']} is currently in use.",
    )  # fmt: skip
    site.bind("")
    assert bindings(site, site.blue) == {"": ("ACTIVE", "unbound")}
    site.mia.remove("trunk", trunk["id"])


def test_sub_ports_move_along_with_a_live_migration(site: Site) -> None:
    site.admin.update("port", site.parent["id"], device_owner="compute:nova")
    site.trunk(tagged(site.red, 1))
    site.bind("host1")
    path = f"/ports/{site.parent['id']}/bindings"
    assert site.nova.post(path, {"binding": {"host": "host2"}}).status_code == 201
    assert bindings(site, site.red) == {"host1": ("ACTIVE", "ovs"), "host2": ("INACTIVE", "ovs")}
    assert site.nova.put(f"{path}/host2/activate", None).status_code == 200
    assert bindings(site, site.red) == {"host1": ("INACTIVE", "unbound"), "host2": ("ACTIVE", "ovs")}
    assert site.nova.delete(f"{path}/host1").status_code == 204
    assert bindings(site, site.red) == {"host2": ("ACTIVE", "ovs")}


def test_its_state_follows_what_the_host_says_of_its_ports(site: Site) -> None:
    trunk = site.trunk(tagged(site.red, 1), tagged(site.blue, 2))

    def say(port: Body, status: str) -> str:
        report(site.cloud, port, status)
        return str(site.mia.show("trunk", trunk["id"])["status"])

    site.bind("host1")
    assert site.mia.show("trunk", trunk["id"])["status"] == "DOWN"
    assert say(site.parent, "ACTIVE") == "BUILD"
    assert say(site.red, "ACTIVE") == "BUILD"
    assert say(site.blue, "ACTIVE") == "ACTIVE"
    assert site.mia.list("trunk", id=trunk["id"], status="ACTIVE") == [site.mia.show("trunk", trunk["id"])]
    assert say(site.blue, "ERROR") == "DEGRADED"
    assert site.mia.update("port", site.blue["id"], admin_state_up=False)["status"] == "ERROR"
    assert site.mia.show("trunk", trunk["id"])["status"] == "ACTIVE"  # nobody wants that one to forward
    assert say(site.parent, "ERROR") == "ERROR"
    more = site.mia.create("port", network_id=site.networks[1]["id"])
    assert error(site.act(trunk, "add_subports", tagged(more, 3))) == (
        409, "TrunkInErrorState",
        f"Trunk {trunk['id']} is in error state. Attempt to resolve the error condition before proceeding.",
    )  # fmt: skip
    assert site.act(trunk, "remove_subports", {"port_id": site.blue["id"]}).status_code == 200
    unplugged = {"op": "delete", "table": "Port_Status", "where": [["port_id", "==", site.parent["id"]]]}
    transact(site.cloud.database.remote, unplugged)
    assert site.mia.show("trunk", trunk["id"])["status"] == "DOWN"


def test_a_disabled_trunk_keeps_its_sub_ports(site: Site) -> None:
    trunk = site.trunk(tagged(site.red, 1), admin_state_up=False)
    disabled = (409, "TrunkDisabled", f"Trunk {trunk['id']} is currently disabled.")
    assert error(site.act(trunk, "add_subports", tagged(site.blue, 2))) == disabled
    assert error(site.act(trunk, "remove_subports", {"port_id": site.red["id"]})) == disabled


def test_a_port_that_left_is_not_claimed_by_its_former_host(site: Site) -> None:
    trunk = site.trunk(tagged(site.red, 1))
    site.bind("host1")
    report(site.cloud, site.red, "ACTIVE")
    site.act(trunk, "remove_subports", {"port_id": site.red["id"]})
    site.mia.update("port", site.red["id"], name="looked at by the server's chores as well")
    site.mia.update("port", site.blue["id"], name="one after it")
    assert bindings(site, site.red) == {"": ("ACTIVE", "unbound")}
