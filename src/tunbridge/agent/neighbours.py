"""Asks for neighbours in physical networks that routers send to, and keeps the first packets until they answer.

    packet to an unknown neighbour --> kept, asked --reply (a flow learns it)--> sent on, where it was
                                         |  again after 1 and 2 s
                                         +--no reply for 3 s--> its sender is told, and the packet is dropped
    known --every REFRESH_S, for KEEP_S after it was last unknown--> asked by unicast, so that the flow stays
    no reply, and a route's next hop--> silent, asked every REFRESH_S: of several next hops the others are used
    one of several next hops outside --> asked every ASK_S, and silent after ATTEMPTS without a reply
    next hop of a gateway that is here, or may come --> asked at once and every REFRESH_S: known before it is used

The flows are features/wire.py. What is kept is bounded, for each neighbour and altogether, and a meter limits how many
packets come here at all.
"""

import asyncio
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from tunbridge.agent.wires import Wires
from tunbridge.dataplane import pipeline
from tunbridge.dataplane.addresses import host_mac, link_local
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.responders import arp, nd
from tunbridge.dataplane.responders.frames import (
    BROADCAST_MAC,
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    mac_bytes,
)
from tunbridge.openvswitch.openflow import PacketIn
from tunbridge.shares import Shares

Neighbour = tuple[str, str]
"""Network and address."""
ASK_S, ATTEMPTS = 1.0, 3
PER_NEIGHBOUR, NEIGHBOURS = 8, 256
"""So many packets are kept for one, and so many are asked for at a time: by who sends to them, each has a share."""
REFRESH_S, KEEP_S = 20.0, 600.0
KNOWN = 4096
"""So many are asked again; those that were unknown longest ago are left to age."""


class _Question(Struct):
    """What waits for an answer, oldest first."""

    task: asyncio.Task[None]
    answered: asyncio.Event
    packets: list[PacketIn]
    asker: int
    """The port that the first packet came from."""


class _Known(Struct):
    mac: bytes
    wanted: float
    """When a packet last had to wait for it."""


