"""Networks of several segments and routed networks through the API; the packets: tests/packets/test_segments.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.day.central import beat, register_host, transact
from tests.api.serving import Cloud, User, error, serving
from tunbridge.agent.config import AgentConfig, Provider

RACKS = {"rack1": "physnet1", "rack2": "physnet2"}
"""Host -> the physical network that it reaches."""


@pytest.fixture(scope="module")
def racks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a server with a host in each of two racks, and one that reaches both."""
    folder: Path = tmp_path_factory.mktemp("racks")
    with serving(folder) as cloud:
        for host, physical in RACKS.items():
            add_host(cloud, host, physical)
        add_host(cloud, "both", *RACKS.values())
        yield cloud


_hosts = iter(range(1, 250))


def add_host(cloud: Cloud, host: str, *physical: str) -> None:
    providers = {name: Provider(bridge=f"br-{name}") for name in physical}
    config = AgentConfig(host=host, local_ip=f"192.0.2.{next(_hosts)}", providers=providers)
    register_host(cloud.database.remote, config)
    beat(cloud.database.remote, host, "2100-01-01T00:00:00Z")


@pytest.fixture
def admin(racks: Cloud) -> User:
    return racks.user()


_vlans = iter(range(100, 4000))


def vlan(physical: str, **more: Any) -> dict[str, Any]:
    return {
        "provider:network_type": "vlan",
        "provider:physical_network": physical,
        "provider:segmentation_id": next(_vlans),
        **more,
    }


class Routed:
    """A routed network: a segment and a subnet in each rack."""

    def __init__(self, admin: User) -> None:
        self.network = admin.create("network", segments=[vlan("physnet1"), vlan("physnet2")])
        self.id = self.network["id"]
        found = {s["physical_network"]: s for s in admin.list("segment", network_id=self.id)}
        self.segments = {host: found[physical] for host, physical in RACKS.items()}
        self.subnets = {
            host: admin.create(
                "subnet", network_id=self.id, ip_version=4, cidr=f"10.{n}.0.0/24", segment_id=self.segments[host]["id"]
            )
            for n, host in enumerate(RACKS, 1)
        }


@pytest.fixture
def routed(admin: User) -> Routed:
    return Routed(admin)


def refused(reply: Any) -> tuple[int, str]:
    return error(reply)[:2]


# Segments


def test_every_network_has_a_segment_that_an_admin_can_name(racks: Cloud, admin: User) -> None:
    network = racks.user("mia").create("network", name="blue")
    (segment,) = admin.list("segment", network_id=network["id"])
    shown = admin.show("network", network["id"])
    assert segment["network_type"] == shown["provider:network_type"] == "vxlan"
    assert segment["segmentation_id"] == shown["provider:segmentation_id"]
    assert segment["name"] is None
    assert "segments" not in shown
    assert admin.update("segment", segment["id"], name="first", description="of many")["name"] == "first"
    assert [s["id"] for s in admin.list("segment", name="first")] == [segment["id"]]
    mia = racks.user("mia")
    assert mia.list("segment") == []
    assert error(mia.get(f"/segments/{segment['id']}"))[:2] == (404, "SegmentNotFound")
    assert refused(mia.post("/segments", {"segment": {"network_id": network["id"], "network_type": "vxlan"}}))[0] == 403


def test_a_network_of_an_older_server_gets_its_segment_when_somebody_looks(racks: Cloud, admin: User) -> None:
    first, second = admin.create("network", **vlan("physnet1")), admin.create("network", **vlan("physnet1"))
    for network in (first, second):
        where = [["_uuid", "==", ["uuid", network["id"]]]]
        forgets = {"op": "update", "table": "Network", "where": where, "row": {"segment_rows": ["set", []]}}
        assert transact(racks.database.remote, forgets) == [{"count": 1}]
    more = {"network_id": second["id"], "network_type": "vlan", "physical_network": "physnet2"}
    added = admin.create("segment", **more, segmentation_id=next(_vlans))
    assert added["id"] in {s["id"] for s in admin.list("segment", network_id=second["id"])}
    assert len(admin.show("network", second["id"])["segments"]) == 2
    (segment,) = admin.list("segment", network_id=first["id"])
    assert segment["segmentation_id"] == first["provider:segmentation_id"]


