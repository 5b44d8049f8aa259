"""What is there besides networks: agents, availability zones, ports bound to hosts, and ranges of segments."""

from tests.api.day.steps import Step

AGENTS = (
    Step(
        "network agent list --agent-type open-vswitch",
        lists=(
            {"Host": "compute1", "Agent Type": "Open vSwitch agent", "Availability Zone": "east", "Alive": True},
            {"Host": "compute2", "Availability Zone": "west", "Alive": True, "State": True},
            {"Host": "compute3", "Availability Zone": "west", "Alive": False, "Binary": "tunbridge-agent"},
        ),
    ),
    Step("network agent list --host compute2 --agent-type open-vswitch", lists=({"Host": "compute2"},)),
    Step("network agent list --agent-type dhcp", lists=()),
    Step(
        "network agent list --agent-type l3",
        lists=tuple({"Host": host, "Agent Type": "L3 agent"} for host in ("compute1", "compute2", "compute3")),
    ),
    Step("network agent show $compute1", shows={"host": "compute1", "alive": True, "admin_state_up": True}),
    Step("network agent set --description rack7 --disable $compute1"),
    Step("network agent show $compute1", shows={"description": "rack7", "admin_state_up": False}),
    Step("network agent set --enable $compute1"),
    Step("network agent list", lists=(), who="mia"),
    Step("network agent set --disable $compute1", fails="No Agent found", who="mia"),
    Step(
        "availability zone list --network --long",
        lists=(
            *(
                {"Zone Name": "east", "Zone Resource": kind, "Zone Status": "available"}
                for kind in ("network", "router")
            ),
            *(
                {"Zone Name": "west", "Zone Resource": kind, "Zone Status": "available"}
                for kind in ("network", "router")
            ),
        ),
        who="mia",
    ),
    Step(
        "network create --availability-zone-hint east zoned",
        shows={"availability_zone_hints": ["east"]},
    ),
    Step("network create --availability-zone-hint mars nowhere", fails="AvailabilityZone mars could not be found"),
    Step("network delete zoned"),
)

GATEWAYS = (
    Step("network create --external --provider-network-type flat --provider-physical-network physnet1 uplink"),
    Step("subnet create --network uplink --subnet-range 198.51.100.0/24 uplink4"),
    Step("router create --external-gateway uplink edge", keeps={"edge": "id"}),
    Step("network agent list --router edge --long", lists=({"Host": "compute1", "HA State": "active"},)),
    Step("router list --agent $l3_compute1", lists=({"Name": "edge"},)),
    Step("network agent add router --l3 $l3_compute1 edge"),
    # The command does not look at the answers to these: that they are refused is in test_gateway_hosts.py.
    Step("network agent add router --l3 $l3_compute2 edge"),
    Step("network agent remove router --l3 $l3_compute1 edge"),
    Step("network agent list --router edge", lists=({"Host": "compute1"},)),
    Step("router delete edge"),
    Step("network delete uplink"),
)

SEVERAL_GATEWAYS = (
    *(
        step
        for name, network in (("one", "198.51.100"), ("two", "203.0.113"))
        for step in (
            Step(
                f"network create --external --provider-network-type flat --provider-physical-network phys{name} {name}",
                keeps={name: "id"},
            ),
            Step(f"subnet create --network {name} --subnet-range {network}.0/24 --gateway {network}.1 {name}4"),
        )
    ),
    Step("router create --external-gateway one --external-gateway two many", who="mia"),
    Step("port list --router many", lists=({"Status": "DOWN"}, {"Status": "DOWN"})),
    Step("router remove gateway many two", who="mia"),
    Step("port list --router many", lists=({"Status": "DOWN"},)),
    Step("port list --router many --network one", lists=({"Status": "DOWN"},)),
    Step("router add gateway many two --fixed-ip ip-address=203.0.113.9", fails="disallowed by policy", who="mia"),
    Step("router add gateway many two --fixed-ip ip-address=203.0.113.9"),
    Step("router add gateway many two --fixed-ip ip-address=203.0.113.10"),
    Step("port list --router many --fixed-ip ip-address=203.0.113.9 --network two", lists=({"Status": "DOWN"},)),
    Step("router remove gateway many two", fails="multiple gateway ports are attached to the same network"),
    Step("router remove gateway many two --fixed-ip ip-address=203.0.113.10"),
    Step("router set --enable-default-route-ecmp many"),
    Step("router show many", shows={"enable_default_route_ecmp": True}),
    Step("router set --external-gateway two --disable-snat many"),
    Step("port list --router many", lists=({"Status": "DOWN"},)),
    Step("port list --router many --network two", lists=({"Status": "DOWN"},)),
    Step("router set --external-gateway two --fixed-ip ip-address=203.0.113.20 many"),
    Step("port list --router many --fixed-ip ip-address=203.0.113.20 --network two", lists=({"Status": "DOWN"},)),
    Step("router unset --external-gateway many"),
    Step("port list --router many", lists=()),
    Step("router delete many"),
    Step("network delete one two"),
)

