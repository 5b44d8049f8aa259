"""What this server answers otherwise than Neutron on purpose about services (settings.SERVICES), script by script."""

# ruff: noqa: E501 - requests are named by their whole line

import copy
import re
from typing import Any, NamedTuple

from tests.api.neutron.different import Different, error
from tests.api.neutron.settings import DEAD, ZONE

_PATH = re.compile(r"(\w[\w:]*)|\[(\d+)\]")
SETS = ("rule_types", "host_routes", "subnet_ip_availability", "parameter_values")
GONE = object()
"""A value that is not there."""


class But(NamedTuple):
    """Neutron's answer, but for some values."""

    reason: str
    values: dict[str, Any]
    """Path in the answer -> our own value, or GONE."""


ERRORS = (
    (
        "HTTPNotFound: The resource could not be found.",
        r"\w+NotFound: .*",
        "says the same of what is not there: else it would tell what is",
    ),
    ("HTTPBadRequest: Resource body required", r"HTTPBadRequest: Unable to find '\w+' in request body", "says of what"),
    (
        r"PolicyNotAuthorized: \((rule:\w+) and .*",
        r"PolicyNotAuthorized: \(?(rule:\w+)(?: and rule:[\w:]+\))? is disallowed by policy",
        "names the rule that was asked; Neutron names those of parts of the body besides",
    ),
    (
        r"HTTPMethodNotAllowed: .*",
        "HTTPMethodNotAllowed: The method is not allowed for this resource.",
        "Neutron's text says nothing of the method",
    ),
)
"""Error of Neutron, error here with the same status, why. Both are patterns; what they have in groups is the same.

An error that something is not there names a thing that the request names.
"""

_OTHERS = "does not tell that there is such a thing"
_BULK = "bulks of everything are taken"


