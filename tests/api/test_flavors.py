"""Flavors of routers: what an admin offers, and users choose; the texts are those of Neutron's source."""

import pytest

from tests.api.serving import Cloud, User, error

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def admin(cloud: Cloud) -> User:
    user = cloud.user()
    demo = cloud.user("mia").project_id
    assert user.put(f"/quotas/{demo}", {"quota": {"router": -1}}).status_code == 200
    return user


def test_a_user_makes_a_router_of_a_flavor(cloud: Cloud, admin: User) -> None:
    mia = cloud.user("mia")
    [provider] = mia.get("/service-providers").json()["service_providers"]
    assert provider == {"service_type": "L3_ROUTER_NAT", "name": "tunbridge", "default": True}
    flavor = admin.create("flavor", name="edge", service_type="L3_ROUTER_NAT", description="to the outside")
    profile = admin.create("service_profile", driver=provider["name"])
    path = f"/flavors/{flavor['id']}/service_profiles"
    made = {"router": {"flavor_id": flavor["id"]}}
    assert error(mia.post("/routers", made)) == (
        404, "FlavorServiceProfileBindingNotFound",
        f"Service Profile  is not associated with flavor {flavor['id']}.",
    )  # fmt: skip
    assert admin.post(path, {"service_profile": {"id": profile["id"]}}).status_code == 201
    assert error(admin.post(path, {"service_profile": {"id": profile["id"]}}))[:2] == (
        409, "FlavorServiceProfileBindingExists",
    )  # fmt: skip
    assert mia.show("flavor", flavor["id"])["service_profiles"] == [profile["id"]]
    [chosen] = mia.get(f"/flavors/{flavor['id']}/next_providers").json()["next_providers"]
    assert (chosen["provider"], chosen["driver"]) == ("tunbridge", "tunbridge")
    reply = mia.post("/routers", made)
    assert reply.status_code == 201
    router = reply.json()["router"]
    assert router["flavor_id"] == flavor["id"]
    assert mia.create("router")["flavor_id"] is None
    assert error(mia.put(f"/routers/{router['id']}", {"router": {"flavor_id": None}}))[0] == 400
    assert error(admin.delete(f"/flavors/{flavor['id']}")) == (
        409, "FlavorInUse", f"Flavor {flavor['id']} is used by some service instance.",
    )  # fmt: skip
    assert error(admin.delete(f"/service_profiles/{profile['id']}"))[:2] == (409, "ServiceProfileInUse")
    mia.remove("router", router["id"])
    assert admin.delete(f"{path}/{profile['id']}").status_code == 204
    assert error(admin.delete(f"{path}/{profile['id']}"))[:2] == (404, "FlavorServiceProfileBindingNotFound")
    admin.remove("flavor", flavor["id"])
    admin.remove("service_profile", profile["id"])


def test_what_flavors_and_profiles_refuse(cloud: Cloud, admin: User) -> None:
    mia = cloud.user("mia")

    def refused(user: User, resource: str, **values: object) -> tuple[int, str]:
        path = {"flavor": "/flavors", "service_profile": "/service_profiles", "router": "/routers"}[resource]
        return error(user.post(path, {resource: values}))[:2]

    assert admin.create("flavor", service_type="FLAVORS")["service_type"] == "FLAVORS"
    assert refused(admin, "flavor", service_type=["FLAVORS"]) == (400, "InvalidServiceType")
    assert refused(admin, "flavor", service_type="LOADBALANCERV2") == (400, "InvalidServiceType")
    assert refused(admin, "flavor", service_type="L3_ROUTER_NAT", service_profiles=[NOBODY]) == (
        404, "ServiceProfileNotFound",
    )  # fmt: skip
    assert refused(admin, "service_profile") == (400, "ServiceProfileEmpty")
    assert refused(admin, "service_profile", driver="neutron.services.x") == (404, "ServiceProfileDriverNotFound")
    assert refused(mia, "flavor", service_type="L3_ROUTER_NAT") == (403, "PolicyNotAuthorized")
    assert refused(mia, "router", flavor_id=NOBODY) == (404, "FlavorNotFound")
    assert refused(mia, "router", flavor_id=None) == (404, "FlavorNotFound")
    assert refused(mia, "router", flavor_id=["x"]) == (400, "HTTPBadRequest")
    assert mia.get("/service_profiles").json() == {"service_profiles": []}
    profile = admin.create("service_profile", metainfo="fast", enabled=False)
    flavor = admin.create("flavor", service_type="L3_ROUTER_NAT", service_profiles=[profile["id"]])
    assert refused(mia, "router", flavor_id=flavor["id"]) == (503, "ServiceProfileDisabled")
    admin.update("flavor", flavor["id"], service_profiles=[])
    admin.update("service_profile", profile["id"], enabled=True)
    admin.update("flavor", flavor["id"], service_profiles=[profile["id"]])
    assert refused(mia, "router", flavor_id=flavor["id"]) == (404, "ServiceProfileDriverNotFound")
    admin.update("flavor", flavor["id"], enabled=False)
    assert refused(mia, "router", flavor_id=flavor["id"]) == (503, "FlavorDisabled")
    admin.remove("flavor", flavor["id"])
    admin.remove("service_profile", profile["id"])
