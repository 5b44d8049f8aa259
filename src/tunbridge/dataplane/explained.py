"""Which packet each kind of flow is for: (table, priority, fields matched) -> words for docs/pipeline.md.

`signature` in document.py makes the keys. A test holds that each kind of flow is explained and each explanation is of
a flow, so a new kind of flow is a new line here. Kinds with the same words are shown together.
"""

from collections.abc import Mapping

Signature = tuple[int, int, str]

_REST = "What nothing else matches is dropped."
_COPY_DROPPED = "A port that is logged: a copy for the agent of what is dropped, by a meter of the port's own."
_COPY = "A port that is logged: a copy for the agent, by a meter of the port's own; the packet goes on."
_LOG_METER = "The meter of the port's log."
_NOT_LOGGED = "Ports that no log is about."
_COPIES = (
    "A port with mirrors or tap flows: a copy for each collector, with the tunnel id of the mirror; and one for each"
    " tap service, to its port if that is here, else to br-tun with a mark (the tunnel id of the service)."
)
_SKIP = "All other packets go on."
_SPEAKS = "As below, of a connection that the router has a conntrack helper for: conntrack translates what it says."
_SPEAKS_TO = (
    "To a floating IP, on a port that the router has a conntrack helper for: conntrack translates what is said."
)

_ASKED = (
    "In a private VLAN, the same of whoever reaches the port that has the address: one flow for promiscuous senders,"
    " one for the port's own community. Others are not answered: those whom they reach hear what they ask."
)
_BY_ROUTER = ("ip,reg6,reg8,dl_dst,nw_dst", "ipv6,reg6,reg8,dl_dst,ipv6_dst")
_TURNED = (
    "To a router, for an address of such a port: the router would send it back into the network, from its own MAC"
    " address, which reaches all."
)
_HEARD = (
    "In a private VLAN, from promiscuous ports to all; from others to promiscuous ones; from a community (above) to its"
    " own ports as well. What goes to other hosts is judged there again."
)
_COPIED = "The copies of a private VLAN, likewise by the group of the sender."

_TAGGED_COPIES = (
    "With a tag of a VM's own: all but the copies for tap services on other hosts, on whose way the tag would be taken"
    " for a network."
)

