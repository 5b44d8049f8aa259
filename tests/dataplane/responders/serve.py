"""A wire with nothing but the responders at its end: `python -m tests.dataplane.responders.serve DEVICE < JSON`.

Stands for the switch and the agent, so that real clients meet the answers alone. What has no responder but flows (ARP
for the gateway) is answered here as the flows do.
"""

import ipaddress
import socket
import sys

import msgspec

from tunbridge.dataplane.addresses import service_mac
from tunbridge.dataplane.responders import Forward, Kind, MalformedError, Settings, Subject, answer

_EVERYTHING = 0x0003
_ARP = bytes.fromhex("0001080006040001")


class Case(msgspec.Struct):
    """What to answer for."""

    subject: Subject
    settings: Settings


def classify(frame: bytes) -> Kind | None:
    """What the flows of table 60 tell the agent by the responder's name."""
    if frame[12:14] == b"\x08\x00" and frame[23] == 17:
        return {67: Kind.dhcp4, 53: Kind.dns}.get(int.from_bytes(frame[36:38], "big"))
    if frame[12:14] == b"\x86\xdd" and frame[20] == 17:
        return {547: Kind.dhcp6, 53: Kind.dns}.get(int.from_bytes(frame[56:58], "big"))
    if frame[12:14] == b"\x86\xdd" and frame[20] == 58:
        return {133: Kind.router, 135: Kind.neighbour}.get(frame[54])
    return None


def arp(frame: bytes, subject: Subject) -> bytes | None:
    """Answer for gateways, as flows do."""
    if frame[12:14] != b"\x08\x06" or frame[14:22] != _ARP:
        return None
    target = str(ipaddress.IPv4Address(frame[38:42]))
    for subnet in subject.subnets:
        if subnet.gateway_ip == target:
            mac = bytes.fromhex(service_mac(subnet.id).replace(":", ""))
            return frame[6:12] + mac + frame[12:21] + b"\x02" + mac + frame[38:42] + frame[22:32]
    return None


def main() -> None:
    """Answer for ever."""
    case = msgspec.json.decode(sys.stdin.buffer.read(), type=Case)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING))
    wire.bind((sys.argv[1], 0))
    print("ready", flush=True)
    while True:
        frame, sender = wire.recvfrom(65535)
        if sender[2] == socket.PACKET_OUTGOING:
            continue
        kind = classify(frame)
        try:
            replies = answer(kind, frame, case.subject, case.settings) if kind else []
        except MalformedError as e:
            print(f"{kind}: {e}", flush=True)
            continue
        if (found := arp(frame, case.subject)) is not None:
            replies.append(found)
        for reply in replies:
            print(f"{kind or 'arp'}: {len(frame)} bytes answered", flush=True)
            assert not isinstance(reply, Forward)
            wire.send(reply)


if __name__ == "__main__":
    main()
