"""Tap services and tap flows: made, changed and taken away by a member."""

from tests.api.day.steps import Step

TAPS = (
    Step("network create tapped", who="mia"),
    Step("port create --network tapped source", keeps={"source": "id"}, who="mia"),
    Step("port create --network tapped receiver", keeps={"receiver": "id"}, who="mia"),
    Step(
        "tap service create --name ids --description sees --port receiver",
        shows={"name": "ids", "description": "sees", "port_id": "$receiver", "status": "DOWN"},
        keeps={"ids": "id"},
        who="mia",
    ),
    Step(
        "tap flow create --name web --port source --tap-service ids --direction BOTH",
        shows={
            "name": "web", "source_port": "$source", "tap_service_id": "$ids", "direction": "BOTH", "status": "DOWN",
        },
        keeps={"web": "id"},
        who="mia",
    ),
    Step(
        "tap flow create --port receiver --tap-service ids --direction IN",
        fails="cannot be its source as well",
        who="mia",
    ),
    Step("tap service update --name zeek --description Z ids", who="mia"),
    Step("tap service show zeek", shows={"id": "$ids", "description": "Z"}, who="mia"),
    Step("tap service list", lists=({"ID": "$ids", "Name": "zeek", "Port": "$receiver"},), who="mia"),
    Step("tap flow update --name lamp web", who="mia"),
    Step("tap flow show lamp", shows={"id": "$web"}, who="mia"),
    Step("tap flow list", lists=({"ID": "$web", "Name": "lamp", "Direction": "BOTH"},), who="mia"),
    Step("tap flow delete lamp", who="mia"),
    Step("tap flow create --port source --tap-service zeek --direction OUT", who="mia"),
    Step("tap service delete zeek", who="mia"),
    Step("tap flow list", lists=(), who="mia"),
    Step("port delete source receiver", who="mia"),
    Step("network delete tapped", who="mia"),
)  # fmt: skip
