"""Conntrack helpers of routers: the texts are those of Neutron's source."""

from typing import Any

import pytest

from tests.api.serving import Cloud, User, error


@pytest.fixture
def mia(cloud: Cloud) -> User:
    user = cloud.user()
    demo = cloud.user("mia").project_id
    assert user.put(f"/quotas/{demo}", {"quota": {"router": -1}}).status_code == 200
    return cloud.user("mia")


NAME = "conntrack_helpers"
FTP = {"helper": "ftp", "protocol": "tcp", "port": 21}
TFTP = {"helper": "tftp", "protocol": "udp", "port": 69}


def path(router: str, id: str = "") -> str:
    return f"/routers/{router}/conntrack_helpers" + (f"/{id}" if id else "")


def add(user: User, router: str, values: dict[str, Any]) -> Any:
    return user.post(path(router), {"conntrack_helper": values})


def test_a_router_has_helpers_and_shows_them(mia: User) -> None:
    router = mia.create("router")["id"]
    assert mia.show("router", router)["conntrack_helpers"] == []
    reply = add(mia, router, FTP)
    assert reply.status_code == 201
    made = reply.json()["conntrack_helper"]
    assert made == {"id": made["id"], **FTP}
    add(mia, router, {**TFTP, "port": "69", "protocol": "udp"})
    assert [one["helper"] for one in mia.get(path(router), sort_key="helper", sort_dir="asc").json()[NAME]] == [
        "ftp", "tftp",
    ]  # fmt: skip
    assert mia.get(path(router), helper="tftp").json()["conntrack_helpers"][0]["port"] == 69
    assert sorted(one["helper"] for one in mia.show("router", router)["conntrack_helpers"]) == ["ftp", "tftp"]
    assert mia.get(path(router, made["id"])).json()["conntrack_helper"] == made
    assert mia.delete(path(router, made["id"])).status_code == 204
    assert mia.show("router", router)["conntrack_helpers"] == [TFTP]
    mia.remove("router", router)


def test_what_no_host_carries_out_is_refused(mia: User) -> None:
    router = mia.create("router")["id"]

    def refused(**values: Any) -> tuple[int, str, str]:
        return error(add(mia, router, {**FTP, **values}))

    assert refused(helper="sip") == (400, "ConntrackHelperNotAllowed", "Conntrack Helper sip is not allowed.")
    assert refused(protocol="udp") == (
        400, "InvalidProtocolForHelper",
        "Conntrack Helper ftp does not support: udp. Supported protocols are: tcp",
    )  # fmt: skip
    assert refused(port=2121)[2] == "Bad conntrack_helper request: hosts know ftp on port 21 only."
    assert refused(port=0)[:2] == (400, "HTTPBadRequest")
    assert refused(protocol="gre")[0] == 400
    assert add(mia, router, FTP).status_code == 201
    assert refused()[2] == (
        "Bad conntrack_helper request: A duplicate conntrack helper entry with same attributes already exists,"
        f" conflicting values are {{'router_id': '{router}', 'protocol': 'tcp', 'port': 21, 'helper': 'ftp'}}."
    )
    [made] = mia.get(path(router)).json()["conntrack_helpers"]
    changed = mia.put(path(router, made["id"]), {"conntrack_helper": TFTP})
    assert (changed.status_code, changed.json()["conntrack_helper"]) == (200, {"id": made["id"], **TFTP})
    assert error(mia.put(path(router, made["id"]), {"conntrack_helper": {"port": 70}}))[0] == 400
    assert mia.show("router", router)["conntrack_helpers"] == [TFTP]


def test_helpers_are_their_router_s_owner_s(cloud: Cloud, mia: User) -> None:
    router, other = mia.create("router")["id"], mia.create("router")["id"]
    made = add(mia, router, FTP).json()["conntrack_helper"]["id"]
    assert error(mia.get(path(other, made))) == (
        404, "ConntrackHelperNotFound", f"Conntrack Helper {made} could not be found.",
    )  # fmt: skip
    for user in (cloud.user("otto"), cloud.user("rita")):
        assert add(user, router, TFTP).status_code in (403, 404)
        assert user.delete(path(router, made)).status_code in (403, 404)
    assert cloud.user("rita").get(path(router, made)).status_code == 200
    assert cloud.user("otto").get(path(router, made)).status_code == 404
    assert cloud.user().get(path(router)).json()["conntrack_helpers"] == [{"id": made, **FTP}]
