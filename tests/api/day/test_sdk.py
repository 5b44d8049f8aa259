"""A day with openstacksdk, whose calls other programs are made of."""

from collections.abc import Iterator
from typing import Any

import openstack as sdk
import pytest
from openstack import exceptions

from tests.api.day import central
from tests.api.day.people import PEOPLE, add_people, people
from tests.api.serving import Cloud, serving

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its own, of itself


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with serving(tmp_path_factory.mktemp("sdk"), no_people=True) as cloud:
        add_people(cloud)
        central.register(cloud)
        yield cloud


def connection(cloud: Cloud, name: str) -> Any:
    said = {key.removeprefix("OS_").lower(): value for key, value in people(cloud)[name].items()}
    assert said["project_name"] == PEOPLE[name][0]
    connect: Any = sdk.connect  # its first parameter is not for text
    return connect(**said, load_yaml_config=False, load_envvars=False)


@pytest.fixture(scope="module")
def admin(registered: Cloud) -> Any:
    return connection(registered, "admin").network


@pytest.fixture(scope="module")
def mia(registered: Cloud) -> Any:
    return connection(registered, "mia").network


@pytest.fixture(scope="module")
def nova(registered: Cloud) -> Any:
    return connection(registered, "nova").network


def test_what_the_server_offers(admin: Any) -> None:
    aliases = {extension.alias for extension in admin.extensions()}
    assert {"provider", "binding", "security-group", "rbac-policies", "quotas", "standard-attr-tag"} <= aliases
    assert admin.find_extension("bgpvpn") is None


def test_metering(admin: Any) -> None:
    label = admin.create_metering_label(name="web")
    rule = admin.create_metering_label_rule(
        metering_label_id=label.id, direction="egress", source_ip_prefix="10.0.0.0/8", is_excluded=True
    )  # fmt: skip
    assert (rule.is_excluded, rule.source_ip_prefix) == (True, "10.0.0.0/8")
    assert [one.id for one in admin.metering_label_rules(metering_label_id=label.id)] == [rule.id]
    assert admin.find_metering_label("web").id == label.id
    admin.delete_metering_label(label)
    assert admin.find_metering_label_rule(rule.id) is None


def test_quality_of_service(admin: Any) -> None:
    policy = admin.create_qos_policy(name="gold", is_shared=True)
    limit = admin.create_qos_bandwidth_limit_rule(policy, max_kbps=1000, direction="ingress")
    rate = admin.create_qos_packet_rate_limit_rule(policy, max_kpps=2)
    mark = admin.create_qos_dscp_marking_rule(policy, dscp_mark=46)
    assert admin.update_qos_bandwidth_limit_rule(limit, policy, max_burst_kbps=50).max_burst_kbps == 50
    assert [rule.id for rule in admin.qos_packet_rate_limit_rules(policy)] == [rate.id]
    kept = admin.create_qos_minimum_bandwidth_rule(policy, min_kbps=900, direction="ingress")
    packets = admin.create_qos_minimum_packet_rate_rule(policy, min_kpps=1, direction="any")
    assert admin.update_qos_minimum_bandwidth_rule(kept, policy, min_kbps=800).min_kbps == 800
    assert [rule.id for rule in admin.qos_minimum_packet_rate_rules(policy)] == [packets.id]
    there = {rule["id"] for rule in admin.get_qos_policy(policy).rules}
    assert there == {limit.id, rate.id, mark.id, kept.id, packets.id}
    limits = {"bandwidth_limit", "packet_rate_limit", "dscp_marking"}
    assert {kind.type for kind in admin.qos_rule_types()} == limits | {"minimum_bandwidth", "minimum_packet_rate"}
    assert admin.get_qos_rule_type("packet_rate_limit").drivers[0]["name"] == "openvswitch"
    network = admin.create_network(name="metered", qos_policy_id=policy.id)
    port = admin.create_port(network_id=network.id)
    assert (port.qos_policy_id, port.qos_network_policy_id) == (None, policy.id)
    assert len(port.resource_request["request_groups"]) == 2
    with pytest.raises(exceptions.ConflictException, match="is used by network"):
        admin.delete_qos_policy(policy, ignore_missing=False)
    admin.delete_port(port)
    admin.delete_network(network)
    admin.delete_qos_dscp_marking_rule(mark, policy)
    admin.delete_qos_policy(policy)


