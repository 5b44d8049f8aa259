"""Tap services and tap flows through the API: who may, what is refused, what goes with what, and their tunnel ids."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import Cloud, User, error, serving

SERVICES, FLOWS = "/taas/tap_services", "/taas/tap_flows"
NOT_THE_PROJECTS = (403, "PortDoesNotBelongToTenant", "The specified port does not belong to the tenant")


def port_of(user: User, **of_network: Any) -> str:
    return str(user.create("port", network_id=user.create("network", **of_network)["id"])["id"])


def post_service(user: User, port: str, **values: Any) -> Any:
    return user.post(SERVICES, {"tap_service": {"port_id": port, **values}})


def post_flow(user: User, service: str, source: str, **values: Any) -> Any:
    given = {"tap_service_id": service, "source_port": source, "direction": "BOTH", **values}
    return user.post(FLOWS, {"tap_flow": given})


def service_of(user: User, port: str | None = None, **values: Any) -> dict[str, Any]:
    reply = post_service(user, port or port_of(user), **values)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()["tap_service"]
    return made


def flow_of(user: User, service: dict[str, Any], source: str, **values: Any) -> dict[str, Any]:
    reply = post_flow(user, service["id"], source, **values)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()["tap_flow"]
    return made


def there(user: User, path: str, made: dict[str, Any]) -> bool:
    return bool(user.get(f"{path}/{made['id']}").status_code == 200)


def test_a_member_makes_changes_lists_and_removes_them(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    receiver, source = port_of(mia), port_of(mia)
    service = service_of(mia, receiver, name="ids", description="to see")
    project = service["project_id"]
    assert service == {
        "id": service["id"], "project_id": project, "tenant_id": project, "name": "ids", "description": "to see",
        "port_id": receiver, "status": "DOWN",
    }  # fmt: skip
    flow = flow_of(mia, service, source, name="web", direction="OUT")
    assert flow == {
        "id": flow["id"], "project_id": project, "tenant_id": project, "name": "web", "description": "",
        "tap_service_id": service["id"], "source_port": source, "direction": "OUT", "status": "DOWN",
    }  # fmt: skip
    for kind, path, made in (("tap_service", SERVICES, service), ("tap_flow", FLOWS, flow)):
        assert made in mia.get(path).json()[f"{kind}s"]
        assert mia.get(path, name=made["name"], project_id=project).json()[f"{kind}s"] == [made]
        assert mia.get(path, name="another").json()[f"{kind}s"] == []
        assert mia.get(f"{path}/{made['id']}").json() == {kind: made}
        changed = mia.put(f"{path}/{made['id']}", {kind: {"name": "off", "description": "x"}}).json()[kind]
        assert changed == {**made, "name": "off", "description": "x"}
        for field in made.keys() - {"id", "name", "description"}:
            assert mia.put(f"{path}/{made['id']}", {kind: {field: made[field]}}).status_code == 400
    assert mia.get(FLOWS, tap_service_id=service["id"], source_port=source).json()["tap_flows"] != []
    assert mia.delete(f"{FLOWS}/{flow['id']}").status_code == 204
    gone = (404, "TapFlowNotFound", f"Tap Flow  {flow['id']} does not exist")
    assert error(mia.get(f"{FLOWS}/{flow['id']}")) == gone
    assert mia.delete(f"{SERVICES}/{service['id']}").status_code == 204
    gone = (404, "TapServiceNotFound", f"Tap Service  {service['id']} does not exist")
    assert error(mia.get(f"{SERVICES}/{service['id']}")) == gone


def test_readers_do_not_see_them_as_in_neutron(cloud: Cloud) -> None:
    mia, reader = cloud.user("mia"), cloud.user("rita")
    service = service_of(mia)
    assert reader.get(f"{SERVICES}/{service['id']}").status_code == 404
    assert reader.get(SERVICES).json()["tap_services"] == []


def test_a_service_is_of_a_port_of_its_project(cloud: Cloud) -> None:
    admin, mia, otto = cloud.user("admin"), cloud.user("mia"), cloud.user("otto")
    port, nobody = port_of(mia), str(uuid.uuid4())
    assert error(post_service(mia, nobody)) == (404, "PortNotFound", f"Port {nobody} could not be found.")
    assert error(post_service(otto, port))[0] == 404  # otto may not know of it
    assert error(post_service(admin, port)) == NOT_THE_PROJECTS
    project = mia.show("port", port)["project_id"]
    service = service_of(admin, port, project_id=project)
    assert service in mia.get(SERVICES).json()["tap_services"]
    for path in (f"{SERVICES}/{service['id']}",):
        assert (otto.get(path).status_code, otto.delete(path).status_code) == (404, 404)


def test_a_flow_is_of_the_project_of_its_service_and_of_its_source(cloud: Cloud) -> None:
    admin, mia, otto = cloud.user("admin"), cloud.user("mia"), cloud.user("otto")
    service, source = service_of(mia), port_of(mia)
    others, nobody = port_of(otto), str(uuid.uuid4())
    project = service["project_id"]
    assert error(post_flow(mia, nobody, source)) == (
        404, "TapServiceNotFound", f"Tap Service  {nobody} does not exist",
    )  # fmt: skip
    assert error(post_flow(otto, service["id"], others))[:2] == (404, "TapServiceNotFound")
    assert error(post_flow(admin, service["id"], source)) == (
        403, "TapServiceNotBelongToTenant", "Specified Tap Service does not belong to the tenant",
    )  # fmt: skip
    assert error(post_flow(mia, service["id"], nobody))[:2] == (404, "PortNotFound")
    assert error(post_flow(mia, service["id"], others))[:2] == (404, "PortNotFound")
    flow_of(admin, service, others, project_id=project)  # an operator may look at anything


def test_who_owns_a_network_cannot_listen_to_others_ports_on_it(cloud: Cloud) -> None:
    admin, mia = cloud.user("admin"), cloud.user("mia")
    network = mia.create("network")["id"]
    others = admin.create("port", network_id=network, project_id=uuid.uuid4().hex)["id"]
    assert mia.get(f"/ports/{others}").status_code == 200
    assert error(post_flow(mia, service_of(mia)["id"], others)) == NOT_THE_PROJECTS


def test_a_port_does_not_listen_to_itself(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    service = service_of(mia)
    said = f"port {service['port_id']} is the port of tap service {service['id']}, and cannot be its source as well."
    refused = error(post_flow(mia, service["id"], service["port_id"]))
    assert refused == (400, "InvalidInput", f"Invalid input for operation: {said}")


@pytest.mark.parametrize("wrong", [{"direction": "both"}, {"direction": None}, {"source_port": "x"}, {"status": "UP"}])
def test_what_is_no_flow_is_refused(cloud: Cloud, wrong: dict[str, Any]) -> None:
    mia = cloud.user("mia")
    assert post_flow(mia, service_of(mia)["id"], port_of(mia), **wrong).status_code == 400


def test_flows_go_with_their_service_and_both_go_with_their_ports(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    receiver, source = port_of(mia), port_of(mia)
    service = service_of(mia, receiver)
    flow = flow_of(mia, service, source)
    assert mia.delete(f"{SERVICES}/{service['id']}").status_code == 204
    assert not there(mia, FLOWS, flow)
    service = service_of(mia, receiver)
    flow, second = flow_of(mia, service, source), flow_of(mia, service, port_of(mia))
    mia.remove("port", source)
    assert [there(mia, FLOWS, one) for one in (flow, second)] == [False, True]
    mia.remove("port", receiver)
    assert not there(mia, SERVICES, service) and not there(mia, FLOWS, second)


def test_a_service_has_a_tunnel_id_that_no_network_has(tmp_path: Path) -> None:
    with serving(tmp_path, networking={"vni_ranges": "[{minimum = 7, maximum = 9}]"}) as cloud:
        admin = cloud.user("admin")
        ports = [port_of(admin), port_of(admin, **{"provider:network_type": "flat", "provider:physical_network": "a"})]
        services = [service_of(admin, port) for port in ports]
        again = service_of(admin, ports[0])  # of a port that has one
        assert admin.post("/networks", {"network": {}}).status_code == 503
        full = error(post_service(admin, port_of(admin, **{"provider:network_type": "local"})))
        assert full == (409, "OverQuota", "Reached the maximum quota for Tap Services")
        for number in (7, 8, 9):
            wanted = {"provider:network_type": "vxlan", "provider:segmentation_id": number}
            assert error(admin.post("/networks", {"network": wanted}))[:2] == (409, "TunnelIdInUse")
        assert admin.delete(f"{SERVICES}/{services[0]['id']}").status_code == 204
        assert admin.post("/networks", {"network": {}}).status_code == 503, "another service has the id"
        assert admin.delete(f"{SERVICES}/{again['id']}").status_code == 204
        admin.create("network")
        assert admin.post("/networks", {"network": {}}).status_code == 503
