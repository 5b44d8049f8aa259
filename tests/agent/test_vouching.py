"""Whether a host that BFD says is dead is asked for outside, and believed to be dead when it is silent there."""

import pytest

from tunbridge.agent import vouching
from tunbridge.agent.vouching import ANSWERS, Vouching
from tunbridge.agent.wires import Wires
from tunbridge.dataplane.addresses import host_mac
from tunbridge.dataplane.desired import Desired, Local
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.responders import arp
from tunbridge.dataplane.view import FixedIp, Host, Network, Port, Router

OTHER = "192.0.2.2"
ASK_S = 0.25
"""Of which sums are exact."""
ADDRESS = ("ext", "203.0.113.10")


class Scene:
    """A host that is to take over from another one, which has a router."""

    def __init__(self, standbys: tuple[str, ...] = ("here",)) -> None:
        rows = Rows({}, {}, {}, {}, {}, {}, {}, {}, {}, {})
        rows.networks["ext"] = Network(id="ext", mtu=1500, network_type="flat", physical_network="physnet1")
        fixed = (FixedIp("e6", "2001:db8::10"), FixedIp("e4", ADDRESS[1]))
        rows.ports["gw"] = Port(
            id="gw", network_id="ext", mac_address="fa:16:3e:00:00:01", fixed_ips=fixed, device_id="r"
        )
        rows.routers["r"] = Router(id="r", gateway_port="gw", gateway_host="other", gateway_standbys=standbys)
        rows.known_hosts["other"] = Host(host="other", tunnel_ip=OTHER)
        desired = Desired(rows)
        ofports = {"br-int": {"int-br-ex": 2, "patch-tun": 1}, "br-ex": {"phy-br-ex": 1}}
        desired.set_local(Local(host="here", tunnel_ip="192.0.2.1", ofports=ofports, providers={"physnet1": "br-ex"}))
        desired.run()
        self.sent: list[bytes] = []
        self.now = 1000.0
        wires = Wires(desired, rows, lambda _bridge, frame, _port: self.sent.append(frame))
        self.waits: list[float] = []
        self.vouching = Vouching(rows, wires, self.waits.append)

    def monotonic(self) -> float:
        return self.now

    def judge(self, *lost: str, after: float = 0.0, answered: bool = False) -> frozenset[str]:
        if answered:
            self.vouching.heard(ADDRESS)
        self.now += after
        return self.vouching.judge(frozenset(lost), "here")


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()
    monkeypatch.setattr(vouching, "monotonic", made.monotonic)
    monkeypatch.setattr(vouching, "ASK_S", ASK_S)
    return made


def test_one_that_is_silent_outside_is_dead_after_a_moment(scene: Scene) -> None:
    assert scene.judge(OTHER) == frozenset()
    (asked,) = scene.sent
    assert arp.read_sender(asked[:12] + asked[16:])[1].hex(":") == host_mac("here")
    assert asked[-4:] == bytes([203, 0, 113, 10])
    assert scene.waits == [ASK_S]
    assert scene.judge(OTHER, after=ASK_S / 2) == frozenset()
    assert scene.judge(OTHER, after=ASK_S) == {OTHER}
    assert scene.vouching.vouched == frozenset()
    assert scene.judge(OTHER, after=9, answered=True) == {OTHER}, "until it is reached again"
    assert scene.judge() == frozenset()


def test_one_that_answers_outside_is_vouched_for_as_long_as_it_does(scene: Scene) -> None:
    scene.judge(OTHER)
    for _ in range(ANSWERS):
        assert scene.vouching.vouched == frozenset()
        assert scene.judge(OTHER, after=ASK_S, answered=True) == frozenset()
    assert scene.vouching.vouched == {OTHER}
    assert len(scene.sent) == ANSWERS + 1
    assert scene.judge(OTHER, after=ASK_S) == {OTHER}
    assert scene.vouching.vouched == frozenset()


def test_a_host_that_takes_nothing_over_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(standbys=("another",))
    monkeypatch.setattr(vouching, "monotonic", scene.monotonic)
    assert scene.judge(OTHER, "192.0.2.9") == {OTHER, "192.0.2.9"}
    assert scene.sent == []
