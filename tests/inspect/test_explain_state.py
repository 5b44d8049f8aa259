"""What explain says of how a host is now, in both languages; from a text, nothing of it."""

from typing import Any

from msgspec.structs import replace

from tests.inspect.hosts import bridge, host, tunnel, two
from tests.inspect.state_cases import NO_CARRIER, UP, bfd
from tunbridge.inspect.explain import explain
from tunbridge.inspect.explain.state import speed
from tunbridge.inspect.model import Device, Host, Interface, Port
from tunbridge.inspect.understand import understand


def words(lang: Any, *hosts: Host) -> str:
    sections = explain(understand(hosts), lang)
    return "\n".join(sentence.text for section in sections for sentence in section.sentences)


def live(**changes: Any) -> Host:
    members = [
        Interface(name="eth1", mac_in_use="02:00:00:00:00:01", lacp_current=True, **UP),
        Interface(name="eth2", mac_in_use="02:00:00:00:00:02", lacp_current=False, **NO_CARRIER),
    ]
    bond = Port(name="bond0", lacp="active", bond_active_slave="02:00:00:00:00:01", interfaces=members)
    nic = Port(name="eth0", interfaces=[Interface(name="eth0", mtu=9000, link_speed=25 * 10**9, **UP)])
    plain = tunnel("10.0.0.25", "10.0.0.27")
    session = replace(plain, interfaces=[replace(plain.interfaces[0], **bfd("down"))])
    whole = host("live", replace(bridge("br0", bond, nic, session), mac_table_used=7, mac_table_size=8192))
    device = Device(name="br-phy", addresses=["10.0.0.25", "fe80::1"], mtu=1500, **UP)
    return replace(whole, **{"underlay": [device], "flow_restore_wait": True, **changes})


def test_the_state_is_said_in_english() -> None:
    said = words("en", live())
    for sentence in (
        "flow-restore-wait is set on live:",
        "The tunnels of this host leave via br-phy, which holds 10.0.0.25: MTU 1500; it is up.",
        "NIC eth0: MTU 9000, 25 Gbit/s; it is up.",
        "bond0 sends via eth1 now.",
        "Down in bond0: eth2.",
        "bond0 negotiates with LACP (active); a partner is heard on eth1.",
        "BFD does NOT find the other host via vxlan-0a00001b.",
        "br0 has learned 7 MAC addresses; there is room for 8,192.",
    ):
        assert sentence in said, sentence


def test_and_in_korean() -> None:
    said = words("ko", live())
    for sentence in (
        "live에 flow-restore-wait가 설정되어 있습니다.",
        "이 호스트의 터널은 10.0.0.25 주소를 가진 br-phy로 나갑니다: MTU 1500, 켜져 있습니다.",
        "물리 NIC eth0: MTU 9000, 25 Gbit/s, 켜져 있습니다.",
        "bond0은 지금 eth1로 보냅니다.",
        "bond0에서 꺼져 있는 멤버: eth2.",
        "bond0은 LACP(active)로 협상하며, 상대가 확인되는 멤버는 다음과 같습니다: eth1.",
        "BFD가 상대 호스트까지 닿지 않는다고 판단한 터널: vxlan-0a00001b.",
        "br0은 MAC 주소를 7개 학습했으며, 최대 8,192개까지 학습할 수 있습니다.",
    ):
        assert sentence in said, sentence


def test_a_text_says_nothing_of_it() -> None:
    said = words("en", *two())
    assert not [word for word in ("NIC eth1: MTU", "BFD", "leave via", "has learned", "LACP") if word in said]


def test_a_host_in_another_state_is_not_called_alike() -> None:
    hosts = [replace(live(), name=f"h{number}", system_id=None) for number in range(4)]
    assert "Wired like h0" in words("en", *hosts)
    broken = replace(hosts[2], flow_restore_wait=False)
    assert "Wired like h0, with their own workloads and tunnel addresses: h1, h3." in words(
        "en", hosts[0], hosts[1], broken, hosts[3]
    )


def test_speeds_are_written_as_people_say_them() -> None:
    assert [speed(bits) for bits in (10**7, 10**9, 25 * 10**8, 10**11)] == [
        "10 Mbit/s", "1 Gbit/s", "2.5 Gbit/s", "100 Gbit/s",
    ]  # fmt: skip
