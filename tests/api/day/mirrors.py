"""Mirrors of a port: made, changed and taken away by a member."""

from tests.api.day.steps import Step

MIRRORS = (
    Step("network create watched", who="mia"),
    Step("port create --network watched seen", keeps={"seen": "id"}, who="mia"),
    Step(
        "tap mirror create --port seen --name see --description ids --directions IN=101 --directions OUT=102"
        " --remote-ip 192.0.2.99 --mirror-type erspanv1",
        shows={
            "name": "see", "description": "ids", "port_id": "$seen", "remote_ip": "192.0.2.99",
            "mirror_type": "erspanv1", "directions": {"IN": "101", "OUT": "102"},
        },
        keeps={"see": "id"},
        who="mia",
    ),
    Step(
        "tap mirror create --port seen --directions BOTH=102 --remote-ip 192.0.2.99 --mirror-type gre",
        fails="Tap Mirror with tunnel_id 102 already exists",
        who="mia",
    ),
    Step(
        "tap mirror create --port seen --directions IN=4000 --remote-ip 192.0.2.99 --mirror-type erspanv1",
        fails="is not between 0 and 1023",
        who="mia",
    ),
    Step("tap mirror update --name watch --description IDS see", who="mia"),
    Step("tap mirror show watch", shows={"id": "$see", "description": "IDS"}, who="mia"),
    Step("tap mirror list", lists=({"ID": "$see", "Name": "watch"},), who="mia"),
    Step("tap mirror delete watch", who="mia"),
    Step("port delete seen", who="mia"),
    Step("network delete watched", who="mia"),
)  # fmt: skip