_INTEGRATION: dict[Signature, str] = {
    (
        0,
        65535,
        "dl_vlan",
    ): "VLAN 4095 is the dead VLAN: a port that is bound to no network carries it; it never leaves.",
    (0, 10, "in_port,vlan_tci"): (
        "From a workload, without a tag: its network, and the policy of its port (the number of its set of security"
        " groups; absent where port security is off). A tag of its own would be taken for another network once ours is"
        " off, so tagged packets are dropped."
    ),
    (0, 5, "in_port,vlan_tci"): (
        "From a workload in a network that carries VLAN tags of VMs (`tags.py`), with a tag: it stays on."
    ),
    (0, 6, "in_port,vlan_tci,dl_type"): (
        "The same with more tags than Open vSwitch looks behind (`vlan-limit`): nothing could judge it."
    ),
    (
        0,
        10,
        "in_port,dl_vlan",
    ): (
        "From br-tun with a local VLAN, or from a physical network with a segment that is here. Or from a trunk's VM,"
        " with the VLAN of a sub-port: the tag comes off, and the packet goes on as if it had come in by a port of its"
        " own, whose number no interface has (`trunks.py`). Or from a workload, with VLAN 0, which is a priority alone:"
        " the tag comes off, and the packet starts again."
    ),
    (0, 20, "vlan_tci,dl_type"): (
        "A second tag below that of a sub-port, or of VLAN 0: it could be taken for another network's once the first is"
        " off."
    ),
    (
        0,
        2,
        "in_port",
    ): "From a physical network, a segment that no network here uses; apart, so that it is counted apart.",
    (0, 30, "pkt_mark,in_port,vlan_tci"): (
        "From br-tun, a copy for a tap service: to its port alone. It has no tag, so that no network's flows see it."
    ),
    (0, 0, ""): "A workload that belongs to no network can reach nothing.",
    (18, 1, "in_port"): _COPIES,
    (18, 2, "in_port,vlan_tci"): _TAGGED_COPIES,
    (18, 0, ""): "No such mirror or tap.",
    (20, 1, "in_port"): "The meter of a port's packet rate limit; what is above it is dropped here.",
    (20, 0, ""): "No such limit.",
    (62, 10, "reg1,reg6"): "Of a router with metering labels, into its external network: a look-up for each label.",
    (62, 10, "reg1,reg3"): "Likewise, from outside.",
    (62, 0, ""): "Neither from nor to the outside: it is not counted, and goes on where it was.",
    (63, 0, ""): "The label does not count it.",
    (63, 20, "ip,reg0,reg1,nw_src"): "What a label does not count, although another rule of it would.",
    (63, 10, "ip,reg0,reg1"): "What a label counts: the agent reads the counters of these flows.",
    (63, 10, "ip,reg0,reg1,nw_dst"): "What a label counts: the agent reads the counters of these flows.",
    (21, 1, "in_port"): "The meter of a port's bandwidth limit.",
    (21, 0, ""): "No such limit.",
    (22, 1, "ip,in_port"): "The DSCP field is set; the two bits of ECN stay as they are.",
    (22, 1, "ipv6,in_port"): "The DSCP field is set; the two bits of ECN stay as they are.",
    (22, 0, ""): "Not IP, or not to be marked.",
    (23, 1, "in_port"): "The queue that keeps the port its minimum bandwidth, should the packet leave by a NIC.",
    (23, 0, ""): "No minimum.",
    (24, 10, "in_port,dl_src"): "A workload sends from its MAC address, or from that of an allowed address pair.",
    (24, 5, "in_port"): "Port security is off, or the port is the network's own: anything.",
    (24, 0, ""): "A spoofed MAC address.",
    (25, 30, "icmp6,icmp_type"): "A workload is no router: no router advertisements, no redirects.",
    (25, 20, "icmp6,in_port,icmp_type,nd_sll"): "A neighbour solicitation that names the workload's own MAC address.",
    (25, 20, "icmp6,in_port,icmp_type,nd_tll"): "A neighbour advertisement that names the workload's own MAC address.",
    (25, 20, "icmp6,icmp_type,nd_sll"): "Solicitations and advertisements that name no MAC address.",
    (25, 20, "icmp6,icmp_type,nd_tll"): "Solicitations and advertisements that name no MAC address.",
    (25, 10, "icmp6,icmp_type"): "Those that name another one.",
    (25, 0, ""): _SKIP,
    (26, 60, "udp,tp_src,tp_dst"): "A workload is no DHCP server.",
    (26, 60, "udp6,tp_src,tp_dst"): "A workload is no DHCP server.",
    (26, 30, "udp,nw_src,nw_dst,tp_src,tp_dst"): "DHCP of a workload that has no address yet.",
    (26, 30, "icmp6,ipv6_src,icmp_type"): (
        "What a node sends before it has an IPv6 address: duplicate address detection, router solicitation, multicast"
        " listener reports."
    ),
    (26, 25, "icmp6,in_port,dl_src,icmp_type,nd_target"): "Neighbour advertisements for its own addresses.",
    (26, 20, "icmp6,icmp_type"): "Neighbour advertisements for others'.",
    (26, 10, "ip,in_port,dl_src,nw_src"): "IPv4 from its own addresses and allowed address pairs.",
    (
        26,
        10,
        "ipv6,in_port,dl_src,ipv6_src",
    ): "IPv6 from its own addresses, with the link-local ones of its MAC addresses.",
    (26, 10, "arp,in_port,dl_src,arp_spa,arp_sha"): "ARP from its own addresses; 0.0.0.0 is a probe for a duplicate.",
    (26, 10, "rarp"): "RARP, by which a hypervisor announces the MAC address after a live migration.",
    (26, 5, "udp,vlan_tci,tp_src,tp_dst"): (
        "DHCP from an address that the port has no more: the agent alone hears it, and refuses it."
    ),
    (65, 11, "reg6,vlan_tci"): "In a network that carries VLAN tags of VMs: as without one.",
    (65, 10, "vlan_tci"): (
        "A second tag, in a network that carries none: from the physical network, where `vlan-limit` is 2."
    ),
    (60, 100, "vlan_tci"): "With a tag of a VM's own: these are services of the network without a tag.",
    (73, 1000, "vlan_tci"): "With a tag of a VM's own: routers are of the network without a tag.",
    (26, 0, ""): "Spoofed addresses and other protocols.",
    (60, 20, "udp,reg6,nw_dst,tp_src,tp_dst"): (
        "DHCP requests, by broadcast and (renewals) to the subnet's DHCP address, which is its gateway's."
    ),
    (60, 20, "udp6,reg6,ipv6_dst,tp_src,tp_dst"): "DHCPv6 requests.",
    (60, 20, "icmp6,reg6,icmp_type"): "Router solicitations.",
    (
        60,
        20,
        "icmp6,reg6,icmp_type,nd_target",
    ): "Neighbour solicitations for addresses that the agent itself answers at.",
    (60, 20, "udp,reg6,nw_dst,tp_dst"): "DNS queries to the subnet's DHCP address.",
    (60, 20, "udp6,reg6,ipv6_dst,tp_dst"): "DNS queries to the subnet's DHCP address.",
    (60, 20, "tcp,reg6,nw_dst,tp_dst"): "DNS queries over TCP to the subnet's DHCP address.",
    (60, 20, "tcp6,reg6,ipv6_dst,tp_dst"): "DNS queries over TCP to the subnet's DHCP address.",
    (60, 10, "arp,reg6,dl_dst,arp_tpa,arp_op"): (
        "ARP requests for known addresses of a tunnelled network. For a port on another host the request becomes its"
        " own answer; for a local port it goes to that port alone, which answers (so a probe for the own address hears"
        " nothing)."
    ),
    (60, 10, "arp,reg6,arp_tpa,arp_op"): (
        "ARP requests for a DHCP address that no port has: the request becomes its own answer, also where a client asks"
        " by unicast whether it is still there."
    ),
    (
        60,
        11,
        "arp,reg6,dl_dst,arp_spa,arp_tpa,arp_op",
    ): "A gratuitous ARP request announces an address: everybody hears it.",
    (60, 10, "icmp6,reg6,dl_dst,icmp_type,nd_target"): (
        "Neighbour solicitations for known addresses go to their owner alone, who answers: the kernel's datapath cannot"
        " write an advertisement."
    ),
    (60, 10, "arp,reg6,reg8,dl_dst,arp_tpa,arp_op"): _ASKED,
    (60, 11, "arp,reg6,reg8,dl_dst,arp_spa,arp_tpa,arp_op"): _ASKED,
    (60, 10, "icmp6,reg6,reg8,dl_dst,icmp_type,nd_target"): _ASKED,
    (59, 10, "reg6,dl_src"): (
        "In a private VLAN, what comes from elsewhere: the group of the port that has the MAC address; none of one that"
        " is promiscuous, as a router's interface is."
    ),
    (59, 1, "reg6"): (
        "In a tunnelled one, a MAC address that no port has counts as isolated. In a physical network it is of the"
        " network's own devices, which reach all."
    ),
    (59, 0, ""): _SKIP,
    (64, 30, "reg6,reg8,dl_dst"): (
        "To a port of a private VLAN that is not promiscuous, from one that is not either: what the community of both"
        " allows (below) goes on, and all else is dropped."
    ),
    (64, 31, "reg6,reg8,dl_dst"): "The group of the receiver's own community.",
    **dict.fromkeys(((64, 20, match) for match in _BY_ROUTER), _TURNED),
    **dict.fromkeys(((64, 21, match) for match in _BY_ROUTER), "Within one community it may."),
    (64, 0, ""): "Other networks, what promiscuous ports send, and what is sent to them; broadcast and multicast.",
    (78, 1, "reg6,reg8"): _HEARD,
    (78, 2, "reg6,reg8"): _HEARD,
    (94, 2, "reg4,reg6,reg7,reg8"): _COPIED,
    (94, 3, "reg4,reg6,reg7,reg8"): _COPIED,
    (60, 23, "arp,reg6,arp_spa,arp_tpa,arp_op"): (
        "The port that has a Local IP here asks for it, or announces it: for it there is no Local IP."
    ),
    (60, 23, "ip,reg6,nw_src,nw_dst"): (
        "The port that has a Local IP here sends there: to whom the network knows for it, as if there were no Local IP."
    ),
    (60, 22, "arp,reg6,arp_tpa,arp_op"): "ARP for a Local IP: the MAC address of the port on this host that has it.",
    (60, 22, "ip,reg6,nw_dst"): (
        "To a Local IP: to the port on this host that has it, with its fixed IP as the destination, in a conntrack zone"
        " of the Local IP's own."
    ),
    (60, 25, "arp,arp_tpa,arp_op"): "ARP for the metadata service, which is on every link.",
    (60, 25, "tcp,nw_dst"): "TCP to the metadata service, of every network and by whatever router.",
    (60, 25, "tcp6,ipv6_dst"): "TCP to the metadata service, of every network and by whatever router.",
    (60, 25, "icmp,nw_dst,icmp_type"): "A ping of the metadata service becomes its own answer.",
    (60, 25, "icmp6,ipv6_dst,icmp_type"): "A ping of the metadata service becomes its own answer.",
    (60, 25, "icmp6,icmp_type,nd_target"): "Neighbour solicitations for the metadata service.",
    (60, 5, "ip,nw_dst"): "What else is sent to the metadata service's addresses never leaves the host.",
    (60, 5, "ipv6,ipv6_dst"): "What else is sent to the metadata service's addresses never leaves the host.",
    (60, 0, ""): _SKIP,
    (61, 10, "in_port"): (
        "The meter of the port's metadata requests; then the agent, which speaks TCP itself and knows by `in_port` who"
        " asks (`agent/metadata/`)."
    ),
    (61, 0, ""): _REST,
    (95, 10, "in_port"): "Each port has a meter, so that a workload that floods requests delays no other.",
    (
        95,
        10,
        "reg3,in_port",
    ): "From elsewhere only neighbours are asked for, and answers told, by a meter of the patch.",
    (95, 0, ""): _REST,
    (99, 10, "reg3,in_port"): _LOG_METER,
    (99, 10, "reg3,reg7"): _LOG_METER,
    (99, 0, ""): _REST,
    (96, 10, "reg3"): (
        "The userdata says how to answer (`features/services.py`); `in_port` says for whom. What is only to be logged"
        " passes a meter of the host's first."
    ),
    (96, 0, ""): _REST,
    (65, 1, "reg6"): (
        "In a network with a port without port security, or with an allowed address pair with a MAC address of its own:"
        " the source is learned with the port it came from and the policy of that port."
    ),
    (65, 0, ""): "Networks where the database knows every MAC address.",
    (70, 30, "icmp6,icmp_type"): (
        "Neighbour discovery and multicast listener reports, which the kernel does not track, and DHCP requests: judged"
        " by port security, they need no egress rule."
    ),
    (70, 30, "udp,tp_src,tp_dst"): (
        "Neighbour discovery and multicast listener reports, which the kernel does not track, and DHCP requests: judged"
        " by port security, they need no egress rule."
    ),
    (70, 30, "udp6,tp_src,tp_dst"): (
        "Neighbour discovery and multicast listener reports, which the kernel does not track, and DHCP requests: judged"
        " by port security, they need no egress rule."
    ),
    (70, 20, "dl_dst"): "Broadcast and multicast have many receivers and one connection: they are not looked up.",
    (70, 10, "ip,reg6"): (
        "In a network with a filtered port here: the one lookup, in the network's zone. Where all filtered ports are"
        " stateless there is none."
    ),
    (70, 10, "ipv6,reg6"): (
        "In a network with a filtered port here: the one lookup, in the network's zone. Where all filtered ports are"
        " stateless there is none."
    ),
    (70, 0, ""): "ARP, and networks without filtered ports here.",
    (71, 71, "ct_state,in_port"): _COPY_DROPPED,
    (72, 1, "in_port"): _COPY_DROPPED,
    (72, 0, ""): _REST,
    (91, 10, "in_port"): _COPY,
    (91, 0, ""): _NOT_LOGGED,
    (72, 77, "ip,reg5"): "A rule for any protocol; the bit in reg3 makes table 92 commit the connection.",
    (72, 77, "ipv6,reg5"): "A rule for any protocol; the bit in reg3 makes table 92 commit the connection.",
    (72, 77, "udp,reg5,tp_dst"): "A rule of a stateless group: nothing is committed.",
    (60, 12, "arp,reg6,arp_tpa,arp_op"): (
        "ARP for a router's address, to the whole network or (a client that asks whether it is still there) to the"
        " router: the request becomes its own answer. Hosts answer their own workloads only."
    ),
    (73, 20, "ct_state,ip,reg3,reg6,dl_dst"): (
        "To a router's interface, and its sender's rules allowed it: the connection is committed in the zone of the"
        " network that it comes from."
    ),
    (73, 20, "ct_state,ipv6,reg3,reg6,dl_dst"): (
        "To a router's interface, and its sender's rules allowed it: the connection is committed in the zone of the"
        " network that it comes from."
    ),
    (73, 10, "ip,reg6,dl_dst"): "To a router's interface: known connections, replies, unfiltered senders.",
    (73, 10, "ipv6,reg6,dl_dst"): "To a router's interface: known connections, replies, unfiltered senders.",
    (73, 5, "reg6,dl_dst"): "To a router's interface, and not IP.",
    (73, 0, ""): "All other packets are switched.",
    (73, 31, "arp,reg6,in_port,arp_tpa,arp_op"): (
        "ARP from outside for an address that a router has there, its own or a floating IP: the request becomes its own"
        " answer, and goes back with the local VLAN. On one host only."
    ),
    (73, 30, "arp,reg6,arp_tpa,arp_op"): "Likewise from a workload here that is on the external network itself.",
    (73, 21, "arp,reg6,dl_dst,arp_spa,arp_op"): (
        "The next hop of a route answers this host's question: learned in table 68 for packets to it, and for those"
        " that go by it; and the agent sends on what it has kept."
    ),
    (73, 20, "arp,reg6,dl_dst,arp_op"): (
        "A neighbour in a physical network answers this host's question: learned in table 68 for a minute, and the"
        " agent sends on what it has kept."
    ),
    (73, 20, "icmp6,reg6,dl_dst,icmp_type"): (
        "A neighbour in a physical network answers this host's question: learned in table 68 for a minute, and the"
        " agent sends on what it has kept."
    ),
    (73, 20, "ct_state,ip,reg3,reg6,dl_dst,nw_dst"): (
        "To a floating IP, from a workload here whose rules allowed it: committed as for an interface, then as below."
    ),
    (73, 21, "ct_state,tcp,reg3,reg6,dl_dst,nw_dst,tp_dst"): _SPEAKS_TO,
    (73, 11, "tcp,reg6,dl_dst,nw_dst,tp_dst"): _SPEAKS_TO,
    (73, 15, "arp,reg6,dl_dst,arp_spa"): (
        "The next hop of a route tells everybody its MAC address, as when one router takes over from another."
    ),
    (73, 10, "ip,reg6,dl_dst,nw_dst"): (
        "To a floating IP: its fixed IP in the router's zone, then routed. Answers to a connection that the fixed IP"
        " began pass here as well."
    ),
    (73, 25, "arp,reg6,in_port,dl_dst,arp_spa"): (
        "A workload announces an address that other ports may have as well, or tells it to a router, in whose name the"
        " agent has asked: the agent writes into the database that it is here."
    ),
    (74, 302, "icmp,reg1,in_port,nw_dst,icmp_type"): (
        "Ping of the router's own address outside, from outside; and of an address of a router from another one here,"
        " to which the reply goes back."
    ),
    (74, 302, "icmp6,reg1,in_port,ipv6_dst,icmp_type"): (
        "Ping of the router's own address outside, from outside; and of an address of a router from another one here,"
        " to which the reply goes back."
    ),
    (74, 42, "ip,reg1,nw_dst"): (
        "An extra route with several next hops: the packet's share of 31, by its two addresses, and the number of the"
        " route."
    ),
    (83, 10, "reg2,reg3"): (
        "One share: its next hop, and the network that this is in. Shares are filled so that a next hop which goes or"
        " comes changes the way of little else."
    ),
    (83, 0, ""): _REST,
    (75, 11, "ip,reg6,nw_dst"): (
        "An address that several ports may have by allowed address pairs: to the one that announced it last."
    ),
    (95, 5, "reg3"): (
        "What a router cannot forward, and what waits for a neighbour, of packets that no workload here has sent: from"
        " other hosts, from outside, from a router here before this one. They share one meter."
    ),
    (74, 310, "ct_state,tcp,reg1,reg3"): (
        "From outside, the first packet of a connection that one with a conntrack helper has announced: it and its"
        " connection are translated as announced, and it is routed."
    ),
    (74, 295, "ct_state,ip,reg3"): (
        "From outside to the router's own address, and no answer to anything: what was translated is known to conntrack"
        " by now."
    ),
    (74, 9, "ip,reg1"): "By default to the outside, by the gateway of the external subnet as the next hop.",
    (74, 9, "ip,reg1,nw_src"): (
        "Of a router with several external networks: what a VM with a floating IP sends leaves by the network of that,"
        " so its answers do."
    ),
    (74, 8, "ip,reg1"): (
        "By default to the outside, of a router with several external networks: by the first one, or in shares by all."
    ),
    (67, 30, "reg3"): "From outside to outside: nobody's router.",
    (67, 20, "ip,reg1,nw_src"): "From a fixed IP whose floating IP is here: into the external network on this host.",
    (67, 20, "ip,reg1,reg3,nw_src"): (
        "From a fixed IP whose floating IP is here, and routed to the network of that: into it. To another network it"
        " goes as the router."
    ),
    (67, 12, "reg1,in_port"): (
        "The gateway is on another host, and this one is to take over, or has had it until now: what others send here"
        " for it goes into the external network as well."
    ),
    (67, 10, "reg1,reg6"): (
        "The gateway is on another host: the number of the way there, by which table 75 sends it on in its own network."
    ),
    (67, 10, "reg1"): "The gateway is on this host: into the external network.",
    (
        67,
        10,
        "reg1,reg3",
    ): "The gateways are on this host: into that external network, of several, which it is routed to.",
    (67, 1, "ip"): "No host has the gateway: the agent answers that there is no route.",
    (67, 1, "ipv6"): "No host has the gateway: the agent answers that there is no route.",
    (67, 0, ""): _REST,
    (68, 0, ""): "Learned flows stand here, made by table 73; no ours is needed.",
    (69, 10, "reg3"): "Learned: table 68 has set the MAC address.",
    (69, 1, ""): "Not learned: the agent keeps the packet, asks, and sends it on when it is answered.",
    (69, 0, ""): _REST,
    (
        66,
        20,
        "ct_state",
    ): "It could not be translated, as what is no part of a connection: it must not go out as it is.",
    (66, 10, "ip,reg6"): "The external network has filtered ports here: looked up in its zone.",
    (66, 19, "ct_state,reg3"): (
        "conntrack has not translated the first packet of a connection: every port of the address is taken for where it"
        " goes. It ends here, and the agent takes note, by a meter. (The kernel's datapath drops such a packet itself.)"
    ),
    (66, 0, ""): _SKIP,
    (74, 301, "icmp,reg1,nw_dst,icmp_type"): "Ping of one of the router's addresses: the request becomes its reply.",
    (74, 301, "icmp6,reg1,ipv6_dst,icmp_type"): "Ping of one of the router's addresses: the request becomes its reply.",
    (74, 300, "ip,reg1,nw_dst"): "Whatever else is sent to the router: the agent answers that nothing is open there.",
    (74, 300, "ip,reg1,reg3,nw_dst,nw_ttl"): (
        "Traceroute of the router's own address outside, from inside: it ends here. With more hops left it may be an"
        " answer to what was translated to that address, which the gateway knows."
    ),
    (74, 300, "ipv6,reg1,reg3,ipv6_dst"): (
        "Whatever else is sent from inside to the router's own address outside: the agent answers that nothing is open."
    ),
    (
        74,
        300,
        "ipv6,reg1,ipv6_dst",
    ): "Whatever else is sent to the router: the agent answers that nothing is open there.",
    (74, 290, "ip,nw_ttl"): "The last hop: the agent answers that time is exceeded.",
    (74, 290, "ipv6,nw_ttl"): "The last hop: the agent answers that time is exceeded.",
    (74, 280, "ipv6,ipv6_dst"): "Link-local addresses are not forwarded.",
    (74, 58, "ip,reg1,nw_dst"): (
        "An extra route, by the number of its next hop; the priority is 10 and twice the length of the prefix."
    ),
    (74, 59, "ip,reg1,nw_dst"): (
        "A subnet of the router: 1 above an extra route to the same prefix. Where the router has a network with a"
        " larger MTU, packets are measured."
    ),
    (74, 139, "ipv6,reg1,ipv6_dst"): (
        "A subnet of the router: 1 above an extra route to the same prefix. Where the router has a network with a"
        " larger MTU, packets are measured."
    ),
    (74, 1, "ip"): "No route: the agent answers so.",
    (74, 1, "ipv6"): "No route: the agent answers so.",
    (74, 0, ""): _REST,
    (75, 30, "ip,reg3"): "Larger than the MTU of the network that it would go to: the agent tells the MTU.",
    (75, 30, "ipv6,reg3"): "Larger than the MTU of the network that it would go to: the agent tells the MTU.",
    (75, 20, "reg2,reg6"): (
        "The next hop of an extra route: the MAC address of the port that has it. Or to the gateway host: as it is, to"
        " the MAC address of the router."
    ),
    (75, 5, "ip,reg6"): "No port, but perhaps a machine in the physical network.",
    (75, 5, "ipv6,reg6"): "No port, but perhaps a machine in the physical network.",
    (75, 10, "ip,reg6,nw_dst"): (
        "A port of the network has the destination's address; or a router here has it on the external network."
    ),
    (75, 10, "ipv6,reg6,ipv6_dst"): "A port of the network has the destination's address.",
    (75, 1, "ip"): "Nobody has it: the agent answers that there is no such host.",
    (75, 1, "ipv6"): "Nobody has it: the agent answers that there is no such host.",
    (75, 0, ""): _REST,
    (76, 10, "ip,reg1,reg6"): (
        "One hop less, from the router's MAC address (into a physical network from the host's own, unless the router's"
        " gateway is here), from no local sender and unchecked; where the network has filtered ports, looked up in its"
        " zone. Into the external network: with the router's address there."
    ),
    (76, 10, "ipv6,reg1,reg6"): (
        "One hop less, from the router's MAC address (into a physical network from the host's own), from no local"
        " sender and unchecked; where the network has filtered ports, looked up in its zone."
    ),
    (76, 0, ""): _REST,
    (76, 15, "tcp,reg1,reg6,tp_dst"): _SPEAKS,
    (76, 25, "tcp,reg1,reg6,nw_src,tp_dst"): _SPEAKS,
    (76, 20, "ip,reg1,reg6,nw_src"): (
        "From a floating IP's fixed IP into the external network: from the floating IP, with its MAC address."
    ),
    (77, 12, "reg6,dl_dst"): (
        "From a router here to an address that this or another one has on the external network here: as if it came from"
        " outside, and forgotten by conntrack, which would take it for the connection just looked up."
    ),
    (77, 30, "reg6,dl_dst"): "What is sent to the DHCP address, and was no request to the agent, ends here.",
    (77, 31, "dl_dst"): "What is sent to the metadata service's MAC address, and was no request to it, ends here.",
    (77, 20, "dl_dst"): "Broadcast and multicast.",
    (77, 11, "reg6,in_port,dl_dst"): (
        "A port that is prepared for a live migration gets what other hosts send it; workloads here still reach its"
        " address on the active host."
    ),
    (77, 10, "reg6,dl_dst"): "A local port: its number, and its policy for the ingress tables.",
    (77, 9, "reg6,dl_dst"): "A port on another host, in a network where addresses are learned: not unknown.",
    (77, 1, "reg6"): (
        "No port here has the address: it is outside, by the tunnels or the physical network. Where addresses are"
        " learned, tables 79 and 80 decide."
    ),
    (77, 0, ""): _REST,
    (78, 1, "reg6"): (
        "A copy for each policy among the local receivers passes the ingress tables and is then sent to every port that"
        " has it; the packet itself goes on to the other hosts. Open vSwitch sends nothing back to where it came from."
    ),
    (78, 0, ""): _REST,
    (79, 0, ""): "Learned flows stand here, made by table 65; no ours is needed.",
    (80, 2, "reg6,reg7"): (
        "Not learned either: to the local ports that may have unknown addresses (`out` 0x10000), and outside."
    ),
    (80, 1, ""): "Learned: table 79 has set the port and its policy.",
    (80, 0, ""): _REST,
    (82, 77, "icmp,reg4,icmp_type"): "A rule for an ICMP type.",
    (82, 77, "ip,reg4,nw_src"): "A rule with a remote prefix, here of a stateless group.",
    (82, 77, "tcp,reg4,tp_dst"): "A rule for ports; a range is as many masked matches as it needs.",
    (
        82,
        70,
        "ip,reg4",
    ): "Rules with a remote group or address group, first clause: the policy, with protocol and ports.",
    (82, 70, "tcp,reg4,tp_dst"): (
        "Rules with a remote group or address group, first clause: the policy, with protocol and ports."
    ),
    (82, 70, "ip,nw_src"): (
        "Second clause: an address of the remote end. One flow for a member, whatever number of policies names it."
    ),
    (82, 70, "conj_id"): "Both clauses match. The id stands for remote end, direction, IP version, protocol and ports.",
    (81, 71, "ct_state,reg7"): _COPY_DROPPED,
    (82, 1, "reg7"): _COPY_DROPPED,
    (82, 0, ""): _REST,
    (90, 10, "reg7"): _COPY,
    (90, 0, ""): _NOT_LOGGED,
    (92, 10, "ct_state,ip,reg3"): (
        "A connection's originator sent this, and rules allowed it: committed, with a mark of who was checked here."
    ),
    (92, 10, "ct_state,ipv6,reg3"): (
        "A connection's originator sent this, and rules allowed it: committed, with a mark of who was checked here."
    ),
    (92, 0, ""): "Known connections, replies, and what is not tracked.",
    (94, 5, "ip,reg6,reg7,nw_src"): (
        "From a port that has a Local IP here to another host, where nobody has sent to it by the Local IP: as table 94"
        " does else."
    ),
    (94, 4, "ip,reg3,reg6,nw_src"): (
        "From a port that has a Local IP here to a workload here: what answers packets to the Local IP comes from that"
        " one. It is looked up in the Local IP's zone, once, and begins here again."
    ),
    (94, 3, "reg7"): "To a workload with limits, mirrors or tap flows: they come next.",
    (94, 2, "reg7"): "To another bridge: the local VLAN is put on. To a trunk's sub-port: by its parent port.",
    (94, 2, "reg4,reg6,reg7"): (
        "A flooded copy, to all ports of the network with this policy; to one with limits as a copy of its own, since a"
        " meter that drops ends all actions that come after it (`flow.apart`); likewise to one with mirrors or tap"
        " flows."
    ),
    (94, 1, ""): "To a workload.",
    (94, 0, ""): _REST,
    (97, 2, "reg7,in_port"): "A port's own broadcast does not come back, and must not use up its limit.",
    (97, 1, "reg7"): "The meter of a port's packet rate limit.",
    (97, 0, ""): "No such limit.",
    (98, 1, "reg7"): "The meter of a port's bandwidth limit.",
    (98, 0, ""): "No such limit.",
    (101, 2, "reg7,vlan_tci"): _TAGGED_COPIES,
    (101, 3, "reg7,in_port"): "A port's own broadcast does not come back.",
    (101, 1, "reg7"): _COPIES,
    (101, 0, ""): "No such mirror or tap.",
    (100, 2, "reg7,in_port"): "A sub-port's own broadcast does not come back.",
    (100, 1, "reg7"): (
        "To a sub-port: its tag is put on. It may leave by the interface that it came from: of another sub-port of the"
        " same VM, or of the parent port."
    ),
    (100, 0, ""): _REST,
}