def test_identifiers_of_further_segments_are_in_use_in_their_ranges(admin: User) -> None:
    bounds = {"minimum": 4050, "maximum": 4060}
    made = admin.create("network_segment_range", network_type="vlan", physical_network="physnet2", **bounds)
    network = admin.create("network", **vlan("physnet1"))
    more = {"network_id": network["id"], "network_type": "vlan", "physical_network": "physnet2"}
    taken = admin.create("segment", **more)["segmentation_id"]
    shown = admin.show("network_segment_range", made["id"])
    assert shown["used"] == {str(taken): network["project_id"]}
    admin.remove("network", network["id"])
    admin.remove("network_segment_range", made["id"])


def test_a_network_of_several_segments_shows_them_in_order(racks: Cloud, admin: User) -> None:
    wanted = [vlan("physnet1"), {"provider:network_type": "vxlan"}]
    network = admin.create("network", segments=wanted)
    first, second = network["segments"]
    assert first == wanted[0]
    assert (second["provider:network_type"], second["provider:physical_network"]) == ("vxlan", None)
    assert not any(name.startswith("provider:") for name in network)
    assert network["mtu"] == 1450, "what fits through each of them"
    assert network["l2_adjacency"] is True
    mia = racks.user("mia")
    assert "segments" not in mia.create("network")
    assert refused(mia.post("/networks", {"network": {"segments": wanted}})) == (403, "PolicyNotAuthorized")


def test_segments_that_cannot_be_are_refused_as_by_neutron(admin: User) -> None:
    one = vlan("physnet1")
    both = {"segments": [one], **vlan("physnet2")}
    assert refused(admin.post("/networks", {"network": both})) == (400, "SegmentsSetInConjunctionWithProviders")
    assert refused(admin.post("/networks", {"network": {"segments": [one, one]}})) == (
        400,
        "SegmentsContainDuplicateEntry",
    )
    for wrong, kind in (
        ([{"provider:physical_network": "physnet1"}], "InvalidInput"),
        ([{**one, "provider:color": "blue"}], "HTTPBadRequest"),
        ([{**one, "provider:segmentation_id": "many"}], "InvalidInput"),
        ([{**one, "provider:segmentation_id": 5000}], "InvalidInput"),
        ([{"provider:network_type": "vlan", "provider:segmentation_id": 7}], "InvalidInput"),
        (["physnet1"], "HTTPBadRequest"),
    ):
        assert refused(admin.post("/networks", {"network": {"segments": wrong}})) == (400, kind)
    admin.create("network", segments=[one, vlan("physnet2")])
    assert refused(admin.post("/networks", {"network": {"segments": [vlan("physnet2"), one]}})) == (409, "VlanIdInUse")


def test_a_segment_is_added_and_taken_away(admin: User) -> None:
    first = vlan("physnet1")
    network = admin.create("network", **first)
    number = next(_vlans)
    wanted = {"network_id": network["id"], "network_type": "vlan", "physical_network": "physnet2"}
    added = admin.create("segment", **wanted, segmentation_id=number, name="second")
    shown = admin.show("network", network["id"])
    assert [s["provider:segmentation_id"] for s in shown["segments"]] == [first["provider:segmentation_id"], number]
    assert refused(admin.post("/segments", {"segment": {**wanted, "segmentation_id": number}})) == (409, "VlanIdInUse")
    for one in (first["provider:segmentation_id"], number):
        assert [n["id"] for n in admin.list("network", **{"provider:segmentation_id": one})] == [network["id"]]
    assert refused(admin.put(f"/networks/{network['id']}", {"network": {"provider:segmentation_id": 7}}))[0] == 400
    (old,) = (s for s in admin.list("segment", network_id=network["id"]) if s["id"] != added["id"])
    admin.remove("segment", old["id"])
    shown = admin.show("network", network["id"])
    assert (shown["provider:physical_network"], shown["provider:segmentation_id"]) == ("physnet2", number)
    admin.remove("network", network["id"])
    assert admin.list("segment", network_id=network["id"]) == []
    for physical, free in (("physnet1", first["provider:segmentation_id"]), ("physnet2", number)):
        again = admin.create("network", **vlan(physical, **{"provider:segmentation_id": free}))
        admin.remove("network", again["id"])


def test_a_vlan_that_a_network_moves_to_is_its_segments(admin: User) -> None:
    network, number = admin.create("network", **vlan("physnet1")), next(_vlans)
    admin.update("network", network["id"], **{"provider:segmentation_id": number})
    (segment,) = admin.list("segment", network_id=network["id"])
    assert segment["segmentation_id"] == number


