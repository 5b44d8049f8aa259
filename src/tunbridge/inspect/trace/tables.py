"""Names of tables: of Neutron's agent, by role of the bridge (its openvswitch/agent/common/constants.py)."""

from collections.abc import Callable, Mapping

from tunbridge.inspect.model import BridgeRole
from tunbridge.inspect.trace.text import Step

NameOf = Callable[[BridgeRole, Step], tuple[str, str] | None]
"""The name of a step's table, and what it is for ("": the name says it); None where that is not known."""

NEUTRON: Mapping[BridgeRole, Mapping[int, str]] = {
    "integration": {
        0: "local_switching", 23: "canary", 24: "arp_spoof", 25: "mac_spoof", 30: "packet_rate_limit",
        31: "bandwidth_rate_limit", 58: "local_egress", 59: "local_ingress", 60: "transient",
        61: "transient_egress", 62: "transient_ingress", 71: "base_egress", 72: "rules_egress",
        73: "accept_or_ingress", 77: "dhcp_ipv4", 78: "dhcp_ipv6", 81: "base_ingress", 82: "rules_ingress",
        91: "accepted_egress", 92: "accepted_ingress", 93: "dropped", 94: "accepted_egress_normal",
    },
    "tunnel": {
        0: "classify", 1: "dvr_process", 2: "patch_lv_to_tun", 3: "gre_tun_to_lv", 4: "vxlan_tun_to_lv",
        6: "geneve_tun_to_lv", 9: "dvr_not_learn", 10: "learn_from_tun", 20: "ucast_to_tun", 21: "arp_responder",
        22: "flood_to_tun",
    },
    "provider": {0: "local_vlan_translation", 1: "lv_translate", 2: "dvr_process", 3: "dvr_not_learn"},
}  # fmt: skip
