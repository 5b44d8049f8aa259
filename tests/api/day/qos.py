"""Quality of service: policies and their rules, made by an admin and used by members."""

from tests.api.day.steps import Step

POLICIES = (
    Step(
        "network qos policy create --description slow --share bronze",
        shows={"name": "bronze", "description": "slow", "shared": True, "is_default": False, "rules": []},
        keeps={"bronze": "id"},
    ),
    Step("network qos policy create silver", shows={"shared": False}, keeps={"silver": "id"}),
    Step("network qos policy create gold", fails="disallowed by policy", who="mia"),
    Step("network qos policy list", lists=({"ID": "$bronze", "Name": "bronze", "Shared": True},), who="mia"),
    Step("network qos policy show silver", fails="No QoSPolicy found for silver", who="mia"),
    Step("network qos policy set --default silver"),
    Step("network qos policy show silver", shows={"is_default": True}),
    Step("network qos policy set --no-default --name iron silver"),
    Step("network qos policy show iron", shows={"is_default": False, "id": "$silver"}),
)
RULES = (
    Step(
        "network qos rule create --type bandwidth-limit --max-kbps 3000 --max-burst-kbits 300 --egress bronze",
        shows={"max_kbps": 3000, "max_burst_kbps": 300, "direction": "egress"},
        keeps={"egress": "id"},
    ),
    Step(
        "network qos rule create --type bandwidth-limit --max-kbps 4000 --ingress bronze",
        shows={"max_kbps": 4000, "max_burst_kbps": 0, "direction": "ingress"},
        keeps={"ingress": "id"},
    ),
    Step(
        "network qos rule create --type dscp-marking --dscp-mark 26 bronze",
        shows={"dscp_mark": 26},
        keeps={"mark": "id"},
    ),
    Step("network qos rule create --type dscp-marking --dscp-mark 8 bronze", fails="conflicts with rule $mark"),
    Step(
        "network qos rule create --type minimum-bandwidth --min-kbps 100 --egress bronze",
        shows={"min_kbps": 100, "direction": "egress"},
        keeps={"least": "id"},
    ),
    Step("network qos rule delete bronze $least"),
    Step(
        "network qos rule list bronze",
        lists=(
            {"ID": "$egress", "Type": "bandwidth_limit", "Max Kbps": 3000, "Max Burst Kbits": 300},
            {"ID": "$ingress", "Direction": "ingress"},
            {"ID": "$mark", "Type": "dscp_marking", "DSCP mark": 26},
        ),
    ),
    Step("network qos rule set --max-kbps 3500 bronze $egress"),
    Step("network qos rule show bronze $egress", shows={"max_kbps": 3500, "max_burst_kbps": 300}),
    Step("network qos rule delete bronze $ingress"),
    Step("network qos rule show bronze $ingress", fails="Rule not found"),
    Step(
        "network qos rule type list",
        lists=(
            {"Type": "bandwidth_limit"},
            {"Type": "packet_rate_limit"},
            {"Type": "dscp_marking"},
            {"Type": "minimum_bandwidth"},
            {"Type": "minimum_packet_rate"},
        ),
    ),
    Step("network qos rule type list --all-supported", lists=({}, {}, {}, {}, {})),
    Step("network qos rule type show dscp_marking", shows={"rule_type_name": "dscp_marking"}),
)
USES = (
    Step(
        "network create --qos-policy bronze shop", shows={"qos_policy_id": "$bronze"}, keeps={"shop": "id"}, who="mia"
    ),
    Step(
        "port create --network shop till",
        shows={"qos_policy_id": None, "qos_network_policy_id": "$bronze"},
        who="mia",
    ),
    Step("port set --qos-policy bronze till", who="mia"),
    Step("port set --qos-policy $silver till", fails="No QoSPolicy found", who="mia"),
    Step("port show till", shows={"qos_policy_id": "$bronze"}, who="mia"),
    Step("network qos policy delete bronze", fails="is used by"),
    Step("network set --no-qos-policy shop", who="mia"),
    Step("port unset --qos-policy till", who="mia"),
    Step("port show till", shows={"qos_policy_id": None, "qos_network_policy_id": None}, who="mia"),
    Step("port delete till", who="mia"),
    Step("network delete shop", who="mia"),
    Step(
        "network rbac create --type qos_policy --action access_as_shared --target-project $demo iron",
        shows={"object_type": "qos_policy", "object_id": "$silver"},
        keeps={"access": "id"},
    ),
    Step("network qos policy show iron", shows={"id": "$silver", "shared": True}, who="mia"),
    Step("network rbac delete $access"),
    Step("network qos policy delete bronze iron"),
    Step("network qos policy list", lists=()),
)
