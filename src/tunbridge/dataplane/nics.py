"""Physical NICs: what matters of their state, and what to tell an operator whose NIC carries the host's own address.

A NIC inside an Open vSwitch bridge hands every packet to the bridge: an address that stays on the NIC is dead, and with
it perhaps the only way into the host. So such a NIC is refused, with the change to make in words of the tool in use.
"""

from msgspec import Struct


class NicState(Struct, frozen=True, kw_only=True):
    """A network device of the kernel. `addresses` are "192.0.2.10/24", without IPv6 link-local ones."""

    exists: bool = False
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    """Next hops of default routes through it."""
    default_route: bool = False

    @property
    def in_use(self) -> bool:
        """Whether the host itself is reached or reaches others through it."""
        return bool(self.addresses or self.default_route)


def refusal(nic: str, bridge: str, state: NicState) -> str:
    """Say why the NIC is refused and how to move its address to the bridge, for netplan, networkd and ifupdown."""
    carries = ", ".join(state.addresses) or "no address"
    route = " and the default route" if state.default_route else ""
    return (
        f"carries {carries}{route}; in bridge {bridge} the host would lose it. Give {bridge} a NIC of its own, or move"
        f" the address to {bridge}:\n"
        f"{_netplan(nic, bridge, state)}\n{_networkd(nic, bridge, state)}\n{_ifupdown(nic, bridge, state)}"
    )


def _netplan(nic: str, bridge: str, state: NicState) -> str:
    lines = [
        "  netplan (/etc/netplan/*.yaml, then `netplan apply`):",
        "    network:",
        "      version: 2",
        "      ethernets:",
        f"        {nic}: {{dhcp4: false, dhcp6: false, accept-ra: false, link-local: []}}",
        "      bridges:",
        f"        {bridge}:",
        f"          interfaces: [{nic}]",
        "          openvswitch: {}",
        f"          addresses: [{', '.join(_quoted(a) for a in state.addresses)}]",
    ]
    if state.gateways:
        routes = ", ".join(f"{{to: {_default(g)}, via: {_quoted(g)}}}" for g in state.gateways)
        lines.append(f"          routes: [{routes}]")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return f'"{text}"'


def _default(gateway: str) -> str:
    return '"::/0"' if ":" in gateway else "0.0.0.0/0"


def _networkd(nic: str, bridge: str, state: NicState) -> str:
    lines = [
        f"  systemd-networkd (then `ovs-vsctl --may-exist add-br {bridge} -- --may-exist add-port {bridge} {nic};"
        " networkctl reload`):",
        f"    /etc/systemd/network/10-{nic}.network:",
        "      [Match]",
        f"      Name={nic}",
        "      [Network]",
        "      LinkLocalAddressing=no",
        f"    /etc/systemd/network/10-{bridge}.network:",
        "      [Match]",
        f"      Name={bridge}",
        "      [Network]",
    ]
    lines += [f"      Address={a}" for a in state.addresses]
    lines += [f"      Gateway={g}" for g in state.gateways]
    return "\n".join(lines)


def _ifupdown(nic: str, bridge: str, state: NicState) -> str:
    lines = [
        f"  ifupdown (/etc/network/interfaces, then `ifdown {nic}; ifup {bridge}`):",
        f"    iface {nic} inet manual",
        f"      ovs_bridge {bridge}",
        "      ovs_type OVSPort",
        f"    auto {bridge}",
    ]
    for version in (4, 6):
        addresses = [a for a in state.addresses if (":" in a) == (version == 6)]
        for number, address in enumerate(addresses):
            lines.append(f"    iface {bridge} {'inet' if version == 4 else 'inet6'} static")
            lines.append(f"      address {address}")
            lines += [f"      gateway {g}" for g in state.gateways if (":" in g) == (version == 6) and number == 0]
            if address == state.addresses[0]:
                lines += ["      ovs_type OVSBridge", f"      ovs_ports {nic}"]
    return "\n".join(lines)