def wanted(script: str, neutrons: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """Give what this server ought to answer: where Neutron breaks (5xx), any answer that is none."""
    different = DIFFERENT[script].get(neutrons["request"])
    if isinstance(different, Different):
        return {"request": neutrons["request"], **different.answer}
    if isinstance(different, But):
        return _changed(neutrons, different.values)
    breaks = neutrons["status"] >= 500 > ours["status"]
    return ours if breaks or _is_same_error(neutrons, ours) else _as_asked(neutrons)


def settled(value: Any) -> Any:
    """Give an answer with lists in order that are sets."""
    if isinstance(value, list):
        return [settled(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: sorted(one, key=repr) if key in SETS and isinstance(one, list) else settled(one)
        for key, one in value.items()
    }


def _as_asked(neutrons: dict[str, Any]) -> dict[str, Any]:
    """Give an answer with nothing but what was asked for with `fields`, of which Neutron shows more in some lists."""
    request, fields = neutrons["request"], re.findall(r"[?& ]fields=([\w:]+)", neutrons["request"])
    body = neutrons.get("body")
    if not fields or not isinstance(body, dict) or neutrons["status"] != 200:
        return neutrons
    lists = {
        name: [{key: value for key, value in one.items() if key in fields} for one in found]
        for name, found in body.items()
        if isinstance(found, list) and not name.endswith("_links")
    }
    if "sort_key=" not in request and "limit=" not in request:
        lists = {name: sorted(found, key=repr) for name, found in lists.items()}
    return {**neutrons, "body": {**body, **lists}}


def _is_same_error(neutrons: dict[str, Any], ours: dict[str, Any]) -> bool:
    theirs, own = _error(neutrons), _error(ours)
    if neutrons["status"] != ours["status"] or theirs is None or own is None:
        return False
    named = re.findall(r"\$(\w+)", neutrons["request"])
    if "NotFound" in own and not any(f"<{name}>" in own for name in named):
        return False
    pairs = [(re.fullmatch(one, theirs, re.DOTALL), re.fullmatch(other, own)) for one, other, _ in ERRORS]
    return any(one and other and one.groups() == other.groups() for one, other in pairs)


def _error(answer: dict[str, Any]) -> str | None:
    body = answer.get("body")
    found = body.get("NeutronError", body) if isinstance(body, dict) else None
    return f"{found['type']}: {found['message']}" if found and "type" in found else None


def _changed(answer: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(answer)
    for path, value in values.items():
        *parents, last = [name or int(number) for name, number in _PATH.findall(path)]
        inner: Any = found
        for key in parents:
            inner = inner[key]
        if value is GONE:
            del inner[last]
        else:
            inner[last] = value
    return found


_FILTERS = "things can be found by what they are about"
_NO_METHOD = error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource.")
_HALF_MADE = "without the rule that Neutron has made although it answered 500"
_AT_ONCE = "host routes to the other segments are there at once"
_UNNAMED = "the description of a segment that came with its network is empty, not null"


_NO_LOCAL_IP = error(404, "LocalIPNotFound", "Local IP <l> could not be found.")
_NO_ROUTER = error(404, "RouterNotFound", "Router <r> could not be found")
_NO_DHCP_AGENTS = "each host answers the DHCP of its own ports"
_AT_ONCE_THERE = "the gateway has its host at once"
_NO_GATEWAY = "only a gateway is on certain hosts"
_PROVIDER = "one provider is behind all flavors"
_OURS = {"default": True, "name": "tunbridge", "service_type": "L3_ROUTER_NAT"}
DIFFERENT: dict[str, dict[str, Different | But]] = {
    "auto_topology": {
        "mara DELETE /auto-allocated-topology/$demo": Different(
            "nothing is made to be deleted; Neutron tries to, before it deletes", {"status": 204, "body": None}
        ),
        "mia list router fields=name&fields=admin_state_up&fields=description": But(
            "no description is empty text", {"body.routers[0].description": ""}
        ),
        "mia list router name=auto_allocated_router&fields=name": Different(
            "it goes as a whole, or not at all",
            {"status": 200, "body": {"routers": [{"name": "auto_allocated_router"}]}},
        ),
        "mia PUT /auto-allocated-topology/$demo {}": Different("nobody can change one", _NO_METHOD),
        "mia POST /auto-allocated-topology {}": Different(
            "there is none without a project", error(404, "HTTPNotFound", "The resource could not be found.")
        ),
    },
    "conntrack_helpers": {
        "otto GET /routers/$r/conntrack_helpers": Different(_OTHERS, _NO_ROUTER),
        "mia GET /routers/$r/conntrack_helpers?fields=port": Different(_OTHERS, _NO_ROUTER),
        "mia GET /routers/11111111-2222-4333-8444-555555555555/conntrack_helpers": Different(
            "says what is not there",
            error(404, "RouterNotFound", "Router 11111111-2222-4333-8444-555555555555 could not be found"),
        ),
        "mia DELETE /routers/$r/conntrack_helpers": Different("they go one by one", _NO_METHOD),
    },
    "l3_agents": {
        "admin list agent fields=host&fields=agent_type&fields=alive&fields=admin_state_up": Different(
            _NO_DHCP_AGENTS,
            {
                "status": 200,
                "body": {
                    "agents": [
                        {"admin_state_up": True, "agent_type": kind, "alive": host != DEAD, "host": host}
                        for kind in ("L3 agent", "Open vSwitch agent")
                        for host in (DEAD, "host1", "host2", "host3")
                    ]
                },
            },
        ),
        "admin list agent host=host1&fields=agent_type": Different(
            _NO_DHCP_AGENTS,
            {"status": 200, "body": {"agents": [{"agent_type": "L3 agent"}, {"agent_type": "Open vSwitch agent"}]}},
        ),
        "admin list agent agent_type=DHCP agent&fields=host": Different(
            _NO_DHCP_AGENTS, {"status": 200, "body": {"agents": []}}
        ),
        "admin list agent binary=neutron-l3-agent&fields=agent_type": Different(
            "one program does it all", {"status": 200, "body": {"agents": []}}
        ),
        'admin POST /agents {"agent": {"host": "x"}}': Different("nobody can make one", _NO_METHOD),
        'admin update router $r {"external_gateway_info": {"network_id": "$ext"}}': But(
            _AT_ONCE_THERE, {"body.router.availability_zones": [ZONE]}
        ),
        'admin POST /agents/$l3dead/l3-routers {"router_id": "$r"}': Different(
            "a router can be given from one agent to another, but not to a dead one",
            error(404, "InvalidL3Agent", "Agent <l3dead> is not a L3 Agent or has been disabled"),
        ),
        'admin POST /agents/$l3one/l3-routers {"router_id": "$r"}': Different(
            "it is given from one agent to another, and once more to one that has it", {"status": 201, "body": None}
        ),
        "admin GET /routers/$r/l3-agents?fields=host&fields=ha_state": Different(
            "as above", {"status": 200, "body": {"agents": [{"ha_state": None, "host": "host1"}]}}
        ),
        "admin DELETE /agents/$l3three": Different(
            "it goes with the Open vSwitch agent of its host",
            error(409, "AgentInUse", "Agent <l3three> is a part of agent <id>, and goes with it."),
        ),
        'admin update router $r {"external_gateway_info": {}}': But(
            _NO_GATEWAY, {"body.router.availability_zones": []}
        ),
        'admin POST /agents/$l3one/l3-routers {"router_id": "$bare"}': Different(
            _NO_GATEWAY,
            error(409, "RouterDoesntSupportScheduling", "Router <bare> does not support agent scheduling."),
        ),
        "admin GET /routers/$bare/l3-agents": Different(_NO_GATEWAY, {"status": 200, "body": {"agents": []}}),
        "admin DELETE /routers/$r/l3-agents": Different("nothing can be deleted there", _NO_METHOD),
    },
    "ndp_proxies": {
        'mia update router $r {"external_gateway_info": {"network_id": "$ext"}}': But(
            "a router answers for addresses when that is asked for; Neutron begins with any update",
            {"body.router.enable_ndp_proxy": False},
        ),
        **{
            f"mia update router $r {values}": But(_NO_GATEWAY, {"body.router.availability_zones": []})
            for values in ('{"enable_ndp_proxy": false, "admin_state_up": true}', '{"external_gateway_info": {}}')
        },
        **{
            f'{made}, "external_gateway_info": {{"network_id": "$ext"}}}} -> {name}': But(
                _AT_ONCE_THERE, {"body.router.availability_zones": [ZONE]}
            )
            for made, name in (
                ('mia create router {"name": "r2", "enable_ndp_proxy": true', "rtwo"),
                ('otto create router {"name": "other"', "otherr"),
            )
        },
        "mia list router enable_ndp_proxy=true&fields=name": Different(
            "the filter filters", {"status": 200, "body": {"routers": [{"name": "r"}, {"name": "r2"}]}}
        ),
        'mia POST /ndp_proxies {"ndp_proxies": []}': Different(
            _BULK, error(400, "HTTPBadRequest", "Resources required")
        ),
        "mia list ndp-proxy id=$ntwo&fields=name": Different(
            "things can be found by their ids", {"status": 200, "body": {"ndp_proxies": [{"name": "n2"}]}}
        ),
        "mia list ndp-proxy sort_key=name&sort_dir=asc&fields=ip_address": Different(
            "one goes when its port loses the address",
            {
                "status": 200,
                "body": {"ndp_proxies": [{"ip_address": "<address>"}, {"ip_address": "<address>"}]},
            },
        ),
    },
    "onboarding": {
        'mia POST /subnetpools/$mine/onboard_network_subnets {"network_id": "$on"}': Different(
            "it is there, with another method", _NO_METHOD
        ),
        "mia GET /subnetpools/$mine/onboard_network_subnets": Different("it is there, with another method", _NO_METHOD),
    },
    "zones": {
        **{
            request: Different(
                "a key that nothing is sorted by is refused",
                error(400, "HTTPBadRequest", f"['{key}'] is invalid attribute for sort_keys"),
            )
            for request, key in (
                ("admin GET /availability_zones?sort_key=name&sort_dir=asc", "name"),
                ("admin GET /availability_zones?sort_key=colour&sort_dir=asc", "colour"),
            )
        },
        "admin GET /availability_zones?limit=1": Different(
            "lists of zones have pages, too",
            {
                "status": 200,
                "body": {
                    "availability_zones": [{"name": "nova", "resource": "network", "state": "available"}],
                    "availability_zones_links": [
                        {"href": f"<url>/v2.0/availability_zones?limit=1&marker=nova+network{more}", "rel": rel}
                        for more, rel in (("", "next"), ("&page_reverse=True", "previous"))
                    ],
                },
            },
        ),
    },
    "flavors": {
        "mia GET /service-providers": Different(_PROVIDER, {"status": 200, "body": {"service_providers": [_OURS]}}),
        "admin GET /service-providers?service_type=L3_ROUTER_NAT&fields=service_type": Different(
            _PROVIDER, {"status": 200, "body": {"service_providers": [{"service_type": "L3_ROUTER_NAT"}]}}
        ),
        "mia GET /service-providers?colour=red": Different(
            "an unknown filter is refused",
            error(400, "HTTPBadRequest", "['colour'] is invalid attribute for filtering"),
        ),
        'admin create service-profile {"metainfo": 5}': Different(
            "not text", error(400, "HTTPBadRequest", "Invalid input for metainfo. Reason: '5' is not a valid string.")
        ),
        'admin create service-profile {"metainfo": null}': Different(
            "not text",
            error(400, "HTTPBadRequest", "Invalid input for metainfo. Reason: 'None' is not a valid string."),
        ),
        "admin DELETE /flavors/11111111-2222-4333-8444-555555555555/service_profiles/$info": Different(
            "says what is not there",
            error(404, "FlavorNotFound", "Flavor 11111111-2222-4333-8444-555555555555 could not be found."),
        ),
        'mia create router {"name": "x", "flavor_id": "$f"}': Different(
            "a disabled flavor is refused as such", error(503, "FlavorDisabled", "Flavor is not enabled.")
        ),
        "admin list service-profile fields=metainfo": Different(
            "the one of a number was not made", {"status": 200, "body": {"service_profiles": [{"metainfo": "off"}]}}
        ),
    },
    "hints": {
        'admin create port {"name": "empty", "network_id": "$net", "hints": {}} -> empty': But(
            "stays as it was given", {"body.port.hints": {}}
        ),
    },
    "localips": {
        "otto GET /local_ips/$l/port_associations": Different(_OTHERS, _NO_LOCAL_IP),
        "nova GET /local_ips/$l/port_associations": Different(_OTHERS, _NO_LOCAL_IP),
        'mia POST /local_ips/$both/port_associations {"port_association": {"fixed_port_id": "$barep"}}': Different(
            "a Local IP and its ports are in one network",
            error(
                400,
                "BadRequest",
                "Bad local_ip_port_association request: Port <barep> is not in the network of Local IP <both>.",
            ),
        ),
        'mia PUT /local_ips/$l/port_associations/$p {"port_association": {"fixed_ip": "10.0.0.10"}}': Different(
            "nobody can change one", _NO_METHOD
        ),
    },
    "logs": {
        'admin POST /log/loggable-resources {"loggable_resource": {"type": "x"}}': Different(
            "nobody can make one", _NO_METHOD
        ),
    },
    "metering": {
        'admin update metering-label $l {"name": "x"}': Different("nobody can change one", _NO_METHOD),
        'mara update metering-label $mine {"name": "x"}': Different("nobody can change one", _NO_METHOD),
        'admin update metering-label-rule $r1 {"excluded": true}': Different("nobody can change one", _NO_METHOD),
        "admin list metering-label-rule metering_label_id=$l&fields=direction&fields=excluded": Different(
            _HALF_MADE,
            {
                "status": 200,
                "body": {
                    "metering_label_rules": [
                        *[{"direction": "egress", "excluded": False}] * 3,
                        {"direction": "egress", "excluded": True},
                        *[{"direction": "ingress", "excluded": False}] * 2,
                        {"direction": "ingress", "excluded": True},
                    ]
                },
            },
        ),
        "admin list metering-label-rule direction=egress&fields=remote_ip_prefix": Different(
            _HALF_MADE,
            {
                "status": 200,
                "body": {
                    "metering_label_rules": [
                        {"remote_ip_prefix": "10.0.0.0/24"},
                        {"remote_ip_prefix": "2001:db8::/32"},
                        *[{"remote_ip_prefix": None}] * 3,
                    ]
                },
            },
        ),
        'mara create metering-label {"name": "s", "shared": true}': Different(
            "a label that is shared is an admin's to make: it counts for all projects",
            error(
                403,
                "PolicyNotAuthorized",
                "(rule:create_metering_label and rule:create_metering_label:shared) is disallowed by policy",
            ),
        ),
        'mara create metering-label-rule {"metering_label_id": "$shared", "direction": "egress", "remote_ip_prefix": "10.0.0.0/24"}': Different(
            "the label of an admin is not for a project to change",
            error(404, "MeteringLabelNotFound", "Metering label '<shared>' does not exist."),
        ),
        'admin create metering-label-rule {"metering_label_id": "$shared", "direction": "ingress", "source_ip_prefix": "10.0.0.0/24", "destination_ip_prefix": "2001:db8::/32"}': Different(
            "no packet has addresses of two versions",
            error(400, "Invalid", "'source_ip_prefix' and 'destination_ip_prefix' are of different IP versions."),
        ),
    },
    "qos": {
        "mia list policy fields=name": Different(
            "shared policies are listed with any `fields`",
            {"status": 200, "body": {"policies": [{"name": "d"}, {"name": "s"}, {"name": "x"}]}},
        ),
        "otto list policy fields=name": Different("as above", {"status": 200, "body": {"policies": [{"name": "s"}]}}),
        "admin list policy is_default=true&fields=name": Different(
            "the filter filters", {"status": 200, "body": {"policies": [{"name": "def"}]}}
        ),
        "admin GET /qos/policies/$p/bandwidth_limit_rules?direction=ingress&fields=max_kbps": Different(
            _FILTERS, {"status": 200, "body": {"bandwidth_limit_rules": [{"max_kbps": 1000}]}}
        ),
        "otto GET /qos/alias_minimum_packet_rate_rules/$mpany": Different(
            "does not name the policy", error(404, "HTTPNotFound", "The resource could not be found.")
        ),
        'admin update policy $s {"shared": false}': Different(
            "says by whom",
            error(
                409,
                "RbacPolicyInUse",
                "RBAC policy on object <s> cannot be removed because other objects depend on it.\nDetails: qos_policy <s> is used by project <demo>",
            ),
        ),
    },
    "segments": {
        "admin list segment network_id=$one": But(_UNNAMED, {"body.segments[0].description": ""}),
        "admin list segment network_id=$tunnel": But(_UNNAMED, {"body.segments[0].description": ""}),
        "admin list segment network_id=$multi": But(
            _UNNAMED, {"body.segments[0].description": "", "body.segments[1].description": ""}
        ),
        "admin GET /segments?network_id=$routed": But(_UNNAMED, {"body.segments[0].description": ""}),
        'admin POST /segments {"segments": [{"network_id": "$one", "network_type": "vlan", "physical_network": "physnet2", "segmentation_id": 102}]}': Different(
            _BULK,
            error(
                409,
                "VlanIdInUse",
                "Unable to create the network. The VLAN 102 on physical network physnet2 is in use.",
            ),
        ),
        'admin create network {"name": "x", "segments": {}}': Different(
            "no list of segments is an error",
            error(400, "HTTPBadRequest", "Invalid input for segments. Reason: '{}' is not a list."),
        ),
        'admin update network $multi {"segments": [{"provider:network_type": "vxlan"}]}': Different(
            "a change that is not made is refused; Neutron passes over it",
            error(
                400,
                "InvalidInput",
                "Invalid input for operation: Plugin does not support updating the following provider network attributes: segments.",
            ),
        ),
        'mia create subnet {"name": "x", "network_id": "$mine", "ip_version": 4, "cidr": "10.2.0.0/24", "segment_id": "$r2"}': Different(
            "Neutron's rule for segment_id holds; Neutron does not ask it",
            error(
                403,
                "PolicyNotAuthorized",
                "(rule:create_subnet and rule:create_subnet:segment_id) is disallowed by policy",
            ),
        ),
        'admin create subnet {"name": "sub3", "network_id": "$routed", "ip_version": 4, "cidr": "10.3.0.0/24", "segment_id": "$r3"} -> sub3': But(
            _AT_ONCE,
            {
                "body.subnet.host_routes": [
                    {"destination": "10.2.0.0/24", "nexthop": "10.3.0.1"},
                    {"destination": "10.9.0.0/24", "nexthop": "10.3.0.1"},
                ]
            },
        ),
        'admin create subnet {"name": "own", "network_id": "$routed", "ip_version": 4, "cidr": "10.4.0.0/24", "segment_id": "$r3", "host_routes": [{"destination": "192.0.2.0/24", "nexthop": "10.4.0.7"}]} -> own': But(
            _AT_ONCE,
            {
                "body.subnet.host_routes": [
                    {"destination": "10.2.0.0/24", "nexthop": "10.4.0.1"},
                    {"destination": "10.9.0.0/24", "nexthop": "10.4.0.1"},
                    {"destination": "192.0.2.0/24", "nexthop": "10.4.0.7"},
                ]
            },
        ),
        "admin delete segment $r3": Different(
            "one reason at a time",
            error(
                409,
                "SegmentInUse",
                "Segment '<r3>' cannot be deleted: The segment is still associated with subnet(s) <sub3>.",
            ),
        ),
        "mia list subnet segment_id=$r2&fields=name": Different(
            "a list by a field that the caller may not see would tell its value; Neutron's does",
            {"status": 200, "body": {"subnets": []}},
        ),
    },
    "taps": {
        "mia list tap-service port_id=$monitor&fields=name": Different(
            _FILTERS, {"status": 200, "body": {"tap_services": [{"name": "s"}]}}
        ),
        "mia list tap-service name=s&fields=port_id": Different(
            _FILTERS, {"status": 200, "body": {"tap_services": [{"port_id": "<monitor>"}]}}
        ),
        "mia list tap-flow tap_service_id=$s&fields=name": Different(
            _FILTERS, {"status": 200, "body": {"tap_flows": [{"name": "f"}]}}
        ),
        "mia list tap-flow source_port=$source&fields=name": Different(
            _FILTERS, {"status": 200, "body": {"tap_flows": [{"name": "f"}]}}
        ),
        "mia list tap-flow direction=BOTH&fields=name": Different(
            _FILTERS, {"status": 200, "body": {"tap_flows": [{"name": "f"}]}}
        ),
        "mia list tap-mirror mirror_type=gre&fields=name": Different(
            _FILTERS, {"status": 200, "body": {"tap_mirrors": [{"name": "m"}]}}
        ),
        "mia list tap-mirror remote_ip=192.0.2.9&fields=name": Different(
            _FILTERS, {"status": 200, "body": {"tap_mirrors": [{"name": "m"}]}}
        ),
        "mia list tap-mirror port_id=$source&fields=name": Different(
            _FILTERS, {"status": 200, "body": {"tap_mirrors": [{"name": "m"}]}}
        ),
        'mia create tap-mirror {"port_id": "$source", "directions": {"IN": -1}, "remote_ip": "192.0.2.9", "mirror_type": "gre"}': Different(
            "a tunnel id is not negative",
            error(
                400,
                "InvalidInput",
                "Invalid input for operation: the tunnel id -1 of a mirror of type gre is not between 0 and 4294967295.",
            ),
        ),
    },
    "trunks": {
        "admin show port $s4": But(
            "a sub-port is owned at once; Neutron's host makes it so",
            {"body.port.device_id": "<inherits>", "body.port.device_owner": "trunk:subport"},
        ),
        "mia show port $s1": But(
            "as above", {"body.port.device_id": "<t2>", "body.port.device_owner": "trunk:subport"}
        ),
        'mia POST /trunks {"trunks": []}': Different(_BULK, error(400, "HTTPBadRequest", "Resources required")),
        'mia POST /trunks {"trunks": [{"port_id": "$parent"}]}': Different(
            _BULK,
            error(
                409,
                "ParentPortInUse",
                "Port <parent> is currently in use and is not eligible for use as a parent port.",
            ),
        ),
        'mia PUT /trunks/$t1 {"trunk": {"name": "old"}} If-Match: revision_number=0': Different(
            "an update without a change counts",
            error(412, "RevisionNumberConstraintFailed", "Constrained to 0, but current revision is 2"),
        ),
        'admin update port $parent {"binding:host_id": "host1", "device_id": "vm1", "device_owner": "compute:nova"}': But(
            "no bridge for each trunk: docs/trunks.md", {"body.port.binding:vif_details.bridge_name": "br-int"}
        ),
        "otto GET /trunks/$t1/tags": Different(_OTHERS, error(404, "TrunkNotFound", "Trunk <t1> could not be found.")),
    },
}
"""Script -> request -> what comes instead of Neutron's answer."""
