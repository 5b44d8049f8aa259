"""Local IPs through the API: whose ports they may have, what they keep, and that they go with their port."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.serving import Cloud, User, error


@pytest.fixture
def mia(cloud: Cloud) -> User:
    return cloud.user("mia")


@pytest.fixture
def network(mia: User) -> Iterator[str]:
    id = mia.create("network")["id"]
    for version, cidr in ((4, "10.78.0.0/24"), (6, "fd00:78::/64")):
        mia.create("subnet", network_id=id, ip_version=version, cidr=cidr)
    yield id
    for local in mia.list("local_ip", network_id=id):
        for one in mia.get(f"/local_ips/{local['id']}/port_associations").json()["port_associations"]:
            mia.delete(f"/local_ips/{local['id']}/port_associations/{one['fixed_port_id']}")
        mia.remove("local_ip", local["id"])
    for port in mia.list("port", network_id=id):
        mia.remove("port", port["id"])
    mia.remove("network", id)


def make_port(user: User, network: str, *addresses: str) -> str:
    fixed = {"fixed_ips": [{"ip_address": address} for address in addresses]} if addresses else {}
    return str(user.create("port", network_id=network, **fixed)["id"])


def refused(user: User, **values: Any) -> tuple[int, str, str]:
    return error(user.post("/local_ips", {"local_ip": values}))


def associate(user: User, local: str, port: str, **values: Any) -> Any:
    body = {"port_association": {"fixed_port_id": port, **values}}
    return user.post(f"/local_ips/{local}/port_associations", body)


def test_an_address_is_reserved_by_a_port_that_belongs_to_it(mia: User, network: str) -> None:
    made = mia.create("local_ip", network_id=network, local_ip_address="10.78.0.9", name="dns")
    project = made["project_id"]
    assert {name: made[name] for name in made.keys() - {"id", "local_port_id", "created_at", "updated_at"}} == {
        "name": "dns", "description": "", "project_id": project, "tenant_id": project, "network_id": network,
        "local_ip_address": "10.78.0.9", "ip_mode": "translate", "revision_number": 0,
    }  # fmt: skip
    port = mia.show("port", made["local_port_id"])
    assert {name: port[name] for name in ("device_owner", "device_id", "project_id", "status")} == {
        "device_owner": "network:local_ip", "device_id": made["id"], "project_id": project, "status": "N/A",
    }  # fmt: skip
    assert error(mia.delete(f"/ports/{port['id']}")) == (
        409, "ServicePortInUse",
        f"Port {port['id']} cannot be deleted directly via the port API: still referenced by Local IPs.",
    )  # fmt: skip
    changed = mia.update("local_ip", made["id"], name="names", description="near")
    assert (changed["name"], changed["description"], changed["revision_number"]) == ("names", "near", 1)
    for field, value in (("ip_mode", "passthrough"), ("local_ip_address", "10.78.0.8"), ("network_id", network)):
        assert mia.put(f"/local_ips/{made['id']}", {"local_ip": {field: value}}).status_code == 400
    mia.remove("local_ip", made["id"])
    assert mia.get(f"/ports/{port['id']}").status_code == 404
    gone = f"Local IP {made['id']} could not be found."
    assert error(mia.get(f"/local_ips/{made['id']}")) == (404, "LocalIPNotFound", gone)


def test_the_address_of_a_port_is_taken_and_the_port_stays(mia: User, network: str) -> None:
    port = make_port(mia, network, "10.78.0.20", "10.78.0.21")
    assert refused(mia, local_port_id=port) == (
        400, "LocalIPNoRequestedIP",
        f"Specified Port {port} has several IPs, should specify exact IP address to use for Local IP.",
    )  # fmt: skip
    assert refused(mia, local_port_id=port, local_ip_address="10.78.0.99") == (
        400, "LocalIPRequestedIPNotFound",
        f"Specified Port {port} does not have requested IP address: 10.78.0.99.",
    )  # fmt: skip
    made = mia.create("local_ip", local_port_id=port, local_ip_address="10.78.0.21", ip_mode="passthrough")
    assert (made["network_id"], made["local_ip_address"], made["ip_mode"]) == (network, "10.78.0.21", "passthrough")
    mia.remove("local_ip", made["id"])
    assert mia.show("port", port)["id"] == port


def test_what_is_no_address_of_the_project_is_refused(cloud: Cloud, mia: User, network: str) -> None:
    nobody, otto = str(uuid.uuid4()), cloud.user("otto")
    assert refused(mia) == (
        400, "LocalIPPortOrNetworkRequired",
        "Either Port ID or Network ID must be specified for Local IP create.",
    )  # fmt: skip
    assert refused(mia, local_port_id=nobody) == (
        400, "BadRequest", f"Bad local_ip request: Port {nobody} not found.",
    )  # fmt: skip
    port = make_port(mia, network, "10.78.0.20")
    assert refused(otto, local_port_id=port)[0] == 400
    assert refused(otto, network_id=network)[:2] == (404, "NetworkNotFound")
    plain = mia.create("network")["id"]
    mia.create("subnet", network_id=plain, ip_version=6, cidr="fd00:79::/64")
    assert refused(mia, network_id=plain) == (
        400, "BadRequest", f"Bad local_ip request: Network {plain} does not contain any IPv4 subnet.",
    )  # fmt: skip
    elsewhere = make_port(mia, plain)
    local = mia.create("local_ip", network_id=network)["id"]
    assert associate(mia, local, elsewhere).status_code == 400, "it would take an address in another network"
    both = make_port(mia, network, "10.78.0.30", "fd00:78::30")
    assert error(associate(mia, local, both))[:2] == (400, "LocalIPNoRequestedIP")
    assert associate(mia, local, both, fixed_ip="fd00:78::30").status_code == 400
    assert error(associate(mia, local, nobody))[2].endswith(f"Port {nobody} not found.")
    assert associate(otto, local, port).status_code == 403
    mia.remove("port", elsewhere)
    mia.remove("network", plain)


def test_in_a_shared_network_a_project_does_not_choose_the_address(cloud: Cloud, mia: User) -> None:
    admin = cloud.user("admin")
    shared = admin.create("network", shared=True)["id"]
    admin.create("subnet", network_id=shared, ip_version=4, cidr="10.79.0.0/24", gateway_ip="10.79.0.1")
    assert refused(mia, network_id=shared, local_ip_address="10.79.0.1")[:2] == (403, "PolicyNotAuthorized")
    assert refused(mia, network_id=shared, local_ip_address="10.79.0.50")[0] == 403
    made = mia.create("local_ip", network_id=shared)
    assert made["local_ip_address"] != "10.79.0.1"
    mia.remove("local_ip", made["id"])
    admin.remove("network", shared)


def test_ports_have_it_until_they_go(cloud: Cloud, mia: User, network: str) -> None:
    local = mia.create("local_ip", network_id=network, local_ip_address="10.78.0.9")["id"]
    first, second = make_port(mia, network, "10.78.0.20"), make_port(mia, network, "10.78.0.21", "10.78.0.22")
    one = associate(mia, local, first)
    assert (one.status_code, one.json()) == (201, {
        "port_association": {
            "local_ip_id": local, "local_ip_address": "10.78.0.9", "fixed_port_id": first, "fixed_ip": "10.78.0.20",
            "host": "",
        }
    })  # fmt: skip
    assert error(associate(mia, local, first))[0] == 409
    assert associate(mia, local, second, fixed_ip="10.78.0.22").status_code == 201
    path = f"/local_ips/{local}/port_associations"
    assert mia.get(f"{path}/{first}").json() == one.json()
    shown = mia.get(path).json()["port_associations"]
    assert {each["fixed_port_id"]: each["fixed_ip"] for each in shown} == {first: "10.78.0.20", second: "10.78.0.22"}
    assert [each["fixed_port_id"] for each in mia.get(path, fixed_ip="10.78.0.22").json()["port_associations"]] == [
        second
    ]
    assert mia.put(f"{path}/{first}", {"port_association": {}}).status_code in (404, 405)
    assert cloud.user("otto").get(path).status_code == 404
    assert error(mia.delete(f"/local_ips/{local}")) == (
        409, "LocalIPInUse", f"Local IP {local} is still associated with one or more ports.",
    )  # fmt: skip
    cloud.user("admin").update("port", first, **{"binding:host_id": "compute1"})
    assert mia.get(f"{path}/{first}").json()["port_association"]["host"] == "compute1"
    mia.remove("port", first)
    assert error(mia.get(f"{path}/{first}")) == (
        404, "LocalIPAssociationNotFound", f"Local IP {local} association with port {first} could not be found.",
    )  # fmt: skip
    assert mia.delete(f"{path}/{second}").status_code == 204
    mia.remove("local_ip", local)


def test_another_local_ip_has_its_own_association_with_a_port(mia: User, network: str) -> None:
    port = make_port(mia, network, "10.78.0.20")
    one, other = (mia.create("local_ip", network_id=network)["id"] for _ in range(2))
    for local in (one, other):
        assert associate(mia, local, port).status_code == 201
    assert mia.delete(f"/local_ips/{one}/port_associations/{port}").status_code == 204
    assert mia.get(f"/local_ips/{one}/port_associations/{port}").status_code == 404
    assert mia.get(f"/local_ips/{other}/port_associations/{port}").status_code == 200
