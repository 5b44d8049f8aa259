"""A port of a network that is here: how it is reached on its host, and who answers for its addresses.

In networks that the database knows completely (tunnelled and local ones), a request for a known address is not flooded:
ARP for a port on another host is answered here, and ARP for a local one and every neighbour solicitation is sent to the
owner alone, who answers. (So a workload that probes its own address hears nothing, and the kernel's datapath, which
cannot write an advertisement, need not.) An address that another port may take over by an allowed address pair is left
to the owner of the moment.
"""

import msgspec

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import port_security, private, uplink
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.view import Network, Port


def compute(context: Context, port_id: str) -> None:
    """Everything of one port of a network, wherever the port is."""
    port = context.view.port(port_id)
    network = None if port is None else context.network(port.network_id)
    if port is None or network is None:
        return
    for ip in port.fixed_ips:
        context.state("owner", f"{ip.ip_address} {network.id}", port.device_owner)
    private.state(context, network, port)
    if not port.admin_state_up or not any(b.vif_type == "ovs" for b in port.bindings):
        return
    if network.segments:
        port = _here(context, port, network)
        if not port.bindings:
            return
    _state(context, port, network)
    _forward(context, port, network)
    local = port.host == context.local.host
    vlan = context.vlan(network.id)
    if not local and port.host is not None:
        unicast(context, port, port.mac_address, network, vlan)
    if (network.is_tunnelled or network.network_type == "local") and port.host is not None:
        for ip in port.fixed_ips:
            if not context.facts("moving", f"{ip.ip_address} {network.id}"):
                for asker in private.askers(context, network, port):
                    _resolve(context, {**pipeline.NETWORK(vlan), **asker}, ip.ip_address, port.mac_address, local)


def _here(context: Context, port: Port, network: Network) -> Port:
    """The port with those of its bindings whose hosts have the network by the same segment as this one.

    What is on the others comes and goes by the physical network's routers, as any machine outside.
    """
    kept = []
    for binding in port.bindings:
        if binding.host != context.local.host:
            host = context.view.host(binding.host)
            if host is None or network.by(host.tunnel_types, host.physical_networks).segment != network.segment:
                continue
        kept.append(binding)
    return msgspec.structs.replace(port, bindings=tuple(kept))


def _state(context: Context, port: Port, network: Network) -> None:
    """What the port means for the network as a whole."""
    here = context.local.host
    for binding in port.bindings:
        if binding.vif_type == "ovs" and binding.host != here:
            context.state("network-hosts", network.id, binding.host)
    if port_security.has_unknown_macs(port):
        context.state("learning", network.id)
    own = {ip.ip_address for ip in port.fixed_ips}
    for pair in port.allowed_address_pairs:
        if pair.ip_address.split("/")[0] not in own:
            context.state("moving", f"{flow.prefix(pair.ip_address)} {network.id}")


def _forward(context: Context, port: Port, network: Network) -> None:
    """What routers forward to the port's addresses."""
    for ip in port.fixed_ips if port.host is not None else ():
        context.state("mac", f"{ip.ip_address} {network.id}", port.mac_address)
        if not context.facts("routed", network.id):
            continue
        version = (
            {"proto": "ipv6", "ipv6_dst": ip.ip_address}
            if ":" in ip.ip_address
            else {"proto": "ip", "nw_dst": ip.ip_address}
        )
        where: Match = {**pipeline.NETWORK(context.vlan(network.id)), **version}
        actions = [flow.set_field("eth_dst", port.mac_address), goto(pipeline.ROUTED)]
        context.flow(names.INTEGRATION_BRIDGE, pipeline.NEXT_HOP, 10, where, *actions)


def unicast(context: Context, port: Port, mac: str, network: Network, vlan: int) -> None:
    """A MAC address of a port, straight to its host.

    Where addresses are learned br-int has to know of it, or it would count as unknown.
    """
    patch = uplink.patch(context, network)
    if context.facts("learning", network.id) and patch is not None:
        where: Match = {**pipeline.NETWORK(vlan), "dl_dst": mac}
        out = flow.load(pipeline.OUT, patch)
        context.flow(names.INTEGRATION_BRIDGE, pipeline.DESTINATION, 9, where, out, goto(pipeline.COMMIT))
    if not network.is_tunnelled:
        return
    host, type = None if port.host is None else context.view.host(port.host), network.network_type
    tunnel = None if host is None or host.tunnel_ip is None else context.local.tunnel(host.tunnel_ip, type)
    if tunnel is None or network.segmentation_id is None:
        return
    where = {"dl_vlan": vlan, "dl_dst": mac}
    actions = [flow.pop_vlan(), flow.set_tunnel(network.segmentation_id), flow.output(tunnel)]
    context.flow(names.TUNNEL_BRIDGE, pipeline.UCAST_TO_TUN, 2, where, *actions)


def _resolve(context: Context, where: Match, address: str, mac: str, local: bool) -> None:
    """Answer whoever asks for an address; `where`: in its network, and of a private VLAN who reaches it."""
    bridge, table = names.INTEGRATION_BRIDGE, pipeline.SERVICE_TABLE
    to_owner = [flow.set_field("eth_dst", mac), goto(pipeline.PRIVATE)]
    if ":" in address:
        solicited = {**where, "proto": "icmp6", "icmp_type": port_security.NS, "nd_target": address}
        context.flow(bridge, table, 10, {**solicited, "dl_dst": pipeline.MULTICAST}, *to_owner)
        return
    asked = {**where, "proto": "arp", "arp_op": 1, "arp_tpa": address, "dl_dst": pipeline.MULTICAST}
    context.flow(bridge, table, 10, asked, *(to_owner if local else answer_arp(address, mac)))
    if local:
        # An announcement is no question: those who knew another MAC address for it have to hear it.
        context.flow(bridge, table, 11, {**asked, "arp_spa": address}, goto(pipeline.PRIVATE))


def answer_arp(address: str, mac: str) -> list[Action]:
    """Make the reply out of an ARP request, and send it back."""
    return [*arp_reply(address, mac), *flow.back(pipeline.OUTPUT)]


def arp_reply(address: str, mac: str) -> list[Action]:
    """Make the reply out of an ARP request."""
    return [
        flow.move("NXM_OF_ETH_SRC[]", "NXM_OF_ETH_DST[]", "eth_dst"),
        flow.set_field("eth_src", mac),
        flow.set_field("arp_op", "2"),
        flow.move("NXM_NX_ARP_SHA[]", "NXM_NX_ARP_THA[]", "arp_tha"),
        flow.move("NXM_OF_ARP_SPA[]", "NXM_OF_ARP_TPA[]", "arp_tpa"),
        flow.set_field("arp_sha", mac),
        flow.set_field("arp_spa", address),
    ]