def test_a_router_and_a_floating_ip(admin: Any, mia: Any) -> None:
    """In preview; what `router add subnet` and `server add floating ip` do."""
    outside = admin.create_network(name="outside", is_router_external=True)
    admin.create_subnet(network_id=outside.id, ip_version=4, cidr="198.51.100.0/24", is_dhcp_enabled=False)
    inside = mia.create_network(name="inside")
    subnet = mia.create_subnet(network_id=inside.id, ip_version=4, cidr="10.40.0.0/24")
    port = mia.create_port(network_id=inside.id)
    router = mia.create_router(name="way", external_gateway_info={"network_id": outside.id})
    assert mia.add_interface_to_router(router, subnet_id=subnet.id)["subnet_ids"] == [subnet.id]
    routes = [{"destination": "192.0.2.0/24", "nexthop": "10.40.0.9"}]
    assert mia.add_extra_routes_to_router(router, {"router": {"routes": routes}}).routes == routes
    floating = mia.create_ip(floating_network_id=outside.id)
    mia.update_ip(floating, port_id=port.id)
    found = mia.find_ip(floating.floating_ip_address)
    assert (found.port_id, found.router_id, found.port_details["network_id"]) == (port.id, router.id, inside.id)
    mia.delete_port(port)
    assert mia.get_ip(floating.id).port_id is None
    mia.delete_ip(floating)
    mia.update_router(router, routes=[])
    mia.remove_interface_from_router(router, subnet_id=subnet.id)
    mia.delete_router(router)
    mia.delete_network(inside)
    admin.delete_network(outside)


def test_a_list_comes_in_pages_filtered_and_whole(admin: Any) -> None:
    names = [f"page{number:02}" for number in range(25)]
    for name in names:
        admin.create_network(name=name, description="pages")
    listed = list(admin.networks(description="pages", limit=4, sort_key="name", sort_dir="asc"))
    assert [network.name for network in listed] == names
    assert [
        network.name for network in admin.networks(name=["page03", "page07"], sort_key="name", sort_dir="desc")
    ] == [
        "page07",
        "page03",
    ]
    assert admin.get("/networks", params={"fields": "name", "name": "page03"}).json() == {
        "networks": [{"name": "page03"}]
    }
    for network in listed:
        admin.delete_network(network, ignore_missing=False)
    assert list(admin.networks(description="pages")) == []


def test_many_at_once_are_all_or_none(admin: Any) -> None:
    network = admin.create_network(name="bulk")
    ports = list(admin.create_ports([{"network_id": network.id, "name": f"bulk{n}"} for n in range(3)]))
    assert {port.name for port in ports} == {"bulk0", "bulk1", "bulk2"}
    with pytest.raises(exceptions.BadRequestException):
        admin.create_ports([{"network_id": network.id}, {"network_id": network.id, "mac_address": "nonsense"}])
    assert len(list(admin.ports(network_id=network.id))) == 3
    for port in ports:
        admin.delete_port(port)
    admin.delete_network(network)


def test_find_update_and_delete_say_when_there_is_nothing(mia: Any) -> None:
    network = mia.create_network(name="found")
    assert mia.find_network("found").id == mia.get_network(network.id).id == network.id
    assert mia.update_network(network, name="renamed").name == "renamed"
    assert mia.find_network("found") is None
    mia.delete_network(network)
    with pytest.raises(exceptions.NotFoundException, match=network.id):
        mia.get_network(network.id)
    with pytest.raises(exceptions.NotFoundException):
        mia.delete_network(network.id, ignore_missing=False)
    mia.delete_network(network.id)


