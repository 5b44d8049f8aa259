"""Every code that a finding can have: its severity, what it says in a line, and the long explanation.

Codes are stable: scripts filter by them. `--list-codes`, `--explain` and docs/checks.md print what stands here.
"""

from msgspec import Struct

from tunbridge.inspect.model import Severity


class Code(Struct, frozen=True, kw_only=True):
    """One kind of finding. `summary` is a line; `meaning`, `not_when` and `fix` are paragraphs."""

    code: str
    severity: Severity
    summary: str
    meaning: str
    not_when: str
    fix: str
    rests_on_absence: bool = False
    """Whether it says that something is not there: nothing is said then of a host of which part is missing."""
    rests_on_place: bool = False
    """Whether it says what bridge a port is in: lines left out before the port may name another one."""


_ALL = (
    Code(
        code="patch-peer-missing",
        severity="error",
        summary="A patch port names a peer that does not exist on the host.",
        meaning="A patch port is one end of a wire between two bridges. Its `options:peer` names the other end. Here "
        "no bridge of the host has an interface of that name (or no peer is named), so the wire ends in nothing, and "
        "what is sent into it is dropped: the bridges are cut from each other.",
        not_when="part of the dump is missing: the peer may stand there, and that is listed as not checked.",
        fix="Restart the agent that owns the pair: Neutron's and Tunbridge's agent and ovn-controller make theirs "
        "anew, with the flows that go with them, by port numbers. `phy-X` and `int-X` name their bridge X: where X "
        "itself is missing, make it again or take it out of the mapping; else remove the half that is left over.",
        rests_on_absence=True,
    ),
    Code(
        code="patch-peer-one-sided",
        severity="error",
        summary="A patch port's peer exists, but does not name it in return.",
        meaning="Both ends of a patch pair must name each other. Here the port's peer is not a patch port, or it names "
        "another one, or the port names itself. Open vSwitch passes no packet over such a wire.",
        not_when="both ends name each other.",
        fix="Set `options:peer` of both ends, each to the other's interface name.",
    ),
    Code(
        code="tunnel-one-way",
        severity="error",
        summary="A host has a tunnel to another one that has none back.",
        meaning="Tunnels of Neutron, OVN and Tunbridge come in pairs: each end names the other's address. A host that "
        "receives a packet from an address for which it has no tunnel port drops it, so here no packet arrives. Where "
        "one host lacks several ends, it is reported once, at that host.",
        not_when="the other host was not given, its own address cannot be told, or it has a multi-peer tunnel "
        "(`remote_ip=flow`), which receives from anybody.",
        fix="With Neutron: is the agent of the host without the end up, and are l2population and the tunnel types the "
        "same on both? With OVN: is ovn-controller running there? By hand only where no agent makes tunnels.",
    ),
    Code(
        code="tunnel-address-mismatch",
        severity="error",
        summary="The two ends of a tunnel do not name each other's addresses.",
        meaning="One end's `remote_ip` must be the other end's `local_ip`, both ways. Here one of them differs: "
        "packets go to an address that nobody answers, or arrive from one that is not expected, and are dropped. A "
        "tunnel to the host's own address is reported likewise.",
        not_when="an end states no `local_ip` (OVN): the kernel then chooses the source address by its routes.",
        fix="Set `options:remote_ip` of the one end to `options:local_ip` of the other.",
    ),
    Code(
        code="tunnel-duplicate",
        severity="error",
        summary="Two tunnels of a host cannot be told apart.",
        meaning="Open vSwitch tells tunnels apart by type, local and remote address, incoming key, UDP port and mark. "
        "A second one with the same is refused (`File exists`) and carries nothing; which of the two works may change "
        "with a restart.",
        not_when="they differ in one of these, as several VTEPs or keys do.",
        fix="Delete one of the two.",
    ),
    Code(
        code="tunnel-type-mismatch",
        severity="error",
        summary="The two ends of a tunnel are of different types.",
        meaning="One host sends VXLAN, say, and the other expects Geneve: each drops what the other sends.",
        not_when="the two hosts have a second pair of tunnels of the other type: they are matched by type.",
        fix="Give both ends one type. With Neutron: the same `tunnel_types` on every host; with OVN: a common "
        "`ovn-encap-type`.",
    ),
    Code(
        code="tunnel-key-mismatch",
        severity="error",
        summary="The two ends of a tunnel use different keys.",
        meaning="What one end sends (`out_key`, or `key`) must be what the other receives (`in_key`, or `key`): `flow` "
        "with `flow`, or the same number. An absent key is 0. What arrives with another key is dropped.",
        not_when="one end is multi-peer (`remote_ip=flow`).",
        fix="Set the same `options:key` on both ends; overlays of Neutron, OVN and Tunbridge use `flow`.",
    ),
    Code(
        code="tunnel-port-mismatch",
        severity="error",
        summary="The two ends of a tunnel use different UDP ports.",
        meaning="Each end sends to its `options:dst_port` and listens on it too, by default 4789 for VXLAN and 6081 "
        "for Geneve. With different ports, nobody listens where the packets go.",
        not_when="the type uses no UDP port (GRE).",
        fix="Set the same `options:dst_port` on both ends, or remove it from both.",
    ),
    Code(
        code="tunnel-name-mismatch",
        severity="warning",
        summary="A tunnel port's name tells another address than its remote_ip.",
        meaning="Neutron and Tunbridge name a tunnel port by the peer's IPv4 address in hexadecimal: `vxlan-0a00001b` "
        "leads to 10.0.0.27. Here the name tells one address and `remote_ip` another. The tunnel follows `remote_ip`; "
        "but somebody has edited it by hand, or the peer's address has changed, and agents find ports by name.",
        not_when="the name is not of that form (OVN's `ovn-32a2f4-0`, names given by hand).",
        fix="Delete the port and let the agent make it anew, or correct `remote_ip`.",
    ),
    Code(
        code="local-ip-duplicate",
        severity="error",
        summary="Two hosts have the same tunnel address.",
        meaning="Each host of an overlay needs an address of its own. Here two of them state the same `local_ip`: "
        "their peers reach only one of them, or now the one and now the other. Often a host was cloned.",
        not_when="both texts are of one host (the same system UUID).",
        fix="Give one of them another address: `local_ip` in Neutron's and Tunbridge's agent, `ovn-encap-ip` in OVN.",
    ),
    Code(
        code="system-id-duplicate",
        severity="warning",
        summary="Two different hosts have the same system id.",
        meaning="The first line of `ovs-vsctl show` is the UUID of the database, and a live source also tells "
        "`external_ids:system-id`, which start-up scripts take from /etc/openvswitch/system-id.conf. Two hosts with "
        "the same one run on copies of one disk image. OVN knows a chassis by `system-id`: two chassis with one id "
        "take the ports and tunnels from each other in turns, so there it is an error.",
        not_when="the two texts fit one host at two times: then `host-given-twice` says so.",
        fix="On the clone: stop Open vSwitch, remove /etc/openvswitch/conf.db and system-id.conf, and start it again.",
    ),
    Code(
        code="host-given-twice",
        severity="warning",
        summary="Two texts are of the same host; the last one is used.",
        meaning="Both have the same system UUID, and nothing contradicts that they are one host, perhaps at two times. "
        "The one given first is left out, since one host cannot be in one picture twice.",
        not_when="they state different tunnel addresses: then `system-id-duplicate` says so.",
        fix="Give each host once.",
    ),
    Code(
        code="interface-error",
        severity="error",
        summary="Open vSwitch could not make an interface work.",
        meaning="`ovs-vswitchd` writes into the column `error` of an interface why it could not open, add or configure "
        "it. Such an interface carries no packets. It is a warning, not an error, where a workload's device has gone "
        "(`No such device` of a tap or veth): the workload was deleted, and its port was left behind.",
        not_when="the column is empty.",
        fix="What helps depends on the error and on the type of the interface; the finding says it. "
        "`ovs-vswitchd.log` has the details.",
    ),
    Code(
        code="bridge-loop",
        severity="error",
        summary="Patch ports join bridges of a host in a circle.",
        meaning="There are two paths from one bridge to another (or a bridge is patched to itself). A broadcast that "
        "takes both comes back and circles without end, unless flows or spanning tree prevent it.",
        not_when="the wires are those of OVN (`patch-…-to-…`, one per localnet port) or of Neutron's trunk bridges "
        "(`tbr-…`): their flows keep networks apart.",
        fix="Delete the patch pair of the circle that no agent made.",
        rests_on_place=True,
    ),
    Code(
        code="dead-vlan",
        severity="error",
        summary="A port has VLAN 4095: its packets are dropped.",
        meaning="The agents of Neutron and of Tunbridge put ports into VLAN 4095, the dead VLAN, until they are bound, "
        "or when binding failed. All that comes from such a port is dropped.",
        not_when="the port is being wired at this very moment; look again in a few seconds.",
        fix="On a host of Tunbridge, `tunbridge host status` gives the reason. Else find the port's UUID in the "
        "interface's `external_ids:iface-id`, and see `binding_vif_type` of the port and the agent's log.",
    ),
    Code(
        code="controller-disconnected",
        severity="warning",
        summary="A bridge is not connected to its OpenFlow controller.",
        meaning="Open vSwitch connects to this controller, and has no connection now. In fail mode `secure` the "
        "bridge goes on with the flows that it has, but nothing is updated and packets to the controller (DHCP, ARP) "
        "are lost; without it, the bridge begins to act as an ordinary switch.",
        not_when="the target is passive (`ptcp:`, `pssl:`, `punix:`): it waits for clients, and having none is normal.",
        fix="Start the controller: Neutron's or Tunbridge's agent for 127.0.0.1:6633, else what the target names.",
    ),
    Code(
        code="manager-disconnected",
        severity="info",
        summary="No OVSDB manager is connected.",
        meaning="An active manager (`tcp:`, `ssl:`) is one that Open vSwitch connects to; a passive one (`ptcp:`) "
        "waits for clients. Nobody is connected at this moment. For `ptcp:6640:127.0.0.1` it means that the agent on "
        "this host, Neutron's or Tunbridge's, is not connected.",
        not_when="there is a client.",
        fix="Start the agent or the manager, or remove the target with `ovs-vsctl del-manager`.",
    ),
    Code(
        code="fail-mode-not-secure",
        severity="info",
        summary="A bridge with a controller would act as an ordinary switch without it.",
        meaning="Without fail mode `secure`, a bridge that loses its controller, or has none yet, floods and learns by "
        "itself: networks that flows keep apart can then leak into each other.",
        not_when="the bridge has no controller and is not one of a cloud's own (integration, tunnels).",
        fix="Where flows separate tenants: `ovs-vsctl set-fail-mode BRIDGE secure`. Open vSwitch empties the flow "
        "tables of the bridge when the mode changes.",
        rests_on_absence=True,
    ),
    Code(
        code="provider-without-nic",
        severity="warning",
        summary="A provider bridge has no path to the physical network.",
        meaning="The bridge is there to lead to the outside, but there is no NIC in it, nor in a bridge that it is "
        "patched to: what is sent to the provider network goes nowhere, other than to the host itself. Any bridge is "
        "reported that has no NIC while the bridge of the same name on another host has one.",
        not_when="the host routes for it (an address on the bridge itself, as in DevStack): that cannot be seen here; "
        "or one of its internal ports is also in a Linux bridge (a live source tells that).",
        fix="`ovs-vsctl add-port BRIDGE NIC`. Take addresses off the NIC first: put them on the bridge.",
        rests_on_absence=True,
    ),
    Code(
        code="nic-on-integration-bridge",
        severity="warning",
        summary="A physical NIC is plugged into the integration bridge.",
        meaning="Workloads plug into the integration bridge, and their networks are told apart by local VLANs that "
        "mean nothing outside of the host. A NIC there lets them out onto the physical network, or others in.",
        not_when="it is a representor of a virtual function, which stands for a workload (names like `eth4_0`, "
        "`pf0vf3`), or Antrea moved it there.",
        fix="Move it into a provider bridge: `ovs-vsctl del-port BR-INT NIC -- add-port BRIDGE NIC`.",
        rests_on_place=True,
    ),
    Code(
        code="mixed-datapaths",
        severity="warning",
        summary="Bridges of different datapaths are patched together.",
        meaning="A patch pair works within one datapath. One of the two bridges is in the kernel's (`system`) and the "
        "other in the userspace one (`netdev`): no packet passes between them.",
        not_when="bridges of different datapaths are not joined.",
        fix="Give both the same `datapath_type`: `ovs-vsctl set bridge BRIDGE datapath_type=netdev`.",
        rests_on_absence=True,
    ),
    Code(
        code="dpdk-on-system-bridge",
        severity="error",
        summary="A port of DPDK is in a bridge of the kernel's datapath.",
        meaning="Interfaces of type `dpdk`, `dpdkvhostuser` and `dpdkvhostuserclient` exist in the userspace datapath "
        "only (`datapath_type` netdev). Here the bridge is in the kernel's (`system`): the port carries nothing.",
        not_when="the datapath type is not known (texts of Open vSwitch before 2.13), or the interface has an error, "
        "which `interface-error` explains.",
        fix="Move the port into a bridge with `datapath_type=netdev`.",
        rests_on_place=True,
    ),
    Code(
        code="workload-untagged",
        severity="warning",
        summary="A workload's port on an integration bridge of Neutron has no VLAN tag.",
        meaning="The agents of Neutron and of Tunbridge give every port that they wire a local VLAN, as a tag. A port "
        "without one has not been wired: the agent does not know it, was not running, or could not bind it.",
        not_when="OVN or Antrea wired the host: they use no tags; or the port has an error of its own.",
        fix="On a host of Tunbridge, `tunbridge host status` gives the reason. Else find the port's UUID in "
        "`external_ids:iface-id`, see whether it is bound to this host, and look into the agent's log.",
        rests_on_absence=True,
    ),
    Code(
        code="integration-bridge-isolated",
        severity="warning",
        summary="The integration bridge holds workloads, and nothing leads out of it.",
        meaning="Workloads are plugged in, but the bridge has no patch port, tunnel or NIC, and no router: they reach "
        "nothing but each other.",
        not_when="a router or DHCP server of the same host is plugged in, as on an all-in-one host with local "
        "networks; Antrea routes by the host itself.",
        fix="Restart the agent, and see its log for why it makes no tunnels and patch ports.",
        rests_on_absence=True,
    ),
    Code(
        code="controller-missing",
        severity="warning",
        summary="A bridge in fail mode secure has no active controller, while its siblings have one.",
        meaning="In fail mode `secure` Open vSwitch adds no flow of its own. A bridge without a controller then "
        "forwards only what some program wrote, and nothing after Open vSwitch has started again. Its siblings (other "
        "bridges of the host, or the bridge of that name on another host) have a controller.",
        not_when="OVN or Antrea wired the host: they need no controller in the database.",
        fix="Restart the agent, which sets the controller of its bridges.",
        rests_on_absence=True,
    ),
    Code(
        code="bridge-mapping-missing",
        severity="error",
        summary="A physical network is mapped to a bridge that does not exist.",
        meaning="`external_ids:ovn-bridge-mappings` (or `bridge_mappings` of Neutron's agent) names a bridge that the "
        "host does not have. Ports on that physical network are not wired, and networks on it end here.",
        not_when="the source tells no mapping: a text does not.",
        fix="Make the bridge and plug its NIC in, or correct the mapping.",
    ),
    Code(
        code="bridge-unconnected",
        severity="warning",
        summary="A bridge is joined to nothing.",
        meaning="A tunnel bridge, or a bridge that the agent controls, has no patch port to any other; or a bridge has "
        "nothing in it but its own port. No workload's packet can pass through it. It is information, not a warning, "
        "where that may be meant: OVN makes the patch ports of a provider bridge with the first port of its network on "
        "the host, and a bridge that holds only internal ports serves the host itself (one of them may be named like a "
        "NIC, and is none).",
        not_when="routers are plugged into it directly (`qg-`), or the host itself uses it (a NIC without controller).",
        fix="Restart the agent, which makes the patch pair of every bridge that it knows.",
        rests_on_absence=True,
    ),
    Code(
        code="nic-down",
        severity="error",
        summary="A NIC that leads off the host is down.",
        meaning="A NIC in a bridge, or the device that the tunnels leave by, is switched off (`admin_state` down) or "
        "has no carrier (`link_state` down): a cable, a transceiver, the switch port, or the other end of a veth pair. "
        "What is sent there goes nowhere.",
        not_when="Open vSwitch could not open it at all (`interface-error`), it is a member of a bond "
        "(`bond-member-down`), or a workload's device: that is down while the workload is.",
        fix="`ip link set NIC up`; without carrier, look at the cable and the switch port.",
    ),
    Code(
        code="bond-member-down",
        severity="warning",
        summary="A member of a bond is down.",
        meaning="The bond works on with the members that are left, with less bandwidth and, when one is left, without "
        "redundancy: the next failure cuts the host off. With all members down it is an error: it is cut off.",
        not_when="the state of the members is not known (a text, a database file).",
        fix="As for `nic-down`. `ovs-appctl bond/show BOND` tells which members Open vSwitch uses.",
    ),
    Code(
        code="lacp-not-negotiated",
        severity="warning",
        summary="A member of a bond with LACP hears no partner.",
        meaning="The bond is to negotiate (`lacp` active or passive), the member's link is up, and no LACP partner is "
        "heard on it (`lacp_current` false). Such a member is not used; when that is so of all, nothing passes (an "
        "error), unless `other_config:lacp-fallback-ab` is set.",
        not_when="`lacp` is off, or the member is down: then `bond-member-down` says so.",
        fix="Make the switch ports of all members one LACP group, at least one side active.",
    ),
    Code(
        code="bfd-down",
        severity="error",
        summary="BFD finds that a tunnel does not reach the other host.",
        meaning="BFD (RFC 5880) sends small packets through the tunnel in both directions. Here they do not come back "
        "(the session is not `up`), or the other end says that it cannot forward. OVN moves gateways away from such a "
        "host. Where only one of the two ends has BFD on, the session never comes up.",
        not_when="BFD is off, or a session was switched off on purpose (`admin_down`).",
        fix="Can the hosts reach each other's tunnel addresses, and do firewalls let the tunnel's UDP port (or GRE) "
        "through? Is BFD on at both ends?",
    ),
    Code(
        code="underlay-mtu-too-small",
        severity="warning",
        summary="Packets of workloads, with the tunnel's headers, do not fit the underlay.",
        meaning="A tunnel puts its headers around a workload's packet. Over IPv4, VXLAN and Geneve need 50 bytes more "
        "than the workload's MTU (outer IP 20, UDP 8, VXLAN or Geneve 8, Ethernet of the frame inside 14), OVN's "
        "Geneve 58 (an option of 8), GRE with a key 42; over IPv6 20 more. Here the device that holds the tunnel "
        "address has a smaller MTU than the largest workload port of the overlay, on this host or at the other end, "
        "needs: pings and logins work, and full-size packets are lost.",
        not_when="the workloads in question are on provider networks; or it cannot be told which are (then it is "
        "listed as not checked). The guest itself may have been given a smaller MTU than its port, by DHCP: then "
        "nothing is lost.",
        fix="Raise the MTU of the underlay on every host and switch between, or lower that of the network to the "
        "underlay's MTU less the headers (Neutron: `global_physnet_mtu`, `path_mtu`, `openstack network set --mtu`).",
    ),
    Code(
        code="flow-restore-wait",
        severity="error",
        summary="Open vSwitch is told to wait for flows to be restored.",
        meaning="With `other_config:flow-restore-wait`, ovs-vswitchd begins to forward and to talk to controllers only "
        "when it is cleared: scripts set it for the time of a restart, restore the flows, and clear it. It is set now. "
        "If ovs-vswitchd was started with it, all bridges of the host are dead; else they will be after its next "
        "start.",
        not_when="it is not set. A restart in progress sets it for some seconds: look again.",
        fix="`ovs-vsctl remove Open_vSwitch . other_config flow-restore-wait`, then restart the agent: Open vSwitch "
        "empties the tables of bridges with a controller at that moment.",
    ),
    Code(
        code="mac-table-full",
        severity="warning",
        summary="A bridge has learned as many MAC addresses as it may.",
        meaning="A bridge that forwards by learning (`NORMAL`) keeps as many addresses as `mac-table-size` says (by "
        "default 8192, in older versions 2048). When it is full, each new address pushes out an old one, and "
        "packets to that one are flooded to all ports: slow, and seen by everybody. It is told as information from 90 "
        "% on.",
        not_when="the source is not on that machine: no database holds it.",
        fix="`ovs-vsctl set bridge BRIDGE other_config:mac-table-size=50000`; look for loops and for machines that "
        "invent addresses (`ovs-appctl fdb/show BRIDGE`).",
    ),
    Code(
        code="drops-growing",
        severity="warning",
        summary="An interface drops packets now.",
        meaning="`rx_dropped`, `tx_dropped`, `rx_missed_errors` or `rx_over_err` of an interface grew between two "
        "readings. A device drops what is too large for it or comes faster than the receiver takes it.",
        not_when="the counters were read once, or did not grow: old drops say nothing of now. Open vSwitch writes "
        "statistics every 5 s, so readings should be further apart than that. Nor when the interface is switched off, "
        "as a bridge's own port often is: it drops whatever is flooded to it.",
        fix="Compare the MTUs of both ends; look at queue lengths (`ethtool -g`, `ethtool -S`) and at CPU load.",
    ),
    Code(
        code="errors-growing",
        severity="warning",
        summary="An interface has transmission errors now.",
        meaning="`rx_errors`, `tx_errors`, `rx_crc_err`, `rx_frame_err` or `collisions` of an interface grew between "
        "two readings: packets arrive damaged, or cannot be sent.",
        not_when="the counters were read once, or did not grow.",
        fix="Another cable, transceiver or switch port; the same speed and duplex at both ends.",
    ),
    Code(
        code="router-without-host",
        severity="error",
        summary="No host has a router's way to the outside.",
        meaning="A router has an external gateway, and its server has no host for it: none that is alive and not "
        "disabled has a bridge to the external network's physical network, in an availability zone that the router was "
        "made for. What its networks send outside is refused. It is reported once, at the first host that has a "
        "workload of one of these networks.",
        not_when="no server could be asked (it is for `lab:`), or the router is switched off.",
        fix="Give a host a bridge to the physical network (`providers` of its agent), start its agent, or enable it: "
        "`openstack network agent set --enable`. It has the gateway within 2 s.",
    ),
    Code(
        code="floating-ip-down",
        severity="error",
        summary="A running workload's floating IP is answered for by no host.",
        meaning="The server says that the workload's port is ACTIVE and its floating IP is not: no host has reported "
        "that it answers for the address. From outside the workload is not reached by it.",
        not_when="the workload's own port is not ACTIVE, or no server could be asked (it is for `lab:`).",
        fix="Is the router up? Does the workload's host, or the router's gateway host, have a bridge to the external "
        "network, and is its agent running? `tunbridge host status` there names what it cannot do.",
    ),
    Code(
        code="address-answered-twice",
        severity="error",
        summary="Two hosts answer for one address of a router.",
        meaning="The flows of two hosts answer ARP of a physical network for the same address with the same MAC "
        "address: both have a router's gateway, or a floating IP. The network's switches send its packets now to the "
        "one and now to the other. It happens where an agent has stopped on the host that had the gateway, while its "
        "flows forward on, and another host has been given it.",
        not_when="the flows of fewer than two hosts could be read (they are for `lab:`), or while a gateway moves, "
        "which takes half a second: look again.",
        fix="Start the agent of the host that is to have it no more, or stop Open vSwitch there. "
        "`openstack network agent list --router ROUTER --long` says which one has it.",
    ),
    Code(
        code="address-unanswered",
        severity="error",
        summary="No host answers for an address that a router has.",
        meaning="The server says that a router's gateway or a floating IP is ACTIVE, and no host's flows answer ARP "
        "of the physical network for its address and MAC address; or a host with a running workload does not answer "
        "it for the address of a router in its network. For IPv6 no flow gives neighbour solicitations to the agent, "
        "which answers them. Packets to the address find nobody.",
        not_when="the router is switched off, or the flows of a host could not be read (they are for `lab:`).",
        fix="Start the agent of the host, which puts back flows that are missing. Where it runs, `tunbridge host "
        "status` there says what it cannot do.",
    ),
    Code(
        code="next-hop-silent",
        severity="warning",
        summary="One of several next hops of a router does not answer.",
        meaning="A router has several next hops outside: its gateways share the default route, or an extra route names "
        "several. The agent of the gateway host asks each of them every second, by ARP or a neighbour solicitation; "
        "this one has missed three. Its share of the packets goes to the others; while none answers, all are used.",
        not_when="a route has one next hop, which the agent asks only when there are packets for it; or the agent "
        "could not be asked: it is for `lab:` with hosts that are namespaces, and as root for the host itself.",
        fix="Is the physical router up, does it have this address, and is the host connected to its network? The agent "
        "uses it again with its first answer.",
    ),
)

CODES: dict[str, Code] = {code.code: code for code in _ALL}
"""Code -> its entry, in the order of the documentation."""