FLAVORS = (
    Step("network service provider list", lists=({"Service Type": "L3_ROUTER_NAT", "Name": "tunbridge"},), who="mia"),
    Step("network flavor create --service-type L3_ROUTER_NAT plain", keeps={"plain": "id"}),
    Step("network flavor profile create --driver tunbridge", keeps={"profile": "id"}),
    Step("network flavor add profile plain $profile"),
    Step("network flavor show plain", shows={"service_profile_ids": ["$profile"]}, who="mia"),
    Step("router create --flavor-id $plain flavoured", shows={"flavor_id": "$plain"}, who="mia"),
    Step("network flavor delete plain", fails="is used by some service instance"),
    Step("router delete flavoured", who="mia"),
    Step("network flavor remove profile plain $profile"),
    Step("network flavor delete plain"),
    Step("network flavor profile delete $profile"),
)

HELPERS = (
    Step("router create own", who="mia"),
    Step(
        "network l3 conntrack helper create --helper tftp --protocol udp --port 69 own",
        shows={"helper": "tftp", "port": 69},
        keeps={"tftp": "id"},
        who="mia",
    ),
    Step("network l3 conntrack helper create --helper sip --protocol udp --port 5060 own", fails="sip is not allowed"),
    Step("network l3 conntrack helper list own", lists=({"Helper": "tftp", "Protocol": "udp"},), who="mia"),
    Step("network l3 conntrack helper delete own $tftp", who="mia"),
    Step("router delete own", who="mia"),
)

BINDINGS = (
    Step("network create wide"),
    Step("network create --provider-network-type flat --provider-physical-network physnet1 flat"),
    Step("port create --network wide --host compute1 --device-owner compute:east vm"),
    Step("port set --binding-profile a=1 vm", fails="disallowed by policy"),
    Step("port set --binding-profile a=1 vm", who="nova"),
    Step(
        "port show vm",
        shows={
            "binding_host_id": "compute1",
            "binding_vif_type": "ovs",
            "binding_vif_details": {
                "port_filter": True,
                "connectivity": "l2",
                "ovs_hybrid_plug": False,
                "datapath_type": "system",
                "bridge_name": "br-int",
                "ovs_create_tap": True,
                "bound_drivers": {"0": "openvswitch"},
            },
            "binding_profile": {"a": "1"},
            "status": "DOWN",
        },
        keeps={"vm": "id"},
    ),
    Step("port list --host compute1", lists=({"ID": "$vm"},)),
    Step("port set --host compute3 vm"),
    Step("port show vm", shows={"binding_host_id": "compute3", "binding_vif_type": "binding_failed"}),
    Step("port set --host unknown vm"),
    Step("port show vm", shows={"binding_vif_type": "binding_failed", "binding_vif_details": {}}),
    Step("port set --host compute2 --binding-profile b=2 vm", who="nova"),
    Step(
        "port show vm",
        shows={
            "binding_host_id": "compute2",
            "binding_vif_type": "ovs",
            "binding_profile": {"a": "1", "b": "2"},
        },
    ),
    Step("port unset --host --binding-profile a vm", who="nova"),
    Step(
        "port show vm",
        shows={"binding_host_id": "", "binding_vif_type": "unbound", "binding_profile": {"b": "2"}},
    ),
    Step("port set --no-binding-profile vm", who="nova"),
    Step("port show vm", shows={"binding_profile": {}}),
    Step(
        "port create --network flat --host compute1 there",
        shows={"binding_vif_type": "ovs", "binding_host_id": "compute1"},
    ),
    Step("port create --network flat --host compute2 unwired", shows={"binding_vif_type": "binding_failed"}),
    Step(
        "port create --network wide --host compute1 --vnic-type direct sriov",
        shows={"binding_vif_type": "binding_failed", "binding_vnic_type": "direct"},
    ),
    Step("port delete vm there unwired sriov"),
    Step("network delete wide flat"),
)

RANGES = (
    Step(
        "network segment range create --network-type vlan --physical-network physnet1 --minimum 100 --maximum 102 "
        "--shared vlans",
        shows={"minimum": 100, "maximum": 102, "shared": True, "available": ["100-102"], "default": False},
        keeps={"vlans": "id"},
    ),
    Step(
        "network segment range create --network-type vlan --physical-network physnet1 --minimum 102 --maximum 110 "
        "--shared more",
        fails="overlap",
    ),
    Step(
        "network segment range create --private --project $demo --network-type vxlan --minimum 70000 --maximum 70001 "
        "theirs",
        shows={"shared": False, "project_id": "$demo", "network_type": "vxlan", "physical_network": ""},
    ),
    Step(
        "network create --provider-network-type vlan --provider-physical-network physnet1 picked",
        keeps={"picked": "provider:segmentation_id"},
    ),
    Step(
        "network segment range list --used",
        lists=({"ID": "$vlans", "Minimum ID": 100, "Maximum ID": 102}, {"Network Type": "vxlan", "Default": True}),
    ),
    Step("network segment range set --name wires --minimum 100 --maximum 120 vlans"),
    Step("network segment range show wires", shows={"id": "$vlans", "maximum": 120}),
    Step("network segment range set --minimum 119 --maximum 120 wires", fails="is referenced by one or more project"),
    Step("network segment range delete wires", fails="is referenced by one or more project"),
    Step("network segment range list", lists=(), who="mia"),
    Step("network delete picked"),
    Step("network segment range delete wires theirs"),
    Step("network segment range list", lists=({"Network Type": "vxlan", "Default": True, "Maximum ID": 16777215},)),
)

FORGETTING = (
    Step("network agent delete $compute3"),
    Step("network agent list --agent-type open-vswitch", lists=({"Host": "compute1"}, {"Host": "compute2"})),
    Step("network agent list --host compute3", lists=()),
    Step("network agent show $compute3", fails="No Agent found"),
)
