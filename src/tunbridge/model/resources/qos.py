"""Quality of service: policies, the rules in them, and the types of rules that this cloud carries out.

A rule belongs to its policy's project, which its column `project_id` repeats. Neutron has each kind of rule twice:
below its policy, and (extension `qos-rules-alias`) by its id alone.
"""

from typing import Any

from msgspec.structs import replace

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import REQUIRED, UNSET, Field, Resource, column_name, integer, ref, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import Schema, plain

DSCP_MARKS = (0, *range(8, 41, 2), 44, 46, 48, 56)
"""Values of the DSCP field that a rule may set (RFC 2474, 2597, 3246, 5865), as Neutron's."""
DIRECTIONS = ("egress", "ingress")
"""Seen from the workload: egress is what it sends."""
ANY_DIRECTION = "any"
"""Of packet rates: what it sends and what it receives, together."""
DIRECTIONS_AND_ANY = (*DIRECTIONS, ANY_DIRECTION)
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}

QOS_POLICY = Resource(
    name="policy",
    collection="policies",
    path="qos/policies",
    table="Qos_Policy",
    extension="qos",
    fields=(
        common.ID,
        common.NAME,
        common.flag("shared", False, filter=True),
        common.PROJECT,
        common.computed("rules", _OBJECTS),
        common.flag("is_default", False, "qos-default", filter=True),
        *common.STANDARD,
        common.tags(Who.ADMIN_OR_MANAGER, Who.READER_OR_SHARED),
    ),
    columns=(common.SHARES,),
    create_by=Who.ADMIN_OR_MANAGER,
    update_by=Who.ADMIN_OR_MANAGER,
    delete_by=Who.ADMIN_OR_MANAGER,
    get_by=Who.READER_OR_SHARED,
    tags=True,
)


def _limit(name: str, default: Any = REQUIRED) -> Field:
    check = plain.range_of(0, plain.MAX_INTEGER)
    return Field(name, check, convert.to_int, default=default, filter=True, sort=True, column=integer(name))


def _direction(extension: str, directions: tuple[str, ...] = DIRECTIONS) -> Field:
    check = plain.values(directions)
    return Field(
        "direction", check, default="egress", filter=True, sort=True, extension=extension, column=text("direction")
    )


def _rule(kind: str, extension: str, *fields: Field, one_for: tuple[str, ...] = ("direction",)) -> Resource:
    """A kind of rule; a policy has one for each value of `one_for`."""
    return Resource(
        name=f"{kind}_rule",
        collection=f"{kind}_rules",
        table="Qos_" + "_".join(word.capitalize() for word in kind.split("_")) + "_Rule",
        extension=extension,
        parent="policy",
        fields=(replace(common.ID, sort=True), *fields),
        columns=(ref("qos_policy_id", "Qos_Policy"), text("project_id")),
        indexes=(("qos_policy_id", *one_for),),
        create_by=Who.ADMIN_OR_MANAGER,
        update_by=Who.ADMIN_OR_MANAGER,
        delete_by=Who.ADMIN_OR_MANAGER,
    )


BANDWIDTH_LIMIT_RULE = _rule(
    "bandwidth_limit",
    "qos",
    _limit("max_kbps"),
    _limit("max_burst_kbps", default=0),
    _direction("qos-bw-limit-direction"),
)
"""kbit/s of Ethernet frames, and kbit at once; a burst of 0 is 80 % of what the limit lets pass in a second."""
PACKET_RATE_LIMIT_RULE = _rule(
    "packet_rate_limit", "qos-pps", _limit("max_kpps"), _limit("max_burst_kpps", default=0), _direction("qos-pps")
)
"""Thousands of packets per second, and thousands at once; a burst of 0 is 80 % as well."""
DSCP_MARKING_RULE = _rule(
    "dscp_marking",
    "qos",
    Field(
        "dscp_mark",
        plain.values(DSCP_MARKS),
        convert.to_int,
        filter=True,
        sort=True,
        column=integer("dscp_mark"),
    ),
    one_for=(),
)
MINIMUM_BANDWIDTH_RULE = _rule(
    "minimum_bandwidth", "qos", _limit("min_kbps"), _direction("qos")
)  # fmt: skip
"""kbit/s that are kept for a port on a physical network's NIC; ingress comes with `qos-bw-minimum-ingress`."""
MINIMUM_PACKET_RATE_RULE = _rule(
    "minimum_packet_rate",
    "qos-pps-minimum",
    _limit("min_kpps"),
    _direction("qos-pps-minimum", DIRECTIONS_AND_ANY),
)
"""Thousands of packets per second that a host is to have for a port: of a place in Placement, not of the data plane."""
MINIMUMS = (MINIMUM_BANDWIDTH_RULE, MINIMUM_PACKET_RATE_RULE)
RULES = (BANDWIDTH_LIMIT_RULE, PACKET_RATE_LIMIT_RULE, DSCP_MARKING_RULE, *MINIMUMS)


def _alias(rule: Resource, extension: str = "qos-rules-alias") -> Resource:
    """The same rules by their ids alone."""
    return replace(
        rule,
        name=f"alias_{rule.name}",
        collection=f"alias_{rule.collection}",
        path=f"qos/alias_{rule.collection}",
        extension=extension,
        parent=None,
        stored=False,
        has_list=False,
        has_post=False,
        create_by=Who.NOBODY,
        fields=tuple(replace(field, post=False) for field in rule.fields),
    )


ALIASES = (
    _alias(BANDWIDTH_LIMIT_RULE),
    _alias(DSCP_MARKING_RULE),
    _alias(MINIMUM_BANDWIDTH_RULE),
    _alias(MINIMUM_PACKET_RATE_RULE, "qos-pps-minimum-rule-alias"),
)
"""Neutron has none for packet rate limits."""

RULE_TYPE = Resource(
    name="rule_type",
    collection="rule_types",
    path="qos/rule-types",
    table="Qos_Policy",
    extension="qos",
    stored=False,
    key="type",
    fields=(
        common.computed("type", {"type": "string"}),
        common.computed("drivers", _OBJECTS, "qos-rule-type-details"),
        *(
            Field(
                name,
                convert=convert.to_boolean_if_not_none,
                default=UNSET,
                post=False,
                put=False,
                visible=False,
                filter=True,
                extension="qos-rule-type-filter",
            )
            for name in ("all_rules", "all_supported")
        ),
    ),
    create_by=Who.NOBODY,
    update_by=Who.NOBODY,
    delete_by=Who.NOBODY,
    get_by=Who.READER,
)


def policy_id(extension: str = "qos") -> Field:
    """The policy of a port, network or floating IP."""
    return Field(
        "qos_policy_id",
        plain.uuid_or_none,
        default=None,
        extension=extension,
        column=Column(column_name("qos_policy_id"), Type.REF, Cardinality.OPTIONAL, table="Qos_Policy", indexed=True),
    )
