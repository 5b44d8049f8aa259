import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunbridge.dataplane import names


def test_tunnel_port_of_an_ipv4_peer_holds_its_address_in_hex() -> None:
    assert names.tunnel_port("vxlan", "10.0.0.27") == "vxlan-0a00001b"
    assert names.tunnel_port("gre", "192.168.1.250") == "gre-c0a801fa"


def test_tunnel_port_of_an_ipv6_peer_is_15_characters_of_a_hash() -> None:
    assert names.tunnel_port("vxlan", "2001:db8::1") == "vxlan-d3wbibj5t"
    assert len(names.tunnel_port("geneve", "2001:db8::1")) == 15


@pytest.mark.parametrize(
    ("bridge", "inner", "outer"),
    [("br-eth1", "int-br-eth1", "phy-br-eth1"), ("br-provider", "int-br-provider", "phy-br-provider")],
)
def test_short_bridge_names_stand_whole_in_the_patch_ports(bridge: str, inner: str, outer: str) -> None:
    assert (names.integration_patch(bridge), names.provider_patch(bridge)) == (inner, outer)


def test_a_name_over_15_characters_is_cut_and_ends_in_six_digits_of_its_sha1() -> None:
    digest = hashlib.sha1(b"br-datacentre").hexdigest()[:6]
    assert names.integration_patch("br-datacentre") == f"int-br-da{digest}"[:15]


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-._", min_size=1, max_size=15))
def test_every_patch_port_name_fits_a_network_device(bridge: str) -> None:
    assert len(names.integration_patch(bridge)) <= 15
    assert names.integration_patch(bridge) != names.provider_patch(bridge)
