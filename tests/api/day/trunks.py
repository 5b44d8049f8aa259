"""Trunks: made, given sub-ports, and taken apart again, by a member."""

from tests.api.day.steps import Step

MADE = (
    *(Step(f"network create {name}", who="mia") for name in ("office", "red", "blue")),
    Step("port create --network office fw", keeps={"fw": "id"}, who="mia"),
    Step("port create --network red fw-red", keeps={"fw_red": "id"}, who="mia"),
    Step("port create --network blue fw-blue", keeps={"fw_blue": "id"}, who="mia"),
    Step(
        "network trunk create --parent-port fw --description uplink"
        " --subport port=fw-red,segmentation-type=vlan,segmentation-id=101 edge",
        shows={
            "name": "edge", "description": "uplink", "status": "DOWN", "port_id": "$fw", "is_admin_state_up": True,
            "sub_ports": [{"port_id": "$fw_red", "segmentation_id": 101, "segmentation_type": "vlan"}],
        },
        keeps={"trunk": "id"},
        who="mia",
    ),
    Step("network trunk create --parent-port fw other", fails="not eligible for use as a parent port", who="mia"),
    Step("network trunk list", lists=({"ID": "$trunk", "Name": "edge", "Parent Port": "$fw"},), who="mia"),
    Step("network trunk show edge", shows={"id": "$trunk"}),
)  # fmt: skip
CHANGED = (
    Step(
        "network trunk set --subport port=fw-blue,segmentation-type=vlan,segmentation-id=101 edge",
        fails="already in use on trunk",
        who="mia",
    ),
    Step("network trunk set --subport port=fw-blue,segmentation-type=vlan,segmentation-id=102 edge", who="mia"),
    Step(
        "network subport list --trunk edge",
        lists=(
            {"Port": "$fw_red", "Segmentation Type": "vlan", "Segmentation ID": 101},
            {"Port": "$fw_blue", "Segmentation Type": "vlan", "Segmentation ID": 102},
        ),
        who="mia",
    ),
    Step("port show fw-red", shows={"device_owner": "trunk:subport", "device_id": "$trunk"}, who="mia"),
    Step("port delete fw-red", fails="is currently a subport for trunk", who="mia"),
    Step("network trunk set --name border --disable edge", who="mia"),
    Step("network trunk show border", shows={"name": "border", "is_admin_state_up": False}, who="mia"),
    Step("network trunk unset --subport fw-red border", fails="currently disabled", who="mia"),
    Step("network trunk set --enable border", who="mia"),
    Step("network trunk unset --subport fw-red border", who="mia"),
    Step("port delete fw-red", who="mia"),
)
GONE = (
    Step("network trunk delete border", who="mia"),
    Step("port show fw-blue", shows={"device_owner": "", "device_id": ""}, who="mia"),
    Step("port delete fw fw-blue", who="mia"),
    Step("network delete office red blue", who="mia"),
)