def test_a_segment_that_packets_do_not_fit_through_is_refused(admin: User) -> None:
    network = admin.create("network", **vlan("physnet1"))
    reply = admin.post("/segments", {"segment": {"network_id": network["id"], "network_type": "vxlan"}})
    assert error(reply)[1:] == (
        "InvalidInput",
        "Invalid input for operation: Requested MTU is too big, maximum is 1450.",
    )


def test_a_segment_in_use_stays(admin: User, routed: Routed) -> None:
    segment, subnet = routed.segments["rack2"], routed.subnets["rack2"]
    status, kind, message = error(admin.delete(f"/segments/{segment['id']}"))
    assert (status, kind) == (409, "SegmentInUse")
    assert message.endswith(f"The segment is still associated with subnet(s) {subnet['id']}.")
    admin.remove("subnet", subnet["id"])
    admin.remove("segment", segment["id"])
    assert admin.show("network", routed.id)["provider:physical_network"] == "physnet1"
    network = admin.create("network", segments=[vlan("physnet1"), vlan("physnet2")])
    first, second = sorted(admin.list("segment", network_id=network["id"]), key=lambda s: str(s["physical_network"]))
    port = admin.create("port", network_id=network["id"], **{"binding:host_id": "rack2"})
    assert port["binding:vif_type"] == "ovs"
    path = f"/segments/{second['id']}"
    assert error(admin.delete(path))[2].endswith("The segment is still bound with 1 port(s).")
    admin.remove("segment", first["id"])
    admin.remove("port", port["id"])
    assert admin.delete(path).status_code == 204
    # Without any, nobody can have its ports.
    port = admin.create("port", network_id=network["id"], **{"binding:host_id": "rack2"})
    assert port["binding:vif_type"] == "binding_failed"
    assert admin.show("network", network["id"])["provider:network_type"] is None


# Subnets


def test_subnets_are_all_on_segments_or_none_is(admin: User, routed: Routed) -> None:
    wanted = {"network_id": routed.id, "ip_version": 4, "cidr": "10.9.0.0/24"}
    assert refused(admin.post("/subnets", {"subnet": wanted})) == (400, "SubnetsNotAllAssociatedWithSegments")
    other = Routed(admin)
    for id, expected in (
        (other.segments["rack1"]["id"], (400, "NetworkIdsDontMatch")),
        (other.id, (404, "SegmentNotFound")),
    ):
        assert refused(admin.post("/subnets", {"subnet": {**wanted, "segment_id": id}})) == expected
    service = admin.create("subnet", **wanted, service_types=["network:routed"])
    assert service["segment_id"] is None
    assert admin.show("network", routed.id)["l2_adjacency"] is False
    plain = admin.create("network")
    admin.create("subnet", network_id=plain["id"], ip_version=4, cidr="10.1.0.0/24")
    (segment,) = admin.list("segment", network_id=plain["id"])
    on = {"network_id": plain["id"], "ip_version": 4, "cidr": "10.2.0.0/24", "segment_id": segment["id"]}
    assert refused(admin.post("/subnets", {"subnet": on})) == (400, "SubnetsNotAllAssociatedWithSegments")


def test_the_only_subnet_of_the_only_segment_becomes_routed(racks: Cloud, admin: User, routed: Routed) -> None:
    network = admin.create("network", **vlan("physnet1"))
    subnet = admin.create("subnet", network_id=network["id"], ip_version=4, cidr="10.1.0.0/24")
    (segment,) = admin.list("segment", network_id=network["id"])
    path = f"/subnets/{subnet['id']}"
    mia = racks.user("mia").put(path, {"subnet": {"segment_id": segment["id"]}})
    assert error(mia)[0] == 404
    assert admin.update("subnet", subnet["id"], segment_id=segment["id"])["segment_id"] == segment["id"]
    assert admin.show("network", network["id"])["l2_adjacency"] is False
    changed = {"subnet": {"segment_id": None}}
    assert refused(admin.put(path, changed)) == (400, "SubnetSegmentAssociationChangeNotAllowed")
    several = f"/subnets/{routed.subnets['rack1']['id']}"
    assert refused(admin.put(several, changed)) == (400, "SubnetsNotAllAssociatedWithSegments")


def routes(subnet: dict[str, Any]) -> set[tuple[str, str]]:
    return {(route["destination"], route["nexthop"]) for route in subnet["host_routes"]}


