"""Networks, subnets, subnet pools and address scopes."""

from tests.api.day.steps import Step

NETWORKS = (
    Step(
        "network create --description first --mtu 1400 --dns-domain blue.example. --tag prod --tag blue blue",
        shows={
            "name": "blue",
            "description": "first",
            "mtu": 1400,
            "dns_domain": "blue.example.",
            "tags": ["blue", "prod"],
            "status": "ACTIVE",
            "admin_state_up": True,
            "shared": False,
            "router:external": False,
            "port_security_enabled": True,
            "provider:network_type": "vxlan",
            "provider:physical_network": None,
            "subnets": [],
        },
        keeps={"blue": "id"},
    ),
    Step(
        "network create --provider-network-type vlan --provider-physical-network physnet1 --provider-segment 77 "
        "--share --disable-port-security vlan77",
        shows={
            "provider:network_type": "vlan",
            "provider:physical_network": "physnet1",
            "provider:segmentation_id": 77,
            "shared": True,
            "port_security_enabled": False,
            "mtu": 1500,
        },
        keeps={"vlan77": "id"},
    ),
    Step(
        "network create --provider-network-type vlan --provider-physical-network physnet1 --provider-segment 77 again",
        fails="The VLAN 77 on physical network physnet1 is in use",
    ),
    Step(
        "network create --external --default --provider-network-type flat --provider-physical-network physnet2 outside",
        shows={"router:external": True, "is_default": True, "provider:network_type": "flat"},
    ),
    Step(
        "network create --transparent-vlan seethrough",
        shows={"is_vlan_transparent": True, "mtu": 1446},
    ),
    Step("network delete seethrough"),
    Step("network create --provider-network-type local local", shows={"provider:network_type": "local"}),
    Step(
        "network list --long --name blue",
        lists=({"ID": "$blue", "Name": "blue", "State": True, "Network Type": "vxlan", "Tags": ["blue", "prod"]},),
    ),
    Step("network list --external", lists=({"Name": "outside"},)),
    Step("network list --share", lists=({"Name": "vlan77"},)),
    Step("network list --tags blue,prod", lists=({"Name": "blue"},)),
    Step("network list --any-tags blue,none", lists=({"Name": "blue"},)),
    Step("network list --internal --not-tags prod", lists=({"Name": "vlan77"}, {"Name": "local"})),
    Step("network list --provider-physical-network physnet1 --provider-segment 77", lists=({"Name": "vlan77"},)),
    Step("network list --disable", lists=()),
    Step("network list --status ACTIVE --project admin --max-items 2 --limit 1", lists=({}, {})),
    Step("network set --name azure --disable --mtu 1300 --description '' --no-tag --tag sea blue"),
    Step(
        "network show azure",
        shows={"id": "$blue", "admin_state_up": False, "mtu": 1300, "description": "", "tags": ["sea"]},
    ),
    Step("network set --share --external --enable --disable-port-security azure"),
    Step(
        "network show $blue",
        shows={"shared": True, "router:external": True, "admin_state_up": True, "port_security_enabled": False},
    ),
    Step("network set --no-share --internal --name blue --enable-port-security azure"),
    Step("network set --mtu 9000 blue", fails="Requested MTU is too big, maximum is 1450"),
    Step("network unset --tag sea blue"),
    Step("network show blue", shows={"tags": [], "shared": False, "router:external": False}),
    Step("network show nowhere", fails="No Network found for nowhere"),
    Step("network show blue", fails="No Network found for blue", who="rita"),
    Step("network show outside", shows={"router:external": True, "provider:network_type": None}, who="rita"),
    Step("network create theirs", fails="disallowed by policy", who="rita"),
    Step("network set --name mine vlan77", fails="disallowed by policy", who="mia"),
    Step("network delete local"),
    Step("network list --name local", lists=()),
)