_STAGES = {71: ("reg5", "sender"), 81: ("reg4", "receiver")}
for _table, (_register, _who) in _STAGES.items():
    _INTEGRATION |= {
        (_table, 100, _register): f"The {_who} is not filtered, or not here.",
        (_table, 90, "arp"): "ARP is judged by port security.",
        (
            _table,
            85,
            f"ip,{_register},nw_frag",
        ): "Later fragments, stateless groups: of no use without their first one.",
        (
            _table,
            85,
            f"ipv6,{_register},nw_frag",
        ): "Later fragments, stateless groups: of no use without their first one.",
        (_table, 80, _register): "Stateless groups (the top bit of the policy): always by rules.",
        (_table, 70, "ct_state"): "Packets that conntrack finds invalid.",
        (_table, 60, "ct_state"): "ICMP errors about a known connection.",
        (_table, 60, "ct_state,ct_mark"): f"Known connections whose {_who} was checked here in its role.",
        (_table, 50, "ip,nw_frag"): (
            "Later fragments have no ports: they follow their first one, which rules judge. (The kernel's lookup has"
            " reassembled them.)"
        ),
        (_table, 50, "ipv6,nw_frag"): (
            "Later fragments have no ports: they follow their first one, which rules judge. (The kernel's lookup has"
            " reassembled them.)"
        ),
        (_table, 0, ""): "New connections, and known ones that were not checked here.",
    }
