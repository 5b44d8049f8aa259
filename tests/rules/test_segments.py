"""Which types of networks are offered, and how large a packet each of them carries."""

from collections.abc import Sequence

import pytest

from tunbridge.rules import segments
from tunbridge.rules.segments import Segment
from tunbridge.rules.settings import NetworkingSettings, ProjectNetworkType


@pytest.mark.parametrize(
    ("kind", "ip_version", "mtu"),
    [("vxlan", 4, 1450), ("vxlan", 6, 1430), ("geneve", 4, 1450), ("geneve", 6, 1430), ("gre", 4, 1458),
     ("gre", 6, 1438), ("vlan", 4, 1500)],
)  # fmt: skip
def test_a_network_has_the_mtu_that_neutron_gives_it(kind: str, ip_version: int, mtu: int) -> None:
    settings = NetworkingSettings(overlay_ip_version=ip_version)  # type: ignore[arg-type] # 4 or 6
    assert segments.mtu(settings, Segment(kind, "p" if kind == "vlan" else None, 7)) == mtu


@pytest.mark.parametrize(
    ("named", "offered"),
    [
        (["vxlan"], ["vxlan"]),
        (["vlan"], ["vxlan"]),
        (["geneve"], ["vxlan", "geneve"]),
        (["gre", "vlan"], ["vxlan", "gre"]),
    ],
)
def test_geneve_and_gre_are_offered_where_project_networks_may_be_of_them(
    named: Sequence[ProjectNetworkType], offered: Sequence[str]
) -> None:
    settings = NetworkingSettings(project_network_types=list(named))
    assert segments.tunnels(settings) == offered
    assert {r.network_type for r in segments.configured(settings)} == set(offered)
