"""Lines of the log of security groups: which rule they name, and that a file which cannot be written harms nobody."""

import json
from pathlib import Path
from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from tunbridge.agent.config import NetworkLogConfig
from tunbridge.agent.traffic_log import TrafficLog
from tunbridge.dataplane.desired import Desired, Local, Workload
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.responders import Kind
from tunbridge.dataplane.view import Binding, FixedIp, LoggedTraffic, Network, Port, Rule, SecurityGroup
from tunbridge.log import Log
from tunbridge.openvswitch.openflow import PacketIn


class Lines:
    """Stands for the agent's log: what was written to it."""

    def __init__(self) -> None:
        self.infos: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []

    def info(self, _event: str, **fields: Any) -> None:
        self.infos.append(fields)

    def error(self, _event: str, **fields: Any) -> None:
        self.errors.append(fields)


def rule(id: str, port: int | None = None, **more: Any) -> Rule:
    return Rule(id=id, direction="ingress", ip_version=4, protocol=6, port_min=port, port_max=port, **more)


def make(path: Path | None, *rules: Rule) -> tuple[TrafficLog, Lines, Rows]:
    """A host with the port `web`, which has these rules, and `peer` of the group `friends`."""
    rows = Rows(
        {"n": Network(id="n", mtu=1450, network_type="vxlan", segmentation_id=1)}, {},
        {
            "web": port("web", "10.0.0.2", "web"),
            "peer": port("peer", "10.0.0.3", "friends"),
        },
        {"web": SecurityGroup(id="web", rules=rules), "friends": SecurityGroup(id="friends")},
        {"offices": ("198.51.100.0/24",)},
        logged=(LoggedTraffic(id="log", project_id="demo"),),
    )  # fmt: skip
    desired = Desired(rows)
    workloads = {id: Workload(id, f"tap-{id}", number) for number, id in enumerate(rows.ports, 11)}
    ofports = {"br-int": {"patch-tun": 1, **{w.name: w.ofport for w in workloads.values()}}, "br-tun": {"patch-int": 1}}
    desired.set_local(Local(host="h", tunnel_ip="192.0.2.1", ofports=ofports, workloads=workloads))
    desired.run()
    lines = Lines()
    log: Log = lines  # type: ignore[assignment]
    return TrafficLog(desired, rows, NetworkLogConfig(file=None if path is None else str(path)), log), lines, rows


def port(id: str, address: str, group: str) -> Port:
    return Port(
        id=id, network_id="n", mac_address=f"fa:16:3e:00:00:{address[-1]:0>2}", fixed_ips=(FixedIp("s", address),),
        security_groups=(group,), bindings=(Binding("h", "ACTIVE", "ovs"),), project_id="demo",
    )  # fmt: skip


def packet(source: str, to: int) -> PacketIn:
    data = bytes(Ether(dst="fa:16:3e:00:00:02") / IP(src=source, dst="10.0.0.2") / TCP(sport=4000, dport=to))
    return PacketIn("br-int", 1, 96, 0, "", b"", data, len(data), {})


def test_the_rule_that_allows_it_is_named_by_its_remote_end_too() -> None:
    log, lines, _ = make(
        None, rule("web", 80), rule("friends", 22, remote_group_id="friends"),
        rule("offices", 22, remote_address_group_id="offices"), rule("lan", 22, remote_ip_prefix="10.9.0.0/16"),
    )  # fmt: skip
    for source, to in (("10.0.0.9", 80), ("10.0.0.3", 22), ("198.51.100.7", 22), ("10.9.1.1", 22)):
        assert log.note(Kind.ingress_allowed, "web", packet(source, to))
    assert [(line["group"], line["rule"]) for line in lines.infos] == [
        ("web", "web"), ("web", "friends"), ("web", "offices"), ("web", "lan"),
    ]  # fmt: skip
    assert log.note(Kind.ingress_allowed, "web", packet("10.0.0.9", 22))  # its rule went while the packet came
    assert "rule" not in lines.infos[-1]


def test_what_no_log_wants_any_more_is_not_written() -> None:
    log, lines, rows = make(None, rule("web", 80))
    rows.logged = (LoggedTraffic(id="log", project_id="demo", event="DROP"),)
    assert not log.note(Kind.ingress_allowed, "web", packet("10.0.0.9", 80))
    assert not log.note(Kind.ingress_dropped, "gone", packet("10.0.0.9", 81))
    assert log.note(Kind.ingress_dropped, "web", packet("10.0.0.9", 81))
    assert [line["action"] for line in lines.infos] == ["DROP"]


def test_the_file_may_be_renamed_and_one_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "network.log"
    log, lines, _ = make(file, rule("web", 80))
    for _ in range(3):
        assert log.note(Kind.ingress_allowed, "web", packet("10.0.0.9", 80))
    assert lines.errors == [{"file": str(file), "reason": "No such file or directory"}]
    file.parent.mkdir()
    assert log.note(Kind.ingress_allowed, "web", packet("10.0.0.9", 80))
    file.rename(file.with_suffix(".1"))
    assert log.note(Kind.ingress_dropped, "web", packet("10.0.0.9", 443))
    first, second = (json.loads(one.read_text()) for one in (file.with_suffix(".1"), file))
    assert (first["action"], first["dst_port"], first["rule"]) == ("ACCEPT", 80, "web")
    assert (second["action"], second["dst_port"]) == ("DROP", 443)
    assert first["timestamp"].endswith("Z")
    assert file.stat().st_mode & 0o777 == 0o640
    assert len(lines.errors) == 1
