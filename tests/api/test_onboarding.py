"""Subnets of a network are taken into a subnet pool: onboard_network_subnets."""

import uuid
from typing import Any

from tests.api.serving import Cloud, User, error


def onboard(user: User, pool: str, **body: Any) -> Any:
    return user.put(f"/subnetpools/{pool}/onboard_network_subnets", body)


def network(user: User, *cidrs: str, **values: Any) -> tuple[str, list[str]]:
    """A network with subnets; their ids."""
    id = user.create("network", **values)["id"]
    versions = [6 if ":" in cidr else 4 for cidr in cidrs]
    made = [user.create("subnet", network_id=id, cidr=c, ip_version=v) for c, v in zip(cidrs, versions, strict=True)]
    return id, [one["id"] for one in made]


def pool_of(user: User, subnet: str) -> Any:
    return user.get(f"/subnets/{subnet}").json()["subnet"]["subnetpool_id"]


def test_a_networks_subnets_of_the_pools_ip_version_become_its_own(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    pool = mia.create("subnetpool", name="p", prefixes=["10.90.0.0/24"])
    id, (first, second, six) = network(mia, "10.91.0.0/24", "10.91.1.0/24", "2001:db8:91::/64")
    reply = onboard(mia, pool["id"], network_id=id)
    assert (reply.status_code, sorted(reply.json(), key=lambda one: str(one["cidr"]))) == (
        200, [{"id": first, "cidr": "10.91.0.0/24"}, {"id": second, "cidr": "10.91.1.0/24"}],
    )  # fmt: skip
    assert [pool_of(mia, subnet) for subnet in (first, second, six)] == [pool["id"], pool["id"], None]
    now = mia.get(f"/subnetpools/{pool['id']}").json()["subnetpool"]
    assert sorted(now["prefixes"]) == ["10.90.0.0/24", "10.91.0.0/23"]
    # What they have is not given to others.
    made = mia.create("subnet", network_id=network(mia)[0], subnetpool_id=pool["id"], prefixlen=24, ip_version=4)
    assert made["cidr"] == "10.90.0.0/24"
    mia.remove("subnet", second)
    again = mia.create("subnet", network_id=network(mia)[0], subnetpool_id=pool["id"], prefixlen=24, ip_version=4)
    assert again["cidr"] == "10.91.1.0/24"


def test_a_network_without_subnets_brings_none(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    pool = mia.create("subnetpool", name="p", prefixes=["10.92.0.0/24"])
    reply = onboard(mia, pool["id"], network_id=network(mia, "2001:db8:92::/64")[0])
    assert (reply.status_code, reply.json()) == (200, [])


def test_what_the_pool_has_given_is_refused_and_nothing_changes(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    pool = mia.create("subnetpool", name="p", prefixes=["10.93.0.0/16"])["id"]
    mia.create("subnet", network_id=network(mia)[0], subnetpool_id=pool, cidr="10.93.1.0/24", ip_version=4)
    id, (other, same) = network(mia, "10.94.0.0/24", "10.93.1.128/25")
    reason = f"Onboarding subnet {same}: 10.93.1.128/25 conflicts with allocated prefixes in subnet pool {pool}"
    assert error(onboard(mia, pool, network_id=id)) == (
        400, "IllegalSubnetPoolUpdate", f"Illegal subnetpool update : {reason}.",
    )  # fmt: skip
    assert [pool_of(mia, subnet) for subnet in (other, same)] == [None, None]
    assert mia.get(f"/subnetpools/{pool}").json()["subnetpool"]["prefixes"] == ["10.93.0.0/16"]


def test_prefixes_stay_unique_within_an_address_scope(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    scope = mia.create("address_scope", name="s", ip_version=4)["id"]
    pools = [
        mia.create("subnetpool", name="p", prefixes=[prefix], address_scope_id=scope)["id"]
        for prefix in ("10.95.0.0/24", "10.96.0.0/24")
    ]
    id, (subnet,) = network(mia, "10.96.0.0/25")
    assert error(onboard(mia, pools[0], network_id=id))[:2] == (409, "AddressScopePrefixConflict")
    assert pool_of(mia, subnet) is None
    assert onboard(mia, pools[1], network_id=id).status_code == 200


def test_a_network_may_move_from_one_pool_to_another(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    pools = [mia.create("subnetpool", name="p", prefixes=[p])["id"] for p in ("10.97.0.0/24", "10.98.0.0/24")]
    id, (subnet,) = network(mia, "10.99.0.0/24")
    for pool in pools:
        assert onboard(mia, pool, network_id=id).json() == [{"id": subnet, "cidr": "10.99.0.0/24"}]
        assert pool_of(mia, subnet) == pool
    assert mia.delete(f"/subnetpools/{pools[0]}").status_code == 204
    assert error(mia.delete(f"/subnetpools/{pools[1]}"))[1] == "SubnetPoolDeleteError"


def test_the_network_is_of_who_asks(cloud: Cloud) -> None:
    admin, mia, otto, rita = (cloud.user(name) for name in ("admin", "mia", "otto", "rita"))
    mine, theirs = (user.create("subnetpool", name="p", prefixes=["10.100.0.0/24"])["id"] for user in (mia, otto))
    id, (subnet,) = network(mia, "10.101.0.0/24")
    absent = (404, "NetworkNotFound", f"Network {id} could not be found.")
    assert error(onboard(otto, theirs, network_id=id)) == absent
    shared, (foreign,) = network(admin, "10.102.0.0/24", shared=True)
    assert error(onboard(otto, theirs, network_id=shared)) == (403, "NotAuthorized", "Not authorized.")
    assert onboard(otto, mine, network_id=shared).status_code == 404  # the pool is not his
    assert onboard(rita, mine, network_id=id).status_code == 403
    nobody = str(uuid.uuid4())
    assert error(onboard(mia, mine, network_id=nobody))[1] == "NetworkNotFound"
    assert error(onboard(mia, mine)) == (
        400, "InvalidInput", "Invalid input for operation: network_id must be specified..",
    )  # fmt: skip
    assert [pool_of(admin, one) for one in (subnet, foreign)] == [None, None]
    assert onboard(admin, mine, network_id=shared).status_code == 200
    assert pool_of(admin, foreign) == mine
