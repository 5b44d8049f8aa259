"""Metering labels, which the openstack command calls meters."""

from tests.api.day.steps import Step

METERS = (
    Step("network meter create --description sold web", shows={"name": "web", "shared": False}, keeps={"web": "id"}),
    Step("network meter create more", fails="disallowed by policy", who="mia"),
    Step("network meter create --share all", shows={"shared": True}),
    Step("network meter list", lists=({"ID": "$web", "Name": "web"}, {"Name": "all"})),
    Step("network meter show web", shows={"id": "$web", "description": "sold"}),
    Step(
        "network meter rule create --egress --source-ip-prefix 10.0.0.0/8 --exclude web",
        shows={
            "metering_label_id": "$web",
            "direction": "egress",
            "is_excluded": True,
            "source_ip_prefix": "10.0.0.0/8",
        },
        keeps={"rule": "id"},
    ),
    Step("network meter rule create --ingress web", fails="You must define at least one of the following"),
    Step("network meter rule list", lists=({"ID": "$rule", "Direction": "egress"},)),
    Step("network meter rule show $rule", shows={"destination_ip_prefix": None}),
    Step("network meter rule delete $rule"),
    Step("network meter delete web all"),
    Step("network meter list", lists=()),
)
