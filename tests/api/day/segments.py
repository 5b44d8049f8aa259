"""A routed provider network: segments and subnets of two racks, and a port whose address waits for its host."""

from tests.api.day.steps import Step

SEGMENTS = (
    Step(
        "network create --provider-network-type vlan --provider-physical-network physnet1 --provider-segment 101 multi",
        shows={"provider:segmentation_id": 101},
        keeps={"multi": "id"},
    ),
    Step("network segment list --network multi -c ID -c Name", lists=({"Name": None},)),
    Step(
        "network segment create --network multi --network-type vlan --physical-network physnet2 --segment 102"
        " --description second s2",
        shows={
            "name": "s2", "network_id": "$multi", "network_type": "vlan", "physical_network": "physnet2",
            "segmentation_id": 102, "description": "second",
        },
        keeps={"s2": "id"},
    ),
    Step(
        "network segment list --network multi --long",
        lists=(
            {"Network Type": "vlan", "Segment": 101, "Physical Network": "physnet1"},
            {"ID": "$s2", "Name": "s2", "Segment": 102, "Physical Network": "physnet2"},
        ),
    ),
    Step("network segment set --name rack2 s2"),
    Step("network segment show rack2", shows={"id": "$s2", "name": "rack2"}),
    Step("network segment list", lists=(), who="mia"),
    Step(
        "network segment create --network multi --network-type vlan --physical-network physnet2 --segment 102 s3",
        fails="The VLAN 102 on physical network physnet2 is in use",
    ),
    Step(
        "subnet create --network multi --network-segment rack2 --subnet-range 10.2.0.0/24 two",
        shows={"segment_id": "$s2"},
        keeps={"two": "id"},
    ),
    Step(
        "subnet create --network multi --subnet-range 10.3.0.0/24 three",
        fails="must either all be associated with segments or all not associated",
    ),
    Step("network show multi", shows={"l2_adjacency": False}),
    Step("network segment delete rack2", fails="The segment is still associated with subnet(s) $two"),
)  # fmt: skip
PORTS = (
    Step("port create --network multi vm", shows={"fixed_ips": [], "ip_allocation": "deferred"}),
    Step("port set --host compute1 vm", fails="is not connected to any segments on routed provider network"),
    Step("port show vm", shows={"fixed_ips": [], "binding_host_id": ""}),
    Step("port delete vm"),
    Step("subnet delete two"),
    Step("network segment delete rack2"),
    Step("network show multi", shows={"provider:segmentation_id": 101}),
    Step("subnet create --network multi --subnet-range 10.1.0.0/24 one", shows={"segment_id": None}),
    Step("port create --network multi --host compute1 vm", shows={"ip_allocation": "immediate"}),
    Step("port delete vm"),
    Step("network delete multi"),
)