def test_subnets_on_segments_lead_to_their_peers(admin: User, routed: Routed) -> None:
    first, second = routed.subnets.values()
    assert routes(admin.show("subnet", first["id"])) == {("10.2.0.0/24", "10.1.0.1")}
    assert routes(second) == {("10.1.0.0/24", "10.2.0.1")}
    named = {"destination": "192.0.2.0/24", "nexthop": "10.1.0.9"}
    shown = admin.update("subnet", first["id"], host_routes=[named])
    assert routes(shown) == {("192.0.2.0/24", "10.1.0.9"), ("10.2.0.0/24", "10.1.0.1")}
    shown = admin.update("subnet", first["id"], gateway_ip="10.1.0.254", allocation_pools=[])
    assert routes(shown) == {("192.0.2.0/24", "10.1.0.9"), ("10.2.0.0/24", "10.1.0.254")}
    summary = {"destination": "10.0.0.0/8", "nexthop": "10.1.0.254"}
    assert routes(admin.update("subnet", first["id"], host_routes=[summary])) == {("10.0.0.0/8", "10.1.0.254")}
    admin.update("subnet", first["id"], host_routes=[])
    admin.remove("subnet", second["id"])
    assert routes(admin.show("subnet", first["id"])) == set()


# Ports


def test_a_port_without_a_host_has_no_address_and_gets_one_with_it(admin: User, routed: Routed) -> None:
    waiting = admin.create("port", network_id=routed.id)
    assert (waiting["fixed_ips"], waiting["ip_allocation"]) == ([], "deferred")
    assert [p["id"] for p in admin.list("port", network_id=routed.id, ip_allocation="deferred")] == [waiting["id"]]
    for host in RACKS:
        bound = admin.create("port", network_id=routed.id, **{"binding:host_id": host})
        assert bound["ip_allocation"] == "immediate"
        assert [ip["subnet_id"] for ip in bound["fixed_ips"]] == [routed.subnets[host]["id"]]
    bound = admin.update("port", waiting["id"], **{"binding:host_id": "rack2"})
    assert [ip["subnet_id"] for ip in bound["fixed_ips"]] == [routed.subnets["rack2"]["id"]]
    assert (bound["binding:vif_type"], bound["ip_allocation"]) == ("ovs", "deferred")


def test_a_port_with_an_address_works_where_its_segment_is(admin: User, routed: Routed) -> None:
    first, second = routed.subnets.values()
    named = admin.create("port", network_id=routed.id, fixed_ips=[{"subnet_id": second["id"]}])
    assert (named["ip_allocation"], len(named["fixed_ips"])) == ("immediate", 1)
    path = f"/ports/{named['id']}"
    moved = admin.put(path, {"port": {"binding:host_id": "rack1"}})
    assert refused(moved) == (409, "HostNotCompatibleWithFixedIps")
    assert admin.update("port", named["id"], **{"binding:host_id": "rack2"})["binding:vif_type"] == "ovs"
    assert refused(admin.put(path, {"port": {"binding:host_id": "rack1"}})) == (409, "HostNotCompatibleWithFixedIps")
    apart = {"network_id": routed.id, "fixed_ips": [{"subnet_id": first["id"]}, {"subnet_id": second["id"]}]}
    assert refused(admin.post("/ports", {"port": apart})) == (400, "FixedIpsSubnetsNotOnSameSegment")
    none = admin.create("port", network_id=routed.id, fixed_ips=[])
    assert (none["ip_allocation"], none["fixed_ips"]) == ("none", [])
    assert admin.update("port", none["id"], **{"binding:host_id": "rack1"})["fixed_ips"] == []


def test_a_host_without_a_segment_gets_no_port(racks: Cloud, admin: User, routed: Routed) -> None:
    add_host(racks, "rack3", "physnet3")
    wanted = {"network_id": routed.id, "binding:host_id": "rack3"}
    assert refused(admin.post("/ports", {"port": wanted})) == (409, "HostNotConnectedToAnySegment")
    waiting = admin.create("port", network_id=routed.id)
    reply = admin.put(f"/ports/{waiting['id']}", {"port": {"binding:host_id": "rack3"}})
    assert refused(reply) == (409, "HostNotConnectedToAnySegment")


def test_a_host_has_a_network_by_the_first_segment_that_it_reaches(admin: User, routed: Routed) -> None:
    bound = admin.create("port", network_id=routed.id, **{"binding:host_id": "both"})
    assert [ip["subnet_id"] for ip in bound["fixed_ips"]] == [routed.subnets["rack1"]["id"]]
    wanted = {"network_id": routed.id, "fixed_ips": [{"subnet_id": routed.subnets["rack2"]["id"]}]}
    reply = admin.post("/ports", {"port": {**wanted, "binding:host_id": "both"}})
    assert error(reply)[0] == 400


