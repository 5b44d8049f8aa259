"""The words of explain in English. Keys and placeholders are those of `ko.py`; a test compares them."""

MESSAGES = {
    # -- words ----------------------------------------------------------------------------------------------------
    "names.more": "{names} and {count} more",
    "word.vm": "VM",
    "word.pod": "Pod",
    "word.workload": "workload",
    "role.compute": "compute node",
    "role.network": "network node",
    "role.gateway": "gateway",
    "role.all-in-one": "all-in-one",
    "role.unknown": "role not known",
    "bridge.role.integration": "integration bridge",
    "bridge.role.tunnel": "tunnel bridge",
    "bridge.role.provider": "provider bridge",
    "bridge.role.other": "bridge",
    "bridge.role.underlay": "underlay bridge",
    "bond.default": "no bond_mode stated",
    "connected.yes": "it is connected",
    "connected.no": "it is NOT connected",
    "connected.unknown": "whether it is connected is not known",
    "link.up": "up",
    "link.down": "DOWN",
    "link.unknown": "in a state that is not known",
    "client.yes": "a program is connected",
    "client.no": "no program is connected",
    "client.unknown": "whether a program is connected is not known",
    # -- titles ---------------------------------------------------------------------------------------------------
    "title.overview": "Overview",
    "title.host": "Host {host}",
    "title.alike": "Hosts like {host}",
    "title.bridge": "{host} / {bridge}: {role}",
    "title.paths": "How a packet will travel",
    "title.options": "What the tunnel options mean",
    "title.overlay": "From a {workload} on {host} to a {other} on {peer}",
    "title.outside": "From a {workload} on {host} to the outside",
    "title.outside.provider": "From a {workload} on {host}, in a provider network, to the outside",
    "title.outside.router": "From a {workload} on {host} to the outside, through a router there",
    "title.path": "From {host} to {peer}",
    "title.path.outside": "From {host} to the outside",
    "title.gateway": "From a {workload} on {host} to the outside, via {gateway}",
    # -- overview -------------------------------------------------------------------------------------------------
    "overview.hosts": "Hosts given ({role}): {hosts}.",
    "overview.hosts.guessed": "Hosts given (probably {role}; nothing is plugged in that would tell): {hosts}.",
    "overview.tunnel": "A {type} tunnel joins {host} ({local}) and {peer} ({remote}); both ends agree.",
    "overview.tunnel.nolocal": "A {type} tunnel joins {host} and {peer} ({remote}); both ends agree.",
    "overview.tunnels": "{count} {type} tunnels join hosts that were given, and their ends agree.",
    "overview.tunnels.some": "{count} of {total} {type} tunnels between hosts that were given are in order: their ends "
    "agree.",
    "overview.apart": "No tunnel ends on {hosts}: from there, another host can be reached only over a physical "
    "network, and which hosts are on it is not in the source.",
    "overview.alone": "No tunnel ends on {hosts}, and no NIC is in a bridge there: no path leads to another host.",
    "overview.apart.unseen": "No tunnel is seen on {hosts}; part of the dump is missing, so there may be one.",
    "overview.notgiven": "Tunnels also lead to hosts that were not given, so their inside is not known: {hosts}.",
    "overview.gateway": "Router {router} ({networks}) has its way to {external} on {host}, as {addresses}, without "
    "translation.",
    "overview.gateway.snat": "Router {router} ({networks}) has its way to {external} on {host}; who has no floating IP "
    "is seen there as {addresses}.",
    "overview.gateways.more": "{count} more routers have their way to the outside on {host}.",
    "overview.floating": "{workload} on {host} is reached from the outside at {addresses}, and seen there as that.",
    "overview.floating.more": "{count} more workloads have floating IPs.",
    # -- hosts ----------------------------------------------------------------------------------------------------
    "host.compute": "By its wiring, {host} is a compute node: workloads (VMs or Pods) run here and plug into its "
    "integration bridge.",
    "host.network": "By its wiring, {host} is a network node: it serves DHCP or routers, and no VM runs here.",
    "host.network.guessed.provider": "{host} has a provider bridge ({bridges}) joined to its integration bridge, and "
    "neither VMs nor routers or DHCP servers. It is taken for a network node; a compute node with provider networks "
    "and no VM yet looks the same.",
    "host.compute.guessed.provider": "{host} has a provider bridge ({bridges}) joined to its integration bridge, and "
    "neither VMs nor routers or DHCP servers. By its name, or as another host serves the network, it is taken for a "
    "compute node; an idle network node looks the same.",
    "host.compute.guessed": "{host} has an integration bridge and a tunnel bridge, and nothing is plugged in that "
    "would tell its role. As it has no provider bridge, it is taken for a compute node.",
    "host.gateway": "By its wiring, {host} is a gateway: it joins the overlay to a physical network.",
    "host.all-in-one": "By its wiring, {host} is all in one: workloads and the path to the outside are on this host.",
    "host.unknown": "What {host} is in its cloud cannot be told from its bridges alone.",
    "host.empty": "{host} has no bridge: Open vSwitch is there, and nothing is set up yet.",
    "host.empty.unseen": "No bridge of {host} is seen.",
    "host.mininet": "{host} holds switches named as Mininet names them ({bridges}), and no integration bridge: what "
    "they forward is up to their controllers, so no path is predicted.",
    "host.switches": "{host} has the bridges {bridges}; none of them is an integration bridge, so where workloads "
    "would plug in, and which path they would take, is not predicted.",
    "host.by.neutron": "Its ports are named as Neutron's Open vSwitch agent (ML2/OVS) names them: {ports}.",
    "host.by.ovn": "Its ports are named as OVN's ovn-controller names them ({ports}): it is an OVN chassis.",
    "host.by.antrea": "Its ports are named as Antrea names them ({ports}): it is a node of a Kubernetes cluster.",
    "host.alike": "Wired like {host}, with their own workloads and tunnel addresses: {hosts}.",
    "host.bridges.more": "{host} has {count} more bridges, which are not listed here; the JSON output has all.",
    "host.missing.beginning": "The beginning of {host}'s dump is missing: what is not seen here may stand there.",
    "host.missing.middle": "Lines in the middle of {host}'s dump were left out: what is not seen here may stand there.",
    "host.missing.end": "The end of {host}'s dump is missing: what is not seen here may stand there.",
    "host.missing.several": "Parts of {host}'s dump are missing: what is not seen here may stand there.",
    "host.version": "{host} runs Open vSwitch {version}.",
    "host.local_ports": "A port named like its bridge ({ports}) is the host's own port in that bridge; on the host it "
    "is an ordinary network device.",
    "manager.local": "Manager {target}: the OVSDB server listens there, for programs on this host only, that set up "
    "its bridges and ports (with Neutron, the agent); {state}.",
    "manager.listens": "Manager {target}: the OVSDB server listens there for programs that set up its bridges and "
    "ports; {state}.",
    "manager.dials": "Manager {target}: the OVSDB server connects to a manager there, which sets up bridges and ports "
    "of this host; {state}.",
    "controller.local.neutron": "Controller {target} of {bridges}: a program on this host (with Neutron, its agent) "
    "writes their flows over OpenFlow; {state}.",
    "controller.local.other": "Controller {target} of {bridges}: a program on this host decides by OpenFlow what they "
    "forward; {state}.",
    "controller.remote.neutron": "Controller {target} of {bridges}: it writes their flows over OpenFlow from another "
    "address; {state}.",
    "controller.remote.other": "Controller {target} of {bridges}: it decides by OpenFlow, over the network, what they "
    "forward; {state}.",
    "controller.listens": "{bridges} also listen for OpenFlow at {targets}: for tools such as ovs-ofctl, not a "
    "controller that must be there.",
    "fail.secure.controller": "fail_mode secure ({bridges}): when the connection to the controller is lost, a bridge "
    "keeps forwarding by the flows that it has and gets no new ones; without any flow, it drops all packets.",
    "fail.secure.alone": "fail_mode secure without a controller ({bridges}): Open vSwitch adds no flow of its own, so "
    "a program on this host writes them (ovs-ofctl, ovn-controller); without any flow, it drops all packets.",
    "fail.standalone.controller": "No fail_mode secure ({bridges}): when no controller answers, a bridge turns into "
    "an ordinary MAC-learning switch.",
    "fail.standalone.alone": "Neither controller nor fail_mode secure ({bridges}): until someone writes flows, a "
    "bridge is an ordinary MAC-learning switch.",
    # -- bridges --------------------------------------------------------------------------------------------------
    "bridge.integration.neutron": "{bridge} is the integration bridge: VMs, DHCP and routers of {host} all plug in "
    "here, and local VLANs keep their networks apart.",
    "bridge.integration.ovn": "{bridge} is the integration bridge: the workloads of {host} all plug in here, and "
    "OVN's flows, not VLAN tags, keep their networks apart.",
    "bridge.integration.antrea": "{bridge} is the integration bridge: the Pods of {host} all plug in here.",
    "bridge.integration.plain": "{bridge} is the integration bridge: the workloads of {host} plug in here.",
    "bridge.tunnel": "{bridge} is the tunnel bridge: packets for other hosts are encapsulated here, and packets that "
    "come out of a tunnel go on to the integration bridge.",
    "bridge.provider": "{bridge} is a provider bridge: the path to a physical network.",
    "bridge.provider.nonic": "{bridge} is a provider bridge, but no NIC is in it: by itself it leads to no physical "
    "network.",
    "bridge.other": "{bridge} is neither integration, tunnel nor provider bridge, as far as its ports tell.",
    "bridge.switch": "{bridge} is a switch of its own: the source shows nothing that joins it to another bridge.",
    "bridge.only": "{bridge} is the only bridge of {host}: whatever is there, workloads, tunnels or NICs, plugs in "
    "here.",
    "bridge.underlay": "{bridge} carries the underlay: its port {port} holds this host's tunnel address, so the "
    "tunnels' outer packets leave here. Packets of workloads come here only inside those.",
    "bridge.underlay.guessed": "{bridge} looks like the underlay: a bridge of the userspace datapath with a NIC, "
    "which no controller programs, beside the bridge of the tunnels. Their outer packets leave here if {bridge} holds "
    "the tunnel address, which the source does not tell.",
    "bridge.netdev": "datapath_type netdev: {bridge} forwards in user space (as with DPDK), not in the kernel.",
    "plugged.none": "No workload is plugged into {bridge} yet.",
    "plugged.vm": "Ports of VMs: {ports}.",
    "plugged.ovn": "Ports of VMs or of OVN's metadata service: {ports}.",
    "plugged.dhcp": "DHCP servers, as the DHCP agent plugs them in: {ports}.",
    "plugged.router": "Inner side of routers (qr-): {ports}.",
    "plugged.gateway": "Outer side of routers (qg-), the gateway port to the outside: {ports}.",
    "plugged.snat": "Central SNAT of distributed routers (sg-): {ports}.",
    "plugged.floating": "Floating IP gateways of distributed routers (fg-): {ports}.",
    "plugged.ha": "Heartbeat of highly available routers (ha-): {ports}.",
    "plugged.pod": "Ports of Pods, and what else is on this node: {ports}.",
    "plugged.antrea-gw": "The node itself, for Pods' traffic that leaves the cluster's network: {ports}.",
    "plugged.node": "The node itself, by which it and its Pods reach each other: {ports}.",
    "plugged.fake": "Fake bridges of {bridge} (ovs-vsctl add-br NAME {bridge} VLAN), each of them one VLAN of it: "
    "{ports}.",
    "plugged.vlan": "Internal ports with a VLAN tag: {ports}. Each is a VLAN interface of the host, or a fake bridge "
    "(ovs-vsctl add-br NAME {bridge} VLAN); the source does not tell which.",
    "plugged.unknown": "Unknown: {ports}. The source does not tell what is behind these ports: a VM, a container, a "
    "NIC with an unusual name, or the host itself.",
    "tags.local": "Local VLANs: {tags}. Ports of one tag are in one network; the number counts on this host only, and "
    "which network it is, is not in the source.",
    "tags.networks": "Local VLANs, and the network of each: {tags}. The number counts on this host only.",
    "tags.access": "VLAN tags on {bridge}: {tags}. Such a port gets that VLAN's frames, without the tag.",
    "tags.dead": "Tag 4095 is Neutron's dead VLAN: these ports are cut off until the agent gives them a network: "
    "{ports}.",
    "tags.trunks": "{port} carries only the VLANs {vlans}, tagged.",
    "tags.sub-ports": "{port} is the parent port of a trunk: packets with these VLAN tags are of its sub-ports, which "
    "are in networks of their own: {vlans}.",
    "port.bond": "{port} is a bond of {members} ({mode}).",
    "port.error": "{port} does not work: {error}.",
    "port.gone": "No such device, so no traffic: {ports}. The port outlived its device, as when a VM is gone.",
    "wire.patch": "Patch ports {port} ({bridge}) and {other} ({joined}): a virtual cable between the two bridges.",
    "wire.more": "{count} more patch ports of {bridge} are not listed here; the JSON output has all.",
    "port.error.more": "{count} more ports of {bridge} do not work.",
    "wire.veth": "{port} ({bridge}) and {other} ({joined}) are, by their names, the two ends of a veth pair: the "
    "cable of older Neutron between the two bridges.",
    "wire.patch.missing": "{port} ({bridge}) wants the patch port {peer} as its peer, and there is none: packets "
    "sent to it are dropped.",
    "wire.patch.unseen": "{port} ({bridge}) leads to {peer}, which is not seen: it may stand in the part of the dump "
    "that is missing.",
    "wire.patch.unanswered": "{port} ({bridge}) names {peer} as its peer, which does not name it back: packets sent "
    "to it are dropped.",
    "wire.patch.nopeer": "{port} ({bridge}) is a patch port without a peer: packets sent to it are dropped.",
    "nic.underlay": "NIC of the underlay, in {bridge}: {nics}.",
    "nic.joined": "NIC in {bridge}, the plug to the physical network: {nics}.",
    "nic.apart.router": "No cable joins {bridge} to {entrance}: only routers stand between them.",
    "nic.apart.ovn": "{bridge} is not joined to {entrance}: ovn-controller makes the patch ports when this host has "
    "to serve a network that is mapped to {bridge}.",
    "nic.apart.other": "{bridge} is not joined to {entrance}: no workload's packet reaches it through a bridge.",
    # -- how it is now ---------------------------------------------------------------------------------------------
    "state.waiting": "flow-restore-wait is set on {host}: since its start, or from its next one, Open vSwitch waits "
    "for flows to be restored, and forwards nothing.",
    "state.underlay": "The tunnels of this host leave via {device}, which holds {addresses}: MTU {mtu}; it is {state}.",
    "state.underlay.speed": "The tunnels of this host leave via {device}, which holds {addresses}: MTU {mtu}, {speed}; "
    "it is {state}.",
    "state.nic": "NIC {device}: MTU {mtu}; it is {state}.",
    "state.nic.speed": "NIC {device}: MTU {mtu}, {speed}; it is {state}.",
    "state.bond.active": "{port} sends via {member} now.",
    "state.bond.down": "Down in {port}: {members}.",
    "state.bond.lacp": "{port} negotiates with LACP ({lacp}); a partner is heard on {members}.",
    "state.bond.lacp.none": "{port} negotiates with LACP ({lacp}), and no partner is heard.",
    "state.bfd.up": "BFD finds the other host via {ports}.",
    "state.bfd.down": "BFD does NOT find the other host via {ports}.",
    "state.mac_table": "{bridge} has learned {used} MAC addresses; there is room for {size}.",
    # -- tunnels --------------------------------------------------------------------------------------------------
    "tunnel.known": "{port} is the {type} tunnel to {peer}: from {local} to {remote}.",
    "tunnel.known.nolocal": "{port} is the {type} tunnel to {peer}, at {remote}; the outer source address is not "
    "stated.",
    "tunnel.unknown": "{port} is a {type} tunnel from {local} to {remote}; the host there was not given.",
    "tunnel.unknown.nolocal": "{port} is a {type} tunnel to {remote}; the host there was not given.",
    "tunnel.flow": "{port} is a {type} tunnel to many hosts: flows choose the address for each packet, so no peer is "
    "named here.",
    "tunnel.mirror": "Copies of packets leave by {ports}, to collectors of them at {hosts}; nothing comes back from "
    "there.",
    "tunnel.others": "Of the same kind, to {hosts}: {ports}.",
    "tunnel.oneway": "{port}, {type} tunnel to {peer}: {peer} has none back, so what is sent here is not accepted "
    "there.",
    "tunnel.broken": "{port}, {type} tunnel to {peer}: its two ends do not fit together, or one has an error.",
    "tunnel.flow.broken": "{port} is a {type} tunnel to many hosts, and it has an error: packets sent to it are "
    "dropped.",
    "tunnel.wrong.more": "{count} more tunnels of {bridge} are not in order.",
    "option.keys_flow": "in_key=flow, out_key=flow: flows read and write the network's number in the tunnel header "
    "(VNI, or GRE key), so one port carries all networks.",
    "option.key_flow": "key=flow: flows read and write the network's number in the tunnel header (VNI, or GRE key), "
    "so one port carries all networks.",
    "option.key_fixed": "The number in the tunnel header is fixed: {inward} in, {outward} out.",
    "option.key_read": "Flows read the number in the tunnel header of what comes in; what goes out has {outward}.",
    "option.key_written": "What comes in must have {inward} in the tunnel header; of what goes out flows write it.",
    "option.key_none": "No key option: the number in the tunnel header is always 0, so the tunnel carries one network.",
    "option.remote_flow": "remote_ip=flow: the destination address comes from flows.",
    "option.df_default": "df_default=true: outer packets may not be fragmented, so the underlay's MTU must hold the "
    "workload's packet and the tunnel header.",
    "option.fragment": "df_default=false: outer packets that are too big for the underlay may be fragmented.",
    "option.mark0": "egress_pkt_mark=0: outer packets leave with packet mark 0 (what firewall and policy routing "
    "rules match as fwmark).",
    "option.csum": "csum=true: outer packets carry a checksum.",
    "option.dst_port": "dst_port={port}: the outer UDP destination port is this one.",
    # -- paths ----------------------------------------------------------------------------------------------------
    "assumed.neutron": "The source shows wiring, not flows: the paths are predicted on the assumption that flows use "
    "it as Neutron's agent does, for networks that reach these hosts. In the chains, → is a virtual cable or a NIC, ⇒ "
    "a tunnel, ⇢ a router.",
    "assumed.ovn": "The source shows wiring, not flows: the paths are predicted on the assumption that flows use it as "
    "OVN does, for networks that reach these hosts. In the chains, → is a virtual cable or a NIC, ⇒ a tunnel, ⇢ a "
    "router.",
    "assumed.antrea": "The source shows wiring, not flows: the paths are predicted on the assumption that the nodes "
    "are of one cluster and that flows use the wiring as Antrea does in its encap mode. In the chains, → is a "
    "virtual cable or a NIC, ⇒ a tunnel, ⇢ a router.",
    "assumed.plain": "The source shows wiring, not flows: the paths are predicted on the assumption that flows use it "
    "as it is meant; they may decide otherwise. In the chains, → is a virtual cable or a NIC, ⇒ a tunnel, ⇢ a router.",
    "path.alike": "Identical but for the ports:",
    "path.more": "{count} more of the predicted paths are identical but for the ports.",
    "path.gateways": "It may also leave by {hosts}: it is the host that the network's router is on, which the source "
    "does not tell.",
    "path.nowhere": "No path to the outside is seen from {hosts}: neither a NIC behind the bridge that workloads plug "
    "into, nor a tunnel to a host that has one.",
    "path.none": "No path leads out of {hosts}, as far as the source tells: the bridges that workloads reach have "
    "neither a tunnel nor a NIC.",
    "path.none.unseen": "No path out of {hosts} is seen; part of the dump is missing, so there may be one.",
    "path.noentrance": "No path is predicted from {hosts}: of several bridges, none is known to be the one that "
    "workloads plug into.",
    "path.nobridge": "No path is predicted from {hosts}: there is no bridge.",
    "path.notjoined": "No tunnel joins these pairs of hosts: {pairs}.",
    "path.physical": "No tunnel joins {host} and {peer}. Each has a NIC in a provider bridge; if both NICs are on one "
    "physical network, a network that is provided over it joins them. From each to that network:",
    "path.stopped": "{count} of {total} predicted paths end early; without --brief, each kind is explained.",
    "chain.workload": "{chain} → {workload}",
    "chain.outside": "{chain} → outside",
    "chain.stopped": "{chain} ✗ it ends here",
    "chain.unknown": "{chain} ? not known from here on",
    "path.start": "The {workload}'s packet enters {bridge} of {host}.",
    "path.end": "{bridge} of {host} gives it to the {workload}'s port.",
    "path.provider": "This is the path of a {workload} on a provider network; from any other network, a router comes "
    "before it.",
    "step.patch": "{bridge} sends it out via {port}; it comes in via {other} of {joined}, on {host}.",
    "step.veth": "{bridge} sends it out via {port}; by the names, it comes in via {other} of {joined}, on {host}.",
    "step.half": "{bridge} sends it to {port}.",
    "step.tunnel": "{bridge} encapsulates it in {type} on {port}, from {local} to {remote}; it comes out at {other} of "
    "{joined}, on {peer}.",
    "step.tunnel.nolocal": "{bridge} encapsulates it in {type} on {port}, to {remote}; it comes out at {other} of "
    "{joined}, on {peer}.",
    "step.tunnel.out": "{bridge} encapsulates it in {type} on {port}, from {local} to {remote}.",
    "step.tunnel.nolocal.out": "{bridge} encapsulates it in {type} on {port}, to {remote}.",
    "step.overlay": "{bridge} encapsulates it in {type} on {port}; if {peer} is of the same cluster, flows name its "
    "address, and it comes out there at {other}.",
    "step.overlay.out": "{bridge} encapsulates it in {type} on {port}; flows name the other host's address.",
    "step.router": "A router of {host} takes it from {bridge} via {port} and gives it to {joined} via {other}; which "
    "inner side belongs to which outer side is not in the source.",
    "step.router.floating": "For a VM with a floating IP, the distributed router of {host} takes it from {bridge} via "
    "{port} and gives it to {joined} via {other}.",
    "step.nic": "{bridge} sends it out via the NIC {port}: it is on the physical network.",
    "step.nics": "{bridge} sends it out via one of its NICs ({nics}), here {port}: it is on the physical network.",
    "step.stack": "{bridge} gives it to the host via {port}.",
    "router.none": "From a tenant network, a router in {bridge} of {host} has to take it to the provider network; none "
    "is plugged in yet.",
    "router.unseen": "From a tenant network, a router in {bridge} of {host} has to take it to the provider network; "
    "none is seen in the part of the dump that is here.",
    "router.inner": "From a tenant network, a router in {bridge} of {host} has to take it to the provider network; "
    "those plugged in ({ports}) have no gateway port (qg-).",
    "router.ovn": "OVN's router, which is flows and no port, takes it to the provider network, on {host} in {bridge}.",
    "stop.no-patch": "It ends in {bridge} of {host}: no cable in order leads from there to {peer}.",
    "stop.broken-patch": "It ends at {port} of {bridge} on {host}: the cable to {peer} is not in order.",
    "stop.no-tunnel": "It ends in {bridge} of {host}: {peer} has a tunnel to {host}, and {host} has none to {peer}.",
    "stop.broken-tunnel": "It ends at {port} of {bridge} on {host}: the tunnel to {peer} is not in order.",
    "stop.not-joined": "It ends in {bridge} of {host}: no tunnel joins {host} and {peer}.",
    "stop.unseen": "How it goes on from {bridge} of {host} is not seen: part of that host's dump is missing.",
    "stop.unknown-host": "How it goes on is not known: {peer} was not given. {bridge} of {host} is the last that is "
    "known.",
    "stop.which-host": "{host} has no path to the outside of its own ({bridge} is the last bridge on the path to the "
    "tunnels); hosts that were not given may have one: {hosts}.",
    "stop.which-host.unseen": "No path from {host} to the outside is seen ({bridge} is the last bridge on the path to "
    "the tunnels): the part of the dump that is missing may hold one, or hosts that were not given: {hosts}.",
    "stop.no-way-in": "It ends in {bridge} of {host}: no cable in order leads from there to {peer}.",
    "stop.no-entrance": "It ends in {bridge} of {host}: where workloads of {host} plug in is not known.",
    "stop.no-nic": "It ends in {bridge} of {host}: no NIC is in it. The host itself may route further; the source "
    "does not tell.",
    "stop.broken-nic": "It ends in {bridge} of {host}: the NIC {port} does not work.",
    "stop.dead-nic": "It ends in {bridge} of {host}: the NIC {port} is down.",
    "stop.host-stack": "From {bridge}, the IP stack of {host} routes it on; that is not in the source.",
    "stop.linux-bridge": "It leaves {bridge} of {host} via {port}, which is in a Linux bridge too; where that leads is "
    "not in the source.",
}