class Neighbours:
    """The neighbours of this host's routers. `run` is its task."""

    def __init__(
        self,
        desired: Desired,
        wires: Wires,
        resume: Callable[[str, bytes, str, int], None],
        unreachable: Callable[[PacketIn], None],
        heard: Callable[[Neighbour], None] = lambda _: None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`resume` sends a packet (bridge, frame, actions, port that it came from) on its way; `heard` is told who
        answers, and `changed` that `silent` is another.
        """
        self._desired = desired
        self._wires = wires
        self._resume = resume
        self._unreachable = unreachable
        self._heard = heard
        self._changed = changed
        self.silent: frozenset[Neighbour] = frozenset()
        """Next hops that did not answer when they were asked last."""
        self._questions: dict[Neighbour, _Question] = {}
        self._room = Shares[int](NEIGHBOURS)
        self._known: dict[Neighbour, _Known] = {}
        self._ahead: frozenset[Neighbour] = frozenset()
        """Next hops of gateways, which are asked before a packet needs them."""
        self._unanswered: dict[Neighbour, int] = {}
        """Of several next hops outside: how often each was asked since it answered."""

    async def run(self) -> None:
        """Ask those again that are of use, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._refresh())
            tasks.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(ASK_S)
            before, self._ahead = self._ahead, frozenset(self._desired.next_hops_outside)
            for one in self._ahead - before:
                self._ask(one)
            self._unanswered = {one: self._unanswered.get(one, 0) for one in self._desired.alternatives}
            lost = {one for one, times in self._unanswered.items() if times >= ATTEMPTS} - self.silent
            if lost:
                self._say(frozenset([*self.silent, *lost][-NEIGHBOURS:]))
            for one, times in self._unanswered.items():
                self._unanswered[one] = times + 1
                self._ask(one)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            now = time.monotonic()
            for neighbour in (self.silent | self._ahead) - self._unanswered.keys() - self._known.keys():
                self._ask(neighbour)
            for neighbour, known in list(self._known.items()):
                if now - known.wanted > KEEP_S:
                    del self._known[neighbour]
                else:
                    self._ask(neighbour, known.mac)
                    await asyncio.sleep(0)

    def resolve(self, event: PacketIn) -> bool:
        """Keep a packet and ask for its next hop; False when too much is kept already, or nothing can be asked."""
        neighbour = self._next_hop(event)
        if neighbour is None:
            return False
        question = self._questions.get(neighbour)
        if question is None:
            if not self._room.take(event.in_port):
                return False
            answered = asyncio.Event()
            task = asyncio.create_task(self._until_answered(neighbour, answered))
            question = self._questions[neighbour] = _Question(task, answered, [], event.in_port)
        if len(question.packets) >= PER_NEIGHBOUR:
            return False
        question.packets.append(event)
        return True

    def resolved(self, event: PacketIn) -> bool:
        """Take a reply, and send on what waited for it; False when nobody asked. Raises MalformedError."""
        is_arp = int.from_bytes(event.data[12:14]) == ETHERTYPE_ARP
        address, mac = arp.read_reply(event.data) if is_arp else nd.read_advertisement(event.data)
        network = self._wires.network_of(event.fields.get("reg6", 0))
        if network is None:
            return False
        neighbour = (network, str(address))
        self._heard(neighbour)
        is_expected = neighbour in self._ahead
        if neighbour in self._unanswered:
            self._unanswered[neighbour], is_expected = 0, True
        if neighbour in self.silent:
            self._say(self.silent - {neighbour})
        question = self._pop(neighbour)
        known = self._known.get(neighbour)
        if question is None:
            if known is not None:
                known.mac = mac
            return known is not None or is_expected
        self._known.pop(neighbour, None)  # to the end
        self._known[neighbour] = _Known(mac, time.monotonic())
        if len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]
        question.answered.set()
        for packet in question.packets:
            self._resume(packet.bridge, packet.data, _actions(packet), packet.in_port)
        return True

    async def _until_answered(self, neighbour: Neighbour, answered: asyncio.Event) -> None:
        for _ in range(ATTEMPTS):
            self._ask(neighbour)
            try:
                async with asyncio.timeout(ASK_S):
                    await answered.wait()
                return
            except TimeoutError:
                continue
        question = self._pop(neighbour)
        if question is not None and any(packet.fields.get("reg2", 0) for packet in question.packets):
            self._say(frozenset([*self.silent, neighbour][-NEIGHBOURS:]))
        for packet in question.packets if question is not None else ():
            self._unreachable(packet)

    def _pop(self, neighbour: Neighbour) -> _Question | None:
        question = self._questions.pop(neighbour, None)
        if question is not None:
            self._room.leave(question.asker)
        return question

    def _say(self, silent: frozenset[Neighbour]) -> None:
        self.silent = silent
        self._changed()

    def _ask(self, neighbour: Neighbour, eth_dst: bytes | None = None) -> None:
        network, address = neighbour
        if (host := self._wires.host) is None:
            return
        own = host_mac(host)
        if ":" in address:
            source = IPv6Address(link_local(own))
            frame = nd.solicitation(IPv6Address(address), mac_bytes(own), source, eth_dst)
        else:
            frame = arp.question(IPv4Address(address), mac_bytes(own), eth_dst or BROADCAST_MAC)
        self._wires.send(network, frame)

    def _next_hop(self, event: PacketIn) -> Neighbour | None:
        if (via := event.fields.get("reg2", 0)) != 0:
            hop = self._desired.next_hop(via)
            return None if hop is None else (hop[1], hop[0])
        network = self._wires.network_of(event.fields.get("reg6", 0))
        target = _target(event.data)
        return None if network is None or target is None else (network, target)

    def solicited(self, event: PacketIn) -> bytes | None:
        """The answer to who asks for an address that a router has here; None when none has. Raises MalformedError."""
        asked, target = nd.solicited(event.data)
        network = self._wires.network_of(event.fields.get("reg6", 0))
        found = (mac for where, address, mac in self._desired.claims if (where, address) == (network, str(target)))
        mac = next(found, None)
        return None if mac is None else nd.advertisement(asked, target, mac_bytes(mac))


def _target(packet: bytes) -> str | None:
    """The destination of an IP packet."""
    kind = int.from_bytes(packet[12:14])
    if kind == ETHERTYPE_IPV4 and len(packet) >= 34:
        return str(IPv4Address(packet[30:34]))
    return str(IPv6Address(packet[38:54])) if kind == ETHERTYPE_IPV6 and len(packet) >= 54 else None


def _actions(packet: PacketIn) -> str:
    """Back to where its next hop was not known, with the registers that it had."""
    service = ((1 << (pipeline.SERVICE.high - pipeline.SERVICE.low + 1)) - 1) << pipeline.SERVICE.low
    registers = {name: number for name, number in packet.fields.items() if name.startswith("reg")}
    registers["reg3"] = registers.get("reg3", 0) & ~service
    loads = [f"set_field:{number:#x}->{name}" for name, number in sorted(registers.items())]
    return ",".join([*loads, f"resubmit(,{pipeline.NEXT_HOP.number})"])