def test_a_guest_moves_within_its_segment(racks: Cloud, admin: User, routed: Routed) -> None:
    nova = racks.user("nova")
    port = admin.create("port", network_id=routed.id, device_owner="compute:nova", **{"binding:host_id": "rack1"})
    reply = nova.post(f"/ports/{port['id']}/bindings", {"binding": {"host": "rack2"}})
    assert refused(reply) == (409, "PortBindingError")
    reply = nova.post(f"/ports/{port['id']}/bindings", {"binding": {"host": "both"}})
    assert reply.status_code == 201, reply.text


def test_addresses_that_hosts_make_themselves_are_those_of_their_segment(admin: User, routed: Routed) -> None:
    ports = {host: admin.create("port", network_id=routed.id, **{"binding:host_id": host}) for host in RACKS}
    slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    on = routed.segments["rack2"]["id"]
    made = admin.create("subnet", network_id=routed.id, ip_version=6, cidr="fd00:2::/64", segment_id=on, **slaac)
    has = {host: {ip["subnet_id"] for ip in admin.show("port", p["id"])["fixed_ips"]} for host, p in ports.items()}
    assert {host for host, subnets in has.items() if made["id"] in subnets} == {"rack2"}


def test_routers_of_the_cloud_lead_to_networks_of_one_segment(admin: User, routed: Routed) -> None:
    router = admin.create("router")
    asked = {"subnet_id": routed.subnets["rack1"]["id"]}
    reply = admin.put(f"/routers/{router['id']}/add_router_interface", asked)
    assert refused(reply) == (400, "BadRequest")
    outside = admin.create("network", **vlan("physnet1", **{"router:external": True}))
    admin.create("subnet", network_id=outside["id"], ip_version=4, cidr="203.0.113.0/24")
    admin.update("router", router["id"], external_gateway_info={"network_id": outside["id"]})
    more = {"network_id": outside["id"], "network_type": "vlan", "physical_network": "physnet2"}
    reply = admin.post("/segments", {"segment": {**more, "segmentation_id": next(_vlans)}})
    assert refused(reply) == (409, "NetworkInUse")
    admin.remove("router", router["id"])
    admin.create("segment", **more, segmentation_id=next(_vlans))
    wanted = {"router": {"external_gateway_info": {"network_id": outside["id"]}}}
    assert refused(admin.post("/routers", wanted)) == (400, "BadRequest")


def test_a_router_names_its_address_on_a_routed_network(admin: User) -> None:
    """Its port has no host that could tell which subnets work."""
    outside = admin.create("network", **vlan("physnet1", **{"router:external": True}))
    (segment,) = admin.list("segment", network_id=outside["id"])
    subnet = {"network_id": outside["id"], "ip_version": 4, "cidr": "203.0.113.0/24", "segment_id": segment["id"]}
    admin.create("subnet", **subnet)
    gateway: dict[str, Any] = {"network_id": outside["id"]}
    reply = admin.post("/routers", {"router": {"external_gateway_info": gateway}})
    assert refused(reply) == (409, "IpAddressGenerationFailure")
    reply = admin.post("/floatingips", {"floatingip": {"floating_network_id": outside["id"]}})
    assert refused(reply) == (409, "IpAddressGenerationFailure")
    gateway["external_fixed_ips"] = [{"ip_address": "203.0.113.9"}]
    router = admin.create("router", external_gateway_info=gateway)
    assert router["external_gateway_info"]["external_fixed_ips"][0]["ip_address"] == "203.0.113.9"


def test_a_trunks_sub_port_gets_its_address_with_its_parents_host(admin: User, routed: Routed) -> None:
    parent = admin.create("port", network_id=admin.create("network", **vlan("physnet2"))["id"])
    inner = admin.create("port", network_id=routed.id)
    sub_port = {"port_id": inner["id"], "segmentation_type": "vlan", "segmentation_id": 5}
    admin.create("trunk", port_id=parent["id"], sub_ports=[sub_port])
    assert admin.show("port", inner["id"])["fixed_ips"] == []
    admin.update("port", parent["id"], **{"binding:host_id": "rack2"})
    shown = admin.show("port", inner["id"])
    assert [ip["subnet_id"] for ip in shown["fixed_ips"]] == [routed.subnets["rack2"]["id"]]
    assert shown["binding:vif_type"] == "ovs"