def test_an_update_that_names_an_old_revision_is_refused(mia: Any) -> None:
    network = mia.create_network(name="first")
    mia.update_network(network.id, name="second")
    with pytest.raises(exceptions.SDKException, match="412"):
        mia.update_network(network.id, name="third", if_revision=1)
    assert mia.update_network(network.id, name="third", if_revision=2).revision_number == 3
    mia.delete_network(network.id, if_revision=3)


def test_tags(mia: Any) -> None:
    network = mia.create_network(name="tagged")
    assert sorted(mia.set_tags(network, ["a", "b"]).tags) == ["a", "b"]
    network.add_tag(mia, "c")
    assert network.check_tag(mia, "c")
    network.remove_tag(mia, "a")
    assert sorted(mia.get_network(network).tags) == ["b", "c"]
    assert [found.id for found in mia.networks(tags="b,c")] == [network.id]
    assert list(mia.networks(not_any_tags="c", name="tagged")) == []
    network.remove_all_tags(mia)
    assert mia.get_network(network).tags == []
    mia.delete_network(network)


def test_quotas_by_project_id(admin: Any, mia: Any) -> None:
    project = mia.create_network(name="counted")
    id = project.project_id
    assert admin.update_quota(id, networks=3, ports=7).networks == 3
    details = admin.get_quota(id, details=True)
    assert (details.networks["limit"], details.networks["used"], details.ports["limit"]) == (3, 1, 7)
    assert [quota.project_id for quota in admin.quotas()] == [id]
    assert admin.get_quota_default(id).networks == 100
    admin.delete_quota(id)
    assert admin.get_quota(id).networks == 100
    mia.delete_network(project)


def test_the_default_group_and_its_rules(mia: Any) -> None:
    default = mia.find_security_group("default")
    rules = list(mia.security_group_rules(security_group_id=default.id))
    assert {(rule.direction, rule.ether_type, rule.remote_group_id) for rule in rules} == {
        ("egress", "IPv4", None),
        ("egress", "IPv6", None),
        ("ingress", "IPv4", default.id),
        ("ingress", "IPv6", default.id),
    }


def test_an_instance_moves_to_another_host(admin: Any, nova: Any) -> None:
    network = admin.create_network(name="moving")
    subnet = admin.create_subnet(network_id=network.id, ip_version=4, cidr="10.2.0.0/24")
    port = nova.create_port(
        network_id=network.id,
        project_id=network.project_id,
        device_owner="compute:east",
        device_id="server",
        binding_host_id="compute1",
        binding_profile={"from": "nova"},
    )
    assert (port.binding_vif_type, port.binding_host_id) == ("ovs", "compute1")
    there = nova.create_port_binding(port, host="compute2", vnic_type="normal", profile={"migrating_to": "compute2"})
    assert (there.status, there.vif_type, there.host) == ("INACTIVE", "ovs", "compute2")
    assert {(b.host, b.status) for b in nova.port_bindings(port)} == {("compute1", "ACTIVE"), ("compute2", "INACTIVE")}
    for host in ("compute3", "nowhere"):
        with pytest.raises(exceptions.SDKException):
            nova.create_port_binding(port, host=host)
    assert nova.get_port(port).binding_host_id == "compute1"
    nova.activate_port_binding(port.id, "compute2")
    assert {(b.host, b.status) for b in nova.port_bindings(port)} == {("compute1", "INACTIVE"), ("compute2", "ACTIVE")}
    moved = nova.get_port(port)
    assert (moved.binding_host_id, moved.binding_profile) == ("compute2", {"migrating_to": "compute2"})
    assert moved.fixed_ips == port.fixed_ips
    nova.delete_port_binding(port, "compute1")
    assert [b.host for b in nova.port_bindings(port)] == ["compute2"]
    admin.delete_port(port)
    admin.delete_subnet(subnet)
    admin.delete_network(network)