_INTEGRATION |= {
    (71, 90, "rarp"): "ARP is judged by port security.",
    (81, 90, "icmp6,icmp_type"): "Neighbour discovery and router advertisements reach every port.",
    (81, 90, "ip,nw_dst,nw_proto"): "IGMP queries: a switch that snoops must hear the answers.",
    (81, 90, "udp,tp_src,tp_dst"): "Replies of DHCP servers; a workload cannot send them.",
    (81, 90, "udp6,tp_src,tp_dst"): "Replies of DHCP servers; a workload cannot send them.",
}

_TUNNEL: dict[Signature, str] = {
    (0, 1, "in_port"): "From br-int, or from a tunnel.",
    (0, 2, "pkt_mark,in_port,vlan_tci"): (
        "From br-int, a copy for a tap service: to the host of its port alone, with the tunnel id of the service."
    ),
    (0, 0, ""): _REST,
    (2, 1, "dl_dst"): "The group bit of the destination parts unicast from broadcast and multicast.",
    (2, 0, ""): _REST,
    (3, 0, ""): "An unknown key.",
    (4, 3, "tun_id,vlan_tci"): "No copy has a tag: in br-int it would be taken for a network.",
    (4, 2, "tun_id"): "A copy for a tap service whose port is here; the mark (its tunnel id) tells br-int.",
    (4, 1, "tun_id"): "The VNI becomes the local VLAN.",
    (4, 0, ""): "An unknown VNI.",
    (6, 0, ""): "An unknown VNI.",
    (10, 1, "dl_vlan"): "The source's tunnel is learned into table 20, in networks with unknown MAC addresses.",
    (10, 0, ""): _REST,
    (20, 2, "dl_vlan,dl_dst"): "A port of the network on another host.",
    (20, 0, ""): "An address that is not known.",
    (22, 1, "dl_vlan"): "To the hosts that have the network, and to no other.",
    (22, 0, ""): "A network that no other host has.",
}

_PROVIDER: dict[Signature, str] = {
    (0, 4, "in_port,dl_vlan"): "The local VLAN becomes the segment; in a flat network the tag comes off.",
    (0, 2, "in_port"): "A local VLAN that belongs to no network of this bridge.",
    (0, 0, ""): "All else is switched as before: the operator may have the host's own address on this bridge.",
}

EXPLAINED: Mapping[str, Mapping[Signature, str]] = {"br-int": _INTEGRATION, "br-tun": _TUNNEL, "br-ex": _PROVIDER}