SUBNETS = (
    Step(
        "subnet create --network blue --subnet-range 10.0.5.0/24 --allocation-pool start=10.0.5.10,end=10.0.5.99 "
        "--allocation-pool start=10.0.5.120,end=10.0.5.130 --dns-nameserver 192.0.2.53 --dns-nameserver 192.0.2.54 "
        "--host-route destination=10.9.0.0/16,gateway=10.0.5.9 --gateway 10.0.5.254 --description four --tag v4 "
        "--service-type compute:nova blue4",
        shows={
            "cidr": "10.0.5.0/24",
            "ip_version": 4,
            "gateway_ip": "10.0.5.254",
            "allocation_pools": [
                {"start": "10.0.5.10", "end": "10.0.5.99"},
                {"start": "10.0.5.120", "end": "10.0.5.130"},
            ],
            "dns_nameservers": ["192.0.2.53", "192.0.2.54"],
            "host_routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.5.9"}],
            "service_types": ["compute:nova"],
            "enable_dhcp": True,
            "network_id": "$blue",
            "tags": ["v4"],
        },
        keeps={"blue4": "id"},
    ),
    Step(
        "subnet create --network blue --ip-version 6 --subnet-range 2001:db8::/64 --ipv6-ra-mode slaac "
        "--ipv6-address-mode slaac blue6",
        shows={
            "ip_version": 6,
            "ipv6_ra_mode": "slaac",
            "ipv6_address_mode": "slaac",
        },
        keeps={"blue6": "id"},
    ),
    Step(
        "subnet create --network vlan77 --subnet-range 10.77.0.0/24 --gateway none --no-dhcp vlan77-4",
        shows={
            "gateway_ip": None,
            "enable_dhcp": False,
            "allocation_pools": [{"start": "10.77.0.1", "end": "10.77.0.254"}],
        },
    ),
    Step("subnet create --network blue --subnet-range 10.0.5.128/25 more", fails="overlaps with another subnet"),
    Step("subnet create --network blue --subnet-range 10.0.6.0/24 --gateway 10.0.7.1 out", shows={}),
    Step("subnet delete out"),
    Step(
        "subnet list --network blue --long",
        lists=(
            {"Name": "blue4", "Subnet": "10.0.5.0/24", "DHCP": True, "Gateway": "10.0.5.254", "IP Version": 4},
            {"Name": "blue6", "Subnet": "2001:db8::/64", "DHCP": True, "IP Version": 6},
        ),
    ),
    Step("subnet list --ip-version 6", lists=({"ID": "$blue6"},)),
    Step("subnet list --subnet-range 10.0.5.0/24 --gateway 10.0.5.254 --dhcp", lists=({"ID": "$blue4"},)),
    Step("subnet list --service-type compute:nova", lists=({"ID": "$blue4"},)),
    Step("subnet list --no-dhcp --tags v4", lists=()),
    Step("network list --name blue", lists=({"Subnets": ["$blue4", "$blue6"]},)),
    Step(
        "subnet set --name azure4 --no-dhcp --gateway 10.0.5.1 --dns-nameserver 192.0.2.55 "
        "--host-route destination=10.8.0.0/16,gateway=10.0.5.8 --service-type network:dhcp --tag more blue4"
    ),
    Step(
        "subnet show azure4",
        shows={
            "enable_dhcp": False,
            "gateway_ip": "10.0.5.1",
            "dns_nameservers": ["192.0.2.55", "192.0.2.53", "192.0.2.54"],
            "service_types": ["compute:nova", "network:dhcp"],
            "tags": ["more", "v4"],
        },
    ),
    Step(
        "subnet unset --dns-nameserver 192.0.2.54 --host-route destination=10.8.0.0/16,gateway=10.0.5.8 --tag more "
        "--allocation-pool start=10.0.5.120,end=10.0.5.130 --service-type compute:nova --service-type network:dhcp "
        "--gateway azure4"
    ),
    Step(
        "subnet show $blue4",
        shows={
            "gateway_ip": None,
            "dns_nameservers": ["192.0.2.55", "192.0.2.53"],
            "host_routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.5.9"}],
            "allocation_pools": [{"start": "10.0.5.10", "end": "10.0.5.99"}],
            "service_types": [],
            "tags": ["v4"],
        },
    ),
    Step(
        "subnet set --name blue4 --dhcp --no-dns-nameservers --no-host-route --no-allocation-pool "
        "--allocation-pool start=10.0.5.10,end=10.0.5.20 --gateway 10.0.5.1 azure4"
    ),
    Step(
        "subnet show blue4",
        shows={
            "dns_nameservers": [],
            "host_routes": [],
            "allocation_pools": [{"start": "10.0.5.10", "end": "10.0.5.20"}],
        },
    ),
    Step("subnet set --gateway 10.0.5.15 blue4", fails="Gateway ip 10.0.5.15 conflicts with allocation pool"),
    Step("ip availability show vlan77", shows={"total_ips": 254, "used_ips": 0}),
    Step("ip availability list --ip-version 4 --project admin", lists=({}, {})),
)

