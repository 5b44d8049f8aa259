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
    "network_segment_range.project_id": "of a shared range: Neutron shows it as null in the answer to a create, later not",
    "security_group_rules[].standard_attr_id": "a number of Neutron's own tables that it lets out by mistake",
    "security_group_rules[].tags": "rules have no tags in the API; inside a group Neutron shows an empty list",
    **{
        f".{name}": "comes with its resource"
        for name in ("router", "floatingip", "trunk", "qos_policy", "router_route")
    },
}
"""Ends of paths in bodies that only Neutron has -> why."""
EXTRA: dict[str, str] = {
    "network.vlan_transparent": "declared for preview; Neutron shows it only with vlan_transparent = true",
    "networks[].vlan_transparent": "as above",
    "network.is_default": "Neutron leaves it out of networks that are not external, but for the answer to their create",
    "networks[].is_default": "as above",
    "subnetpool.default_quota": "Neutron leaves it out of the answer to an update",
    "default_security_group_rules[].created_at": "Neutron has no times and revisions for these rules",
    "default_security_group_rules[].updated_at": "as above",
    "default_security_group_rules[].revision_number": "as above",
    "quota.address_group": "address groups have a quota here: without one a project could fill the database",
    "quotas[].address_group": "as above",
}
"""Ends of paths in bodies that only this server has -> why."""
NUMBERS = {
    f"subnetpool.{name}_prefixlen": "a number, as the API reference has it" for name in ("default", "min", "max")
}
"""Ends of paths whose numbers Neutron writes as text -> why."""
VALUES: dict[str, tuple[Any, Any, str]] = {
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
    ".NeutronError.message": (
        "RBAC policy on object <net> cannot be removed because other objects depend on it.\n"
        "Details: Callback <callback> "
        'failed with "Unable to reconfigure sharing settings for network <net>. Multiple projects are using it."',
        "RBAC policy on object <net> cannot be removed because other objects depend on it.\n"
        "Details: network <net> is used by project <demo>",
        "says by whom, and not which callback failed",
    ),
}
"""Ends of paths -> Neutron's value, the one here, why."""
_UNSEEN = "a list by a field that the caller may not see would tell its value; Neutron's does"
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
    'otto create security-group-rule {"security_group_id": "$g", "direction": "ingress", "remote_group_id": "x"}': Different(
        "what is no id is told as such",
        error(400, "HTTPBadRequest", "Invalid input for remote_group_id. Reason: 'x' is not a valid UUID."),
    ),
    'otto create security-group-rule {"security_group_id": "x", "direction": "ingress"}': Different(
        "what is no id is told as such",
        error(400, "HTTPBadRequest", "Invalid input for security_group_id. Reason: 'x' is not a valid UUID."),
    ),
    "mia PUT /address-groups/$ag/add_addresses {}": Different(
        "the body is looked at before the group", error(400, "HTTPBadRequest", "Resource body required")
    ),
    'mia create security-group-rule {"security_group_id": "$agg", "direction": "ingress", "remote_address_group_id": "$ag"} -> agr': Different(
        "what is no id is told as such",
        error(400, "HTTPBadRequest", "Invalid input for remote_address_group_id. Reason: '$ag' is not a valid UUID."),
    ),
    'mia create security-group-rule {"security_group_id": "$agg", "direction": "ingress", "remote_address_group_id": "$ag", "remote_ip_prefix": "10.0.0.0/8"}': Different(
        "what is no id is told as such",
        error(400, "HTTPBadRequest", "Invalid input for remote_address_group_id. Reason: '$ag' is not a valid UUID."),
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
    'mia create network {"vlan_transparent": true}': Different(
        "declared for preview, and refused clearly",
        error(400, "VlanTransparencyDriverError", "Backend does not support VLAN Transparency."),
    ),
    'mia create subnetpool {"name": "x", "prefixes": ["10.32.0.0/17"], "address_scope_id": "$scope6"}': Different(
        "a pool that is not made has no id to tell",
        error(
            400,
            "IllegalSubnetPoolIpVersionAssociationToAddressScope",
            "Illegal subnetpool association: subnetpool new cannot associate with address scope <scope6> because subnetpool ip_version is not 6.",
        ),
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
    'mia create rbac_policy {"object_type": "network", "object_id": "$net", "action": "access_as_shared", "target_tenant": "$demo"}': Different(
        "a network of another project is 404, not the text of a failed callback",
        error(404, "NetworkNotFound", "Network <net> could not be found."),
    ),
    'admin PUT /quotas/$other {"quota": {"address_group": 0, "network": 1}}': Different(
        "address groups have a quota here",
        error(400, "HTTPBadRequest", "Quota limit 1 for network must be greater than or equal to already used 2"),
    ),
    'mia PUT /networks/$b/tags {"tags": [""]}': Different(
        "an empty tag cannot be found again",
        error(400, "InvalidInput", "Invalid input for operation: '' is not a tag: text of 1 to 255 characters."),
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
    "mia list network name=list-a&revision_number=1&fields=name": Different(
        "revision numbers begin at 0 here, for each kind of thing", {"status": 200, "body": {"networks": []}}
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
    **{
        f"mia {method} /networks/$b{body} If-Match: revision_number=999": Different(
            "revision numbers begin at 0 here, for each kind of thing",
            error(412, "RevisionNumberConstraintFailed", "Constrained to 999, but current revision is 0"),
        )
        for method, body in (("PUT", ' {"network": {"name": "more-b"}}'), ("DELETE", ""))
    },
    'mia POST /agents {"agent": {}}': Different(
        "405: nobody can make one", error(405, "HTTPMethodNotAllowed", "The method is not allowed for this resource.")
    ),
}
"""Request -> what comes instead of Neutron's answer."""
