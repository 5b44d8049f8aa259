"""What this server answers otherwise than Neutron on purpose, one by one, and why. docs/server.md tells users."""

# ruff: noqa: E501 - requests are named by their whole line

from typing import Any, NamedTuple


class Different(NamedTuple):
    """An answer of our own."""

    reason: str
    answer: dict[str, Any]
    """Status and body, or text."""


def error(status: int, type: str, message: str) -> dict[str, Any]:
    """Give an answer that is an error."""
    return {"status": status, "body": {"NeutronError": {"type": type, "message": message, "detail": ""}}}


ABSENT: dict[str, str] = {
    "network_segment_ranges[].revision_number": "was not asked for (`fields`); Neutron shows it all the same",
    "network_segment_ranges[].tags": "as above",
    "network_segment_range.revision_number": "as above",
    "network_segment_range.tags": "as above",
    "network_segment_range.project_id": "of a shared range: Neutron shows it as null in the answer to a create, later not",
    "security_group_rules[].standard_attr_id": "a number of Neutron's own tables that it lets out by mistake",
    "security_group_rules[].tags": "rules have no tags in the API; inside a group Neutron shows an empty list",
    **{f".{name}": "comes with its resource" for name in ("trunk", "qos_policy", "router_route")},
    **{
        f"{router}.{name}": "comes with an extension of routers that is not offered"
        for router in ("router", "routers[]")
        for name in (*("enable_default_route_bfd", "enable_default_route_ecmp", "ha_vr_id"),)
    },
    **{
        f"{router}.qos_policy_id": "stands in external_gateway_info, where there is one"
        for router in ("router", "routers[]")
    },
    "tap_flow.vlan_filter": "taas-vlan-filter is not offered: it is for ports of SR-IOV, which no host serves",
    "tap_flows[].vlan_filter": "as above",
    "router.enable_snat": "what Neutron keeps inside gets out in the answers to add_extraroutes and remove_extraroutes",
    "router.gw_port_id": "as above",
    "routers[].enable_snat": "as above, in lists of the routers of an agent",
    "routers[].gw_port_id": "as above",
    "router.distributed": "as above: who may not see it sees it there",
    "router.ha": "as above",
    **{
        f"configurations.{name}": "an agent says of itself what it is like"
        for name in (
            *("bridge_device_owners", "handle_internal_only_routers", "interface_driver"),
            *("ovs_capabilities", "vhostuser_socket_dir"),
        )
    },
    "agents[].ha_chassis_priority": "what OVN decides, in lists of the agents of a router",
    "agents[].resource_versions": "what Neutron keeps inside gets out in lists of the agents of a router",
}
"""Ends of paths in bodies that only Neutron has -> why."""
EXTRA: dict[str, str] = {
    **dict.fromkeys(
        (
            *("network.pvlan", "networks[].pvlan"),
            *(f"{port}.pvlan_{what}" for port in ("port", "ports[]") for what in ("type", "community")),
        ),
        "recorded from a Neutron without private VLANs",
    ),
    **{
        f"{router}.{name}": "recorded from a Neutron with ML2/OVS, which has one gateway for each router"
        for router in ("router", "routers[]")
        for name in ("external_gateways", "enable_default_route_ecmp")
    },
    "network_segment_ranges[].name": "Neutron leaves out the name of a range of its configuration",
    "subnetpool.address_scope_id": "Neutron leaves out of the answer to an update what is null",
    **dict.fromkeys(
        (f"{network}.{name}" for network in ("network", "networks[]") for name in ("vlan_transparent", "qinq")),
        "recorded from a Neutron with ML2/OVS, which carries no tags of VMs",
    ),
    "network.is_default": "Neutron leaves it out of networks that are not external, but for the answer to their create",
    "networks[].is_default": "as above",
    "subnetpool.default_quota": "Neutron leaves it out of the answer to an update",
    "default_security_group_rules[].created_at": "Neutron has no times and revisions for these rules",
    "default_security_group_rules[].updated_at": "as above",
    "default_security_group_rules[].revision_number": "as above",
    **{
        f"{rule}.{name}": "a rule belongs to the project of its label, whose readers see it"
        for rule in ("metering_label_rule", "metering_label_rules[]")
        for name in ("project_id", "tenant_id")
    },
    **{
        f"configurations.{name}": "an agent says of itself what it is like"
        for name in ("extensions", "l2_population", "log_agent_heartbeats", "port_filter")
    },
    "quota.address_group": "address groups have a quota here: without one a project could fill the database",
    "quotas[].address_group": "as above",
    **{
        f"{where}.{name}": "metering has a quota here: each rule is a flow"
        for where in ("quota", "quotas[]")
        for name in ("metering_label", "metering_label_rule")
    },
}
"""Ends of paths in bodies that only this server has -> why."""
UNRECORDED: dict[str, str] = {
    **{
        f".{port}.{name}": "recorded from a Neutron without its extension driver"
        for port in ("port", "ports[]")
        for name in ("hints", "device_profile", "numa_affinity_policy")
    },
    **{
        f".{thing}{end}.{name}": "recorded from a Neutron without its segments service"
        for thing, name in (("network", "l2_adjacency"), ("subnet", "segment_id"), ("port", "ip_allocation"))
        for end in ("", "s[]")
    },
    "quota.trunk": "recorded from a Neutron without its trunk service",
    "quotas[].trunk": "as above",
    **{
        f"{router}.{name}": f"recorded from a Neutron without its {service} service"
        for router in ("router", "routers[]")
        for name, service in (("conntrack_helpers", "conntrack helper"), ("enable_ndp_proxy", "NDP proxy"))
    },
    **{
        f"{thing}.port_forwardings": "recorded from a Neutron without its port forwarding service"
        for thing in ("floatingip", "floatingips[]")
    },
    **{
        f".{thing}.resource_request": "recorded from a Neutron without its QoS service" for thing in ("port", "ports[]")
    },
    **{
        f".{thing}.{name}": "recorded from a Neutron without its QoS service"
        for thing in ("network", "networks[]", "port", "ports[]", "floatingip", "floatingips[]")
        for name in ("qos_policy_id", "qos_network_policy_id")
        if name == "qos_policy_id" or not thing.startswith("network")
    },
}
"""The same for scripts that were recorded from a Neutron without further services."""
NUMBERS = {
    f"subnetpool.{name}_prefixlen": "text in every answer; Neutron has a number in the answer to an update, else text"
    for name in ("default", "min", "max")
}
"""Ends of paths whose text Neutron writes as numbers in some answers -> why."""
VALUES: dict[str, tuple[Any, Any, str]] = {
    **{
        f"{router}.{name}": (False, True, "what a router is that nobody said anything of; Neutron's settings say no")
        for router in ("router", "routers[]")
        for name in ("distributed", "ha")
    },
    "security_group_rules[].description": (
        None,
        "",
        "no description is empty text, also for rules that nobody asked for",
    ),
    "security_group_rules[].belongs_to_default_sg": (
        None,
        True,
        "known also in the first list, before Neutron knows it",
    ),
    **{
        f"{network}.availability_zones": (["nova"], [], "no DHCP agents: each host answers the DHCP of its own ports")
        for network in ("network", "networks[]")
    },
    "agent.binary": ("neutron-l3-agent", "tunbridge-agent", "one program does it all"),
    "agents[].binary": ("neutron-l3-agent", "tunbridge-agent", "as above"),
    ".agents[].binary": ("neutron-openvswitch-agent", "tunbridge-agent", "as above"),
    "agents[].availability_zone": (None, "nova", "a host is in a zone, and so is its Open vSwitch agent"),
    ".NeutronError.message": (
        "RBAC policy on object <net> cannot be removed because other objects depend on it.\n"
        "Details: Unable to reconfigure sharing settings for network <net>. Multiple projects are using it.",
        "RBAC policy on object <net> cannot be removed because other objects depend on it.\n"
        "Details: network <net> is used by project <demo>",
        "says by whom",
    ),
}
"""Ends of paths -> Neutron's value, the one here, why."""
_UNSEEN = "a list by a field that the caller may not see would tell its value; Neutron's does"
_L3_AGENTS = "each host has an L3 agent, too"
DIFFERENT: dict[str, Different] = {
    "mia list network provider:network_type=vxlan&name=more-a&fields=name": Different(
        _UNSEEN, {"status": 200, "body": {"networks": []}}
    ),
    "mia list network name=list-a&provider:network_type=vxlan&fields=name": Different(
        _UNSEEN, {"status": 200, "body": {"networks": []}}
    ),
    "mia list port name=more-1&binding:host_id=&fields=name": Different(
        _UNSEEN, {"status": 200, "body": {"ports": []}}
    ),
    "mia PUT /address-groups/$ag/add_addresses {}": Different(
        "the body is looked at before the group", error(400, "HTTPBadRequest", "Resource body required")
    ),
    'admin create network {"name": "x", "provider:network_type": "vxlan", "provider:segmentation_id": 16777216}': Different(
        "VXLAN has 24 bits for it (RFC 7348); Neutron takes it",
        error(400, "InvalidInput", "Invalid input for operation: segmentation_id out of range (1 through 16777215)."),
    ),
    'admin create network {"name": "x", "provider:network_type": "vxlan", "provider:segmentation_id": 0}': Different(
        "0 stands for no identifier; Neutron takes it",
        error(400, "InvalidInput", "Invalid input for operation: segmentation_id out of range (1 through 16777215)."),
    ),
    'mia create network {"colour": "red", "taste": 1}': Different(
        "names are sorted; Neutron's come as they fall",
        error(400, "HTTPBadRequest", "Unrecognized attribute(s) 'colour, taste'"),
    ),
    'mia create subnet {"network_id": "$net", "ip_version": 4, "cidr": "10.8.0.0/24", "segment_id": "00000000-0000-4000-8000-000000000000"}': Different(
        "recorded from a Neutron without its segments service",
        error(
            403,
            "PolicyNotAuthorized",
            "(rule:create_subnet and rule:create_subnet:segment_id) is disallowed by policy",
        ),
    ),
    "mia list port name=more-1&ip_allocation=immediate&fields=name": Different(
        "as above", {"status": 200, "body": {"ports": [{"name": "more-1"}]}}
    ),
    'mia create subnetpool {"name": "x", "prefixes": ["10.32.0.0/17"], "address_scope_id": "$scope6"}': Different(
        "a pool that is not made has no id to tell",
        error(
            400,
            "IllegalSubnetPoolIpVersionAssociationToAddressScope",
            "Illegal subnetpool association: subnetpool new cannot associate with address scope <scope6> because subnetpool ip_version is not 6.",
        ),
    ),
    "admin list agent alive=True&fields=host": Different(
        _L3_AGENTS, {"status": 200, "body": {"agents": [{"host": f"host{n}"} for n in (1, 1, 2, 2, 3, 3)]}}
    ),
    "admin list agent alive=False&fields=host": Different(
        _L3_AGENTS, {"status": 200, "body": {"agents": [{"host": "dead1"}, {"host": "dead1"}]}}
    ),
    "mia list port fixed_ips=colour=1": Different(
        "a filter that filters nothing is refused",
        error(400, "InvalidInput", "Invalid input for operation: fixed_ips cannot be filtered by colour."),
    ),
    "mia show rbac_policy $policy": Different(
        "does not tell that there is such a policy",
        error(404, "RbacPolicyNotFound", "RBAC policy of type unknown with ID <policy> not found"),
    ),
    'otto create rbac_policy {"object_type": "network", "object_id": "00000000-0000-4000-8000-000000000000", "action": "access_as_shared", "target_tenant": "$demo"}': Different(
        "a network that is not there is 404, not the text of a failed callback",
        error(404, "NetworkNotFound", "Network 00000000-0000-4000-8000-000000000000 could not be found."),
    ),
    'admin PUT /quotas/$other {"quota": {"address_group": 0, "network": 1}}': Different(
        "address groups have a quota here",
        error(400, "HTTPBadRequest", "Quota limit 1 for network must be greater than or equal to already used 2"),
    ),
    'mia PUT /networks/$b/tags {"tags": [""]}': Different(
        "an empty tag cannot be found again",
        error(400, "InvalidInput", "Invalid input for operation: '' is not a tag: text of 1 to 255 characters."),
    ),
    "nova show router $r1": Different(
        "says what is not there, as to everybody else", error(404, "RouterNotFound", "Router <r1> could not be found")
    ),
    "nova show floatingip $one": Different(
        "as above", error(404, "FloatingIPNotFound", "Floating IP <one> could not be found")
    ),
    "otto GET /routers/$r1/tags": Different(
        "does not tell that there is such a router", error(404, "RouterNotFound", "Router <r1> could not be found")
    ),
    'rita PUT /routers/$r1/add_router_interface {"subnet_id": "$blue4"}': Different(
        "names the rule that was asked; Neutron names those of attributes besides, which the request has not",
        error(403, "PolicyNotAuthorized", "rule:add_router_interface is disallowed by policy"),
    ),
    'rita PUT /routers/$r1/remove_router_interface {"port_id": "$redif"}': Different(
        "as above", error(403, "PolicyNotAuthorized", "rule:remove_router_interface is disallowed by policy")
    ),
    'mia PUT /routers/$r1/add_extraroutes {"router": {"routes": [{"destination": "192.0.3.0/24", "nexthop": "172.16.0.1"}]}}': Different(
        "routes stay in the order in which they were added",
        error(
            400,
            "InvalidRoutes",
            "Invalid format for routes: [{'destination': '192.0.2.0/24', 'nexthop': '10.0.2.77'}, {'destination': '192.0.3.0/24', 'nexthop': '10.0.2.78'}, {'destination': '192.0.3.0/24', 'nexthop': '172.16.0.1'}], the nexthop is not connected with router",
        ),
    ),
    "otto GET /networks/$net/tags": Different(
        "does not tell that there is such a network", error(404, "NetworkNotFound", "Network <net> could not be found.")
    ),
    "otto PUT /networks/$net/tags/x": Different(
        "does not tell that there is such a network", error(404, "NetworkNotFound", "Network <net> could not be found.")
    ),
    "mia PATCH /networks/$net/tags": Different(
        "PATCH is no method of the API",
        error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource."),
    ),
    'mia PUT /networks {"network": {}}': Different(
        "405: the collection has no such method; Neutron looks for a network None",
        error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource."),
    ),
    "mia DELETE /networks": Different(
        "405: the collection has no such method; Neutron looks for a network None",
        error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource."),
    ),
    'mia POST /networks/$a {"network": {}}': Different(
        "Neutron's text says nothing of the method",
        error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource."),
    ),
    'mia PATCH /networks/$a {"network": {}}': Different(
        "Neutron's text says nothing of the method",
        error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource."),
    ),
    "mia PATCH /networks": Different(
        "Neutron's text says nothing of the method",
        error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource."),
    ),
    "mia POST / {}": Different(
        "Neutron's text says nothing of the method",
        error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource."),
    ),
    'otto create rbac_policy {"object_type": "network", "object_id": "$net", "action": "access_as_shared", "target_tenant": "*"}': Different(
        "names the rule that refuses; Neutron all of them, as they fall",
        error(
            403,
            "PolicyNotAuthorized",
            "(rule:create_rbac_policy and rule:create_rbac_policy:target_tenant) is disallowed by policy",
        ),
    ),
    'mia create subnet {"network_id": "$net", "ip_version": 4, "cidr": "10.8.0.0/24", "allocation_pools": [{"start": "10.8.0.2"}]}': Different(
        "names are sorted; Neutron's come as they fall",
        error(
            400,
            "HTTPBadRequest",
            "Invalid input for allocation_pools. Reason: Validation of dictionary's keys failed. Expected keys: {'end', 'start'} Provided keys: {'start'}.",
        ),
    ),
    'mia create subnet {"network_id": "$net", "ip_version": 4, "cidr": "10.8.0.0/24", "host_routes": [{"destination": "10.0.0.0/8"}]}': Different(
        "names are sorted; Neutron's come as they fall",
        error(
            400,
            "HTTPBadRequest",
            "Invalid input for host_routes. Reason: Validation of dictionary's keys failed. Expected keys: {'destination', 'nexthop'} Provided keys: {'destination'}.",
        ),
    ),
    "mia GET /extensions/nonsense": Different(
        "an error in Neutron's form, where Neutron answers HTML",
        error(404, "HTTPNotFound", "Extension with alias nonsense does not exist"),
    ),
    "mia POST /extensions {}": Different(
        "an error in Neutron's form, where Neutron answers HTML",
        error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource."),
    ),
    "mia POST /availability_zones {}": Different(
        "405: nobody can make one", error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource.")
    ),
    'admin POST /network-ip-availabilities {"network_ip_availability": {}}': Different(
        "405: nobody can make one", error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource.")
    ),
    'mia POST /agents {"agent": {}}': Different(
        "405: nobody can make one", error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource.")
    ),
    "mia list security-group-rule security_group_id=$fg&belongs_to_default_sg=True&fields=direction": Different(
        "the group is no default group; Neutron's filter does not look",
        {"status": 200, "body": {"security_group_rules": []}},
    ),
    "admin PUT /network-segment-ranges/$range/tags/red": Different(
        "the configuration has no tags, and no row holds any",
        error(
            400,
            "NetworkSegmentRangeDefaultReadOnly",
            "Network Segment Range <range> is a default segment range which could not be updated or deleted.",
        ),
    ),
    "admin list network_segment_range physical_network=physnet1&fields=minimum&fields=used": Different(
        "without the tag that it did not get",
        {"status": 200, "body": {"network_segment_ranges": [{"minimum": 2000, "used": {}}]}},
    ),
    'mia update port $aap2 {"allowed_address_pairs": [{"ip_address": "10.0.0.1", "mac_address": "FA:16:3E:00:00:AB"}, {"ip_address": "10.0.0.1", "mac_address": "fa:16:3e:00:00:ab"}]}': Different(
        "one pair in two spellings is one pair",
        error(
            400,
            "DuplicateAddressPairInRequest",
            "Request contains duplicate address pair: mac_address fa:16:3e:00:00:ab ip_address 10.0.0.1.",
        ),
    ),
    'mia POST /networks/$own/tags {"tags": ["51"]}': Different(
        "the limit holds however tags are added",
        error(400, "BadRequest", "Bad networks request: The number of tags exceed the per-resource limit of 50."),
    ),
    'mia create port {"network_id": "$own", "tags": ["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17","18","19","20","21","22","23","24","25","26","27","28","29","30","31","32","33","34","35","36","37","38","39","40","41","42","43","44","45","46","47","48","49","50","51"]}': Different(
        "the limit holds however tags are added",
        error(400, "BadRequest", "Bad ports request: The number of tags exceed the per-resource limit of 50."),
    ),
    'mia PUT /networks/$own {"network": {"name": "f-own2"}} If-Match: revision_number=-1': Different(
        "one tag was refused before",
        error(412, "RevisionNumberConstraintFailed", "Constrained to -1, but current revision is 4"),
    ),
    'mia PUT /networks/$own {"network": {"name": "f-own2"}} If-Match: revision_number=+1': Different(
        "one tag was refused before",
        error(412, "RevisionNumberConstraintFailed", "Constrained to 1, but current revision is 4"),
    ),
    "sys show network $pub": Different(
        "as for whoever may not know of it",
        error(404, "NetworkNotFound", "Network <pub> could not be found."),
    ),
    'sys update network $pub {"name": "f-shared"}': Different(
        "as for whoever may not know of it",
        error(404, "NetworkNotFound", "Network <pub> could not be found."),
    ),
    "sys delete network $pub": Different(
        "as for whoever may not know of it",
        error(404, "NetworkNotFound", "Network <pub> could not be found."),
    ),
    "sys GET /networks/$pub/tags": Different(
        "as for whoever may not know of it",
        error(404, "NetworkNotFound", "Network <pub> could not be found."),
    ),
    "sys GET /quotas/$demo": Different(
        "one answer for whoever may not",
        error(403, "PolicyNotAuthorized", "rule:get_quota is disallowed by policy"),
    ),
    "mia GET /extensions/security-groups-name-restrictions": Different(
        "an error in Neutron's form, where Neutron answers HTML",
        error(404, "HTTPNotFound", "Extension with alias security-groups-name-restrictions does not exist"),
    ),
    'otto create rbac_policy {"object_type": "subnetpool", "object_id": "$sps", "action": "access_as_shared", "target_tenant": "$admin"}': Different(
        "a pool of another project is 404, as any of its things",
        error(404, "SubnetPoolNotFound", "Subnet pool <sps> could not be found."),
    ),
    'otto create rbac_policy {"object_type": "security_group", "object_id": "00000000-0000-4000-8000-000000000000", "action": "access_as_shared", "target_tenant": "$admin"}': Different(
        "a group that is not there is 404, not the text of a failed callback",
        error(404, "SecurityGroupNotFound", "Security group 00000000-0000-4000-8000-000000000000 does not exist"),
    ),
    'otto PUT /subnetpools/$sp/add_prefixes {"prefixes": ["10.63.0.0/16"]}': Different(
        "names the rule that refuses",
        error(403, "PolicyNotAuthorized", "rule:add_prefixes is disallowed by policy"),
    ),
    'otto PUT /subnetpools/$sp/remove_prefixes {"prefixes": ["10.63.0.0/16"]}': Different(
        "names the rule that refuses",
        error(403, "PolicyNotAuthorized", "rule:remove_prefixes is disallowed by policy"),
    ),
    'mia update rbac_policy $spsp {"target_tenant": "$admin"}': Different(
        "the rule for making a policy holds for changing one",
        error(
            400,
            "InvalidInput",
            "Invalid input for operation: Failed to create RBAC policy on object <sps> because target project doesn't have access to associated address scope.",
        ),
    ),
    'admin update rbac_policy $spsp {"target_tenant": "*"}': Different(
        "the rule for making a policy holds for changing one",
        error(
            400,
            "InvalidInput",
            "Invalid input for operation: Failed to create RBAC policy on object <sps> because target project doesn't have access to associated address scope.",
        ),
    ),
    "admin list port device_id=$r1&device_owner=network:router_gateway": Different(
        "a host has the gateway; the Neutron that answered had no L3 agent",
        {
            "status": 200,
            "body": {
                "ports": [
                    {
                        "admin_state_up": True,
                        "allowed_address_pairs": [],
                        "binding:host_id": "<gateway host>",
                        "binding:profile": {},
                        "binding:vif_details": {"bound_drivers": {"0": "openvswitch"}},
                        "binding:vif_type": "ovs",
                        "binding:vnic_type": "normal",
                        "created_at": "<time>",
                        "data_plane_status": None,
                        "description": "",
                        "device_id": "<r1>",
                        "device_owner": "network:router_gateway",
                        "dns_assignment": [
                            {"fqdn": "<host>.cloud.example.org.", "hostname": "<host>", "ip_address": "<address>"}
                        ],
                        "dns_domain": "",
                        "dns_name": "",
                        "extra_dhcp_opts": [],
                        "fixed_ips": [{"ip_address": "<address>", "subnet_id": "<ext4>"}],
                        "id": "<id>",
                        "mac_address": "<mac>",
                        "name": "",
                        "network_id": "<ext>",
                        "port_security_enabled": False,
                        "project_id": "",
                        "revision_number": "<number>",
                        "security_groups": [],
                        "status": "DOWN",
                        "tags": [],
                        "tenant_id": "",
                        "updated_at": "<time>",
                    }
                ]
            },
        },
    ),
    "nova GET /ports/$vm": Different(
        "a port is ACTIVE while its host forwards for it; Neutron says DOWN after any change of its binding",
        {
            "status": 200,
            "body": {
                "port": {
                    "admin_state_up": True,
                    "allowed_address_pairs": [],
                    "binding:host_id": "host1",
                    "binding:profile": {"a": 1},
                    "binding:vif_details": {
                        "bound_drivers": {"0": "openvswitch"},
                        "bridge_name": "br-int",
                        "connectivity": "l2",
                        "datapath_type": "system",
                        "ovs_create_tap": True,
                        "ovs_hybrid_plug": False,
                        "port_filter": True,
                    },
                    "binding:vif_type": "ovs",
                    "binding:vnic_type": "normal",
                    "created_at": "<time>",
                    "data_plane_status": None,
                    "description": "",
                    "device_id": "00000000-0000-4000-8000-00000000b007",
                    "device_owner": "compute:nova",
                    "dns_assignment": [
                        {"fqdn": "<host>.cloud.example.org.", "hostname": "<host>", "ip_address": "<address>"}
                    ],
                    "dns_domain": "",
                    "dns_name": "",
                    "extra_dhcp_opts": [],
                    "fixed_ips": [{"ip_address": "<address>", "subnet_id": "<s4>"}],
                    "id": "<vm>",
                    "mac_address": "<mac>",
                    "name": "still",
                    "network_id": "<net>",
                    "port_security_enabled": True,
                    "project_id": "<demo>",
                    "revision_number": "<number>",
                    "security_groups": ["<id>"],
                    "status": "ACTIVE",
                    "tenant_id": "<demo>",
                    "updated_at": "<time>",
                }
            },
        },
    ),
    "nova GET /ports/$new": Different(
        "no driver has bound what is not bound",
        {
            "status": 200,
            "body": {
                "port": {
                    "admin_state_up": True,
                    "allowed_address_pairs": [],
                    "binding:host_id": "",
                    "binding:profile": {},
                    "binding:vif_details": {},
                    "binding:vif_type": "unbound",
                    "binding:vnic_type": "normal",
                    "created_at": "<time>",
                    "data_plane_status": None,
                    "description": "",
                    "device_id": "",
                    "device_owner": "compute:nova",
                    "dns_assignment": [
                        {"fqdn": "<host>.cloud.example.org.", "hostname": "<host>", "ip_address": "<address>"}
                    ],
                    "dns_domain": "",
                    "dns_name": "",
                    "extra_dhcp_opts": [],
                    "fixed_ips": [{"ip_address": "<address>", "subnet_id": "<s4>"}],
                    "id": "<new>",
                    "mac_address": "<mac>",
                    "name": "",
                    "network_id": "<net>",
                    "port_security_enabled": True,
                    "project_id": "<demo>",
                    "revision_number": "<number>",
                    "security_groups": ["<id>"],
                    "status": "DOWN",
                    "tenant_id": "<demo>",
                    "updated_at": "<time>",
                }
            },
        },
    ),
}
"""Request -> what comes instead of Neutron's answer."""
