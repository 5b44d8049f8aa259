"""The rules of all resources, put together."""

from collections.abc import Iterable

from tunbridge.model.resource import Resource
from tunbridge.model.resources.qos import ALIASES as QOS_ALIASES
from tunbridge.model.resources.qos import RULES as QOS_RULES
from tunbridge.rules import times
from tunbridge.rules.agents import AgentRules
from tunbridge.rules.availability_zones import AvailabilityZoneRules
from tunbridge.rules.base import Rules
from tunbridge.rules.boot_configs import BootConfigRules
from tunbridge.rules.conntrack_helpers import ConntrackHelperRules
from tunbridge.rules.default_statefulness import DefaultStatefulnessRules
from tunbridge.rules.flavors import FlavorRules, ServiceProfileRules
from tunbridge.rules.floating_ips import FloatingIpRules
from tunbridge.rules.local_ips import LocalIpRules, PortAssociationRules
from tunbridge.rules.logs import LoggableResourceRules, LogRules
from tunbridge.rules.metering import MeteringLabelRuleRules, MeteringLabelRules
from tunbridge.rules.ndp_proxies import NdpProxyRules
from tunbridge.rules.network_ip_availability import NetworkIpAvailabilityRules
from tunbridge.rules.network_segments import SegmentRules
from tunbridge.rules.networks import NetworkRules
from tunbridge.rules.port_forwardings import PortForwardingRules
from tunbridge.rules.ports import PortRules
from tunbridge.rules.publication import Publishing
from tunbridge.rules.qos import QosPolicyRules, QosRuleRules, RuleTypeRules
from tunbridge.rules.rbac import RbacPolicyRules
from tunbridge.rules.routers import RouterRules
from tunbridge.rules.security_groups import (
    AddressGroupRules,
    DefaultSecurityGroupRuleRules,
    SecurityGroupRuleRules,
    SecurityGroupRules,
)
from tunbridge.rules.segment_ranges import NetworkSegmentRangeRules
from tunbridge.rules.settings import NetworkingSettings
from tunbridge.rules.subnetpools import AddressScopeRules, SubnetpoolRules
from tunbridge.rules.subnets import SubnetRules
from tunbridge.rules.tap_mirrors import TapMirrorRules
from tunbridge.rules.taps import TapFlowRules, TapServiceRules
from tunbridge.rules.trunks import TrunkRules

_PLAIN: dict[str, type[Rules]] = {
    "network": NetworkRules,
    "segment": SegmentRules,
    "subnet": SubnetRules,
    "port": PortRules,
    "subnetpool": SubnetpoolRules,
    "address_scope": AddressScopeRules,
    "security_group": SecurityGroupRules,
    "security_group_rule": SecurityGroupRuleRules,
    "default_security_group_rule": DefaultSecurityGroupRuleRules,
    "address_group": AddressGroupRules,
    "security_groups_default_statefulness": DefaultStatefulnessRules,
    "rbac_policy": RbacPolicyRules,
    "router": RouterRules,
    "floatingip": FloatingIpRules,
    "boot_config": BootConfigRules,
    "port_forwarding": PortForwardingRules,
    "conntrack_helper": ConntrackHelperRules,
    "ndp_proxy": NdpProxyRules,
    "flavor": FlavorRules,
    "service_profile": ServiceProfileRules,
    "policy": QosPolicyRules,
    "rule_type": RuleTypeRules,
    "trunk": TrunkRules,
    "log": LogRules,
    "tap_mirror": TapMirrorRules,
    "tap_service": TapServiceRules,
    "tap_flow": TapFlowRules,
    "local_ip": LocalIpRules,
    "port_association": PortAssociationRules,
    "loggable_resource": LoggableResourceRules,
    "metering_label": MeteringLabelRules,
    "metering_label_rule": MeteringLabelRuleRules,
    **{rule.name: QosRuleRules for rule in (*QOS_RULES, *QOS_ALIASES)},
}
_TIMED = {
    "agent": AgentRules,
    "availability_zone": AvailabilityZoneRules,
    "network_ip_availability": NetworkIpAvailabilityRules,
    "network_segment_range": NetworkSegmentRangeRules,
}


def rulebook(
    resources: Iterable[Resource], settings: NetworkingSettings, clock: times.Clock = times.now
) -> dict[str, Rules]:
    """Give the rules by the name of their resource; each knows the others. All resources are to be given."""
    found: dict[str, Rules] = {}
    for resource in resources:
        if resource.name in _PLAIN:
            found[resource.name] = _PLAIN[resource.name](resource)
        elif resource.name in _TIMED:
            found[resource.name] = _TIMED[resource.name](resource, settings, clock)
    for rules in found.values():
        if isinstance(rules, PortRules):
            rules.dns_domain = settings.dns_domain
            rules.publishing = Publishing(settings) if settings.external_dns_driver else None
        rules.others = found
    return found
