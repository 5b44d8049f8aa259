"""Bodies are kept between requests, and made anew when something that shows in them changes."""

from tests.api.serving import Cloud


def test_a_network_shows_its_subnets_as_they_come_and_go(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    network = mia.create("network")["id"]
    assert mia.show("network", network)["subnets"] == []
    subnet = mia.create("subnet", network_id=network, ip_version=4, cidr="10.1.0.0/24")["id"]
    assert mia.show("network", network)["subnets"] == [subnet]
    mia.remove("subnet", subnet)
    assert mia.show("network", network)["subnets"] == []


def test_a_subnet_shows_that_its_network_became_external(cloud: Cloud) -> None:
    admin = cloud.user()
    network = admin.create("network")["id"]
    subnet = admin.create("subnet", network_id=network, ip_version=4, cidr="10.1.0.0/24")["id"]
    assert admin.show("subnet", subnet)["router:external"] is False
    admin.update("network", network, **{"router:external": True})
    assert admin.show("subnet", subnet)["router:external"] is True


def test_a_network_shows_the_address_scope_that_its_pool_was_put_into(cloud: Cloud) -> None:
    admin = cloud.user()
    scope = admin.create("address_scope", name="s", ip_version=4)["id"]
    pool = admin.create("subnetpool", name="p", prefixes=["10.77.0.0/16"])["id"]
    network = admin.create("network")["id"]
    admin.create("subnet", network_id=network, ip_version=4, subnetpool_id=pool, prefixlen=24)
    assert admin.show("network", network)["ipv4_address_scope"] is None
    admin.update("subnetpool", pool, address_scope_id=scope)
    assert admin.show("network", network)["ipv4_address_scope"] == scope


def test_a_group_shows_its_rules(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    group = mia.create("security_group", name="web")["id"]
    before = mia.show("security_group", group)["security_group_rules"]
    assert {rule["direction"] for rule in before} == {"egress"}
    rule = mia.create("security_group_rule", security_group_id=group, direction="ingress", protocol="tcp")["id"]
    assert rule in {r["id"] for r in mia.show("security_group", group)["security_group_rules"]}
    mia.remove("security_group_rule", rule)
    assert mia.show("security_group", group)["security_group_rules"] == before


def test_shared_depends_on_who_looks(cloud: Cloud) -> None:
    mia, otto = cloud.user("mia"), cloud.user("otto")
    network = mia.create("network")["id"]
    mia.create(
        "rbac_policy",
        object_type="network",
        object_id=network,
        action="access_as_shared",
        target_tenant=otto.project_id,
    )
    assert mia.show("network", network)["shared"] is False
    assert otto.show("network", network)["shared"] is True
    assert [n["id"] for n in otto.list("network", shared=True, id=network)] == [network]
