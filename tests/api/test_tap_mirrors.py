"""Tap mirrors through the API: who may, what they may be, and that they go with their port."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import Cloud, User, error, serving

PATH = "/taas/tap_mirrors"


def make(user: User, port: str, **values: Any) -> dict[str, Any]:
    reply = post(user, port, **values)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()["tap_mirror"]
    return made


def post(user: User, port: str, **values: Any) -> Any:
    given = {"port_id": port, "directions": {"IN": 1}, "remote_ip": "198.51.100.9", "mirror_type": "gre", **values}
    return user.post(PATH, {"tap_mirror": given})


def port_of(user: User) -> str:
    return str(user.create("port", network_id=user.create("network")["id"])["id"])


def test_a_member_makes_changes_lists_and_removes_one(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    port = port_of(mia)
    made = make(mia, port, name="tap", description="to see", directions={"IN": 101, "OUT": "102"})
    assert made == {
        "id": made["id"], "project_id": made["project_id"], "tenant_id": made["project_id"], "name": "tap",
        "description": "to see", "port_id": port, "directions": {"IN": 101, "OUT": "102"},
        "remote_ip": "198.51.100.9", "mirror_type": "gre",
    }  # fmt: skip
    assert made in mia.get(PATH).json()["tap_mirrors"]
    assert mia.get(f"{PATH}/{made['id']}").json() == {"tap_mirror": made}
    assert mia.get(PATH, name="tap", port_id=port).json()["tap_mirrors"] == [made]
    assert mia.get(PATH, port_id=str(uuid.uuid4())).json()["tap_mirrors"] == []
    changed = mia.put(f"{PATH}/{made['id']}", {"tap_mirror": {"name": "off", "description": ""}}).json()["tap_mirror"]
    assert changed == {**made, "name": "off", "description": ""}
    for field, value in (("remote_ip", "198.51.100.8"), ("directions", {"IN": 3}), ("port_id", port)):
        assert mia.put(f"{PATH}/{made['id']}", {"tap_mirror": {field: value}}).status_code == 400
    assert mia.delete(f"{PATH}/{made['id']}").status_code == 204
    gone = f"Tap Mirror {made['id']} does not exist"
    assert error(mia.get(f"{PATH}/{made['id']}")) == (404, "TapMirrorNotFound", gone)


def test_a_mirror_is_of_a_port_of_its_project(cloud: Cloud) -> None:
    admin, mia, otto = cloud.user("admin"), cloud.user("mia"), cloud.user("otto")
    port = port_of(mia)
    nobody = str(uuid.uuid4())
    assert error(post(mia, nobody)) == (404, "PortNotFound", f"Port {nobody} could not be found.")
    assert error(post(admin, port)) == (
        403, "PortDoesNotBelongToTenant", "The specified port does not belong to the tenant",
    )  # fmt: skip
    assert error(post(otto, port))[0] == 404  # otto may not know of it
    project = mia.get(f"/ports/{port}").json()["port"]["project_id"]
    made = make(admin, port, project_id=project, directions={"BOTH": 5})
    assert made in mia.get(PATH).json()["tap_mirrors"]
    assert made not in otto.get(PATH).json()["tap_mirrors"]
    assert otto.get(f"{PATH}/{made['id']}").status_code == 404
    assert otto.delete(f"{PATH}/{made['id']}").status_code == 404
    admin.delete(f"{PATH}/{made['id']}")


def test_a_tunnel_id_is_of_one_mirror_of_a_project(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    port, other = port_of(mia), port_of(mia)
    made = make(mia, port, directions={"IN": 7, "OUT": 8})
    taken = (409, "TapMirrorTunnelConflict", "Tap Mirror with tunnel_id 8 already exists")
    for id in (8, "8"):
        assert error(post(mia, other, directions={"BOTH": id}, mirror_type="erspanv1")) == taken
    mia.delete(f"{PATH}/{made['id']}")
    mia.delete(f"{PATH}/{make(mia, other, directions={'BOTH': 8})['id']}")


@pytest.mark.parametrize(
    ("kind", "id", "fits"),
    [("erspanv1", 1023, True), ("erspanv1", 1024, False), ("gre", 2**32 - 1, True), ("gre", 2**32, False),
     ("gre", -1, False)],
)  # fmt: skip
def test_a_tunnel_id_has_to_fit_into_the_header(cloud: Cloud, kind: str, id: int, fits: bool) -> None:
    mia = cloud.user("mia")
    reply = post(mia, port_of(mia), directions={"OUT": id}, mirror_type=kind)
    assert (reply.status_code == 201) == fits
    if fits:
        mia.delete(f"{PATH}/{reply.json()['tap_mirror']['id']}")
    else:
        largest = 1023 if kind == "erspanv1" else 2**32 - 1
        assert error(reply) == (
            400, "InvalidInput",
            "Invalid input for operation: "
            f"the tunnel id {id} of a mirror of type {kind} is not between 0 and {largest}.",
        )  # fmt: skip


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "239.1.2.3", "ff02::1", "0.0.0.0", "169.254.169.254", "fe80::1"]
)
def test_a_collector_is_a_machine_of_the_network(cloud: Cloud, address: str) -> None:
    mia = cloud.user("mia")
    said = f"the collector {address} of a mirror is not the address of one machine of the network."
    reply = error(post(mia, port_of(mia), remote_ip=address))
    assert reply == (400, "InvalidInput", f"Invalid input for operation: {said}")


def test_an_operator_says_where_collectors_of_others_may_be(tmp_path: Path) -> None:
    with serving(tmp_path, networking={"mirror_collectors": ["192.0.2.0/24", "2001:db8::/32"]}) as cloud:
        admin, mia = cloud.user("admin"), cloud.user("mia")
        port = port_of(mia)
        make(mia, port, directions={"IN": 1}, remote_ip="192.0.2.9")
        make(mia, port, directions={"IN": 2}, remote_ip="2001:db8::9")
        refused = error(post(mia, port, directions={"IN": 3}, remote_ip="198.51.100.9"))
        said = "the collector 198.51.100.9 is in none of the networks where those of mirrors may be."
        assert refused == (400, "InvalidInput", f"Invalid input for operation: {said}")
        project = mia.show("port", port)["project_id"]
        make(admin, port, directions={"IN": 3}, remote_ip="198.51.100.9", project_id=project)


@pytest.mark.parametrize(
    "wrong",
    [{"directions": {"SIDEWAYS": 1}}, {"directions": {"IN": "one"}}, {"directions": {"IN": None}}, {"remote_ip": "x"},
     {"mirror_type": "erspanv2"}, {"mirror_type": None}],
)  # fmt: skip
def test_what_is_no_mirror_is_refused(cloud: Cloud, wrong: dict[str, Any]) -> None:
    mia = cloud.user("mia")
    assert post(mia, port_of(mia), **wrong).status_code == 400


def test_it_goes_with_its_port(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    port = port_of(mia)
    made = make(mia, port)
    mia.remove("port", port)
    assert mia.get(f"{PATH}/{made['id']}").status_code == 404