POOLS = (
    Step("address scope create --ip-version 4 --share inside", shows={"ip_version": 4, "shared": True}),
    Step("address scope create --ip-version 6 inside6", shows={"ip_version": 6, "shared": False}),
    Step("address scope set --name within inside", keeps={}),
    Step("address scope list --ip-version 4", lists=({"Name": "within", "IP Version": 4, "Shared": True},)),
    Step("address scope show within", keeps={"scope": "id"}),
    Step("address scope set --no-share within", fails="can't be unshared"),
    Step(
        "subnet pool create --pool-prefix 10.64.0.0/16 --pool-prefix 10.65.0.0/16 --default-prefix-length 26 "
        "--min-prefix-length 24 --max-prefix-length 28 --address-scope within --share --default --default-quota 1024 "
        "--description pool --tag pools pool",
        shows={
            "prefixes": ["10.64.0.0/15"],
            "default_prefixlen": 26,
            "min_prefixlen": 24,
            "max_prefixlen": 28,
            "default_quota": 1024,
            "address_scope_id": "$scope",
            "is_default": True,
            "shared": True,
            "ip_version": 4,
            "tags": ["pools"],
        },
        keeps={"pool": "id"},
    ),
    Step(
        "subnet pool create --pool-prefix 10.64.0.0/24 --address-scope within other",
        fails="subnetpools within an address scope must have unique prefixes",
    ),
    Step("subnet pool list --long --default", lists=({"ID": "$pool", "Default Prefix Length": 26, "Shared": True},)),
    Step("subnet pool list --address-scope within --share --tags pools", lists=({"Name": "pool"},)),
    Step("network create pooled", keeps={"pooled": "id"}),
    Step(
        "subnet create --network pooled --subnet-pool pool pooled1",
        shows={"cidr": "10.64.0.0/26", "subnetpool_id": "$pool", "gateway_ip": "10.64.0.1"},
    ),
    Step(
        "subnet create --network pooled --use-default-subnet-pool --prefix-length 28 pooled2",
        shows={"cidr": "10.64.0.64/28", "subnetpool_id": "$pool"},
    ),
    Step("subnet create --network pooled --subnet-pool pool --subnet-range 10.65.1.0/24 pooled3", shows={}),
    Step(
        "subnet create --network pooled --subnet-pool pool --prefix-length 20 big",
        fails="minimum allowed prefix is 24",
    ),
    Step(
        "subnet create --network pooled --subnet-pool pool --subnet-range 10.64.0.0/28 twice",
        fails="Failed to allocate subnet",
    ),
    Step("network show pooled", shows={"ipv4_address_scope": "$scope"}),
    Step("subnet list --subnet-pool pool", lists=({"Name": "pooled1"}, {"Name": "pooled2"}, {"Name": "pooled3"})),
    Step(
        "subnet pool set --name basin --pool-prefix 10.66.0.0/16 --default-prefix-length 27 --min-prefix-length 25 "
        "--no-default --description more --default-quota 2048 --tag big pool"
    ),
    Step(
        "subnet pool show basin",
        shows={
            "prefixes": ["10.64.0.0/15", "10.66.0.0/16"],
            "default_prefixlen": 27,
            "min_prefixlen": 25,
            "is_default": False,
            "description": "more",
            "default_quota": 2048,
            "tags": ["big", "pools"],
        },
    ),
    Step("subnet pool unset --tag big basin"),
    Step("subnet pool set --no-address-scope basin"),
    Step("subnet pool show basin", shows={"address_scope_id": None, "tags": ["pools"]}),
    Step("network show pooled", shows={"ipv4_address_scope": None}),
    Step("subnet pool delete basin", fails="existing allocations"),
    Step("subnet delete pooled1 pooled2 pooled3"),
    Step("subnet pool delete basin"),
    Step("address scope delete within inside6"),
    Step("address scope list", lists=()),
    Step("subnet pool list", lists=()),
    Step("network delete pooled"),
)
