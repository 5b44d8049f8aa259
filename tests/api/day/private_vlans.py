"""Private VLANs: a network made private, ports of each kind, what is refused, and a list of them."""

from tests.api.day.steps import Step

_NET = "port create --network pv"
PRIVATE_VLANS = (
    Step("network create --pvlan pv", shows={"pvlan": True}, who="mia"),
    Step("subnet create --network pv --subnet-range 10.78.0.0/24 pv4", who="mia"),
    Step(f"{_NET} gate", shows={"pvlan_type": "promiscuous", "pvlan_community": None}, who="mia"),
    Step(f"{_NET} --pvlan-type isolated alone", shows={"pvlan_type": "isolated"}, keeps={"alone": "id"}, who="mia"),
    Step(
        f"{_NET} --pvlan-type community --pvlan-community web shop",
        shows={"pvlan_type": "community", "pvlan_community": "web"},
        keeps={"shop": "id"},
        who="mia",
    ),
    Step(f"{_NET} --pvlan-type community no", fails="--pvlan-community is required", who="mia"),
    Step(f"{_NET} --disable-port-security --no-security-group no", fails="cannot set PVLAN", who="mia"),
    Step(
        "port list --network pv --pvlan-type isolated",
        lists=({"ID": "$alone", "PVLAN Type": "isolated", "PVLAN Community": None},),
        who="mia",
    ),
    Step("port list --network pv --pvlan-community web", lists=({"ID": "$shop"},), who="mia"),
    Step("port set --pvlan-type community --pvlan-community web alone", who="mia"),
    Step("port show alone", shows={"pvlan_type": "community", "pvlan_community": "web"}, who="mia"),
    Step("port set --pvlan-type isolated alone", who="mia"),
    Step("network list --pvlan", lists=({"Name": "pv"},), who="mia"),
    Step("network set --no-pvlan pv", who="mia"),
    Step("port show shop", shows={"pvlan_type": None, "pvlan_community": None}, who="mia"),
    Step("port set --pvlan-type isolated shop", fails="PVLAN", who="mia"),
    Step("network set --pvlan pv", who="mia"),
    Step("port show shop", shows={"pvlan_type": "promiscuous"}, who="mia"),
    Step("port delete gate alone shop", who="mia"),
    Step("network delete pv", who="mia"),
)
