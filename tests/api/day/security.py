"""Security groups and their rules, the rules of new groups, and address groups."""

from tests.api.day.steps import Step

ADDRESS_GROUPS = (
    Step(
        "address group create --address 10.1.0.0/16 --address 192.0.2.7 --description offices offices",
        shows={"addresses": ["10.1.0.0/16", "192.0.2.7/32"], "description": "offices"},
        keeps={"offices": "id"},
        who="mia",
    ),
    Step("address group set --name places --description '' --address 2001:db8::/32 offices", who="mia"),
    Step(
        "address group show places",
        shows={"id": "$offices", "addresses": ["10.1.0.0/16", "192.0.2.7/32", "2001:db8::/32"], "description": ""},
        who="mia",
    ),
    Step("address group unset --address 192.0.2.7 places", who="mia"),
    Step("address group list --name places", lists=({"Addresses": ["10.1.0.0/16", "2001:db8::/32"]},), who="mia"),
    Step("address group list", lists=(), who="otto"),
    Step("address group create --address 300.0.0.1 wrong", fails="300.0.0.1", who="mia"),
)

GROUPS = (
    Step("security group list", lists=({"Name": "default"},), who="mia"),
    Step("security group show default", keeps={"default": "id"}, who="mia"),
    Step("security group set --name other default", fails="Updating default security group not allowed", who="mia"),
    Step("security group delete default", fails="Insufficient rights for removing default security group", who="mia"),
    Step("security group create default", fails="Default security group already exists", who="mia"),
    Step(
        "security group create --description servers --tag www --stateless web",
        shows={"name": "web", "description": "servers", "stateful": False, "tags": ["www"], "is_shared": False},
        keeps={"web": "id"},
        who="mia",
    ),
    Step("security group set --name www --description '' --stateful --tag more web", who="mia"),
    Step("security group show www", shows={"stateful": True, "description": "", "tags": ["more", "www"]}, who="mia"),
    Step("security group unset --tag more www", who="mia"),
    Step("security group list --tags www", lists=({"ID": "$web", "Name": "www", "Tags": ["www"]},), who="mia"),
    Step("security group set --name web www", who="mia"),
)

RULES = (
    Step(
        "security group rule create --protocol tcp --dst-port 80:443 --remote-ip 192.0.2.77/24 --description http web",
        shows={
            "direction": "ingress",
            "ether_type": "IPv4",
            "protocol": "tcp",
            "port_range_min": 80,
            "port_range_max": 443,
            "remote_ip_prefix": "192.0.2.77/24",
            "normalized_cidr": "192.0.2.0/24",
            "description": "http",
            "security_group_id": "$web",
            "belongs_to_default_sg": False,
        },
        keeps={"http": "id"},
        who="mia",
    ),
    Step(
        "security group rule create --protocol tcp --dst-port 80:443 --remote-ip 192.0.2.77/24 web",
        fails="Security group rule already exists",
        who="mia",
    ),
    Step(
        "security group rule create --egress --ethertype IPv6 --protocol ipv6-icmp --icmp-type 128 --icmp-code 0 web",
        shows={
            "direction": "egress",
            "ether_type": "IPv6",
            "protocol": "ipv6-icmp",
            "port_range_min": 128,
            "port_range_max": 0,
        },
        who="mia",
    ),
    Step(
        "security group rule create --protocol any --remote-group default web",
        shows={"protocol": None, "remote_group_id": "$default", "remote_ip_prefix": None},
        keeps={"from_default": "id"},
        who="mia",
    ),
    Step(
        "security group rule create --protocol udp --dst-port 53 --remote-address-group places web",
        shows={"protocol": "udp", "remote_address_group_id": "$offices", "port_range_min": 53, "port_range_max": 53},
        keeps={"dns": "id"},
        who="mia",
    ),
    Step(
        "security group rule create --protocol 132 web",
        shows={"protocol": "132", "remote_ip_prefix": "0.0.0.0/0"},
        who="mia",
    ),
    Step(
        "security group rule create --protocol tcp --dst-port 443:80 web",
        fails="443 is not less than 80",
        who="mia",
    ),
    Step(
        "security group rule create --ethertype IPv6 --remote-ip 10.0.0.0/8 web", fails="Conflicting value", who="mia"
    ),
    Step("security group rule create --protocol nonsense web", fails="protocol nonsense", who="mia"),
    Step("security group rule list --protocol tcp --ingress web", lists=({"ID": "$http"},), who="mia"),
    Step(
        "security group rule list web",
        lists=(
            {"Ethertype": "IPv4", "Direction": "egress", "IP Protocol": None},
            {"Ethertype": "IPv6", "Direction": "egress", "IP Protocol": None},
            {"Ethertype": "IPv6", "Direction": "egress", "IP Protocol": "ipv6-icmp"},
            {"ID": "$http", "IP Range": "192.0.2.77/24", "Port Range": "80:443"},
            {"ID": "$from_default", "Remote Security Group": "$default"},
            {"ID": "$dns", "Remote Address Group": "$offices", "Port Range": "53:53"},
            {"IP Protocol": "132"},
        ),
        who="mia",
    ),
    Step("security group rule show $dns", shows={"remote_address_group_id": "$offices"}, who="mia"),
    Step("security group rule show $dns", fails="No SecurityGroupRule found", who="otto"),
    Step("address group delete places", fails="in use", who="mia"),
    Step("security group rule delete $dns $http", who="mia"),
    Step("address group delete places", who="mia"),
    Step("security group create theirs", fails="disallowed by policy", who="rita"),
    Step("security group delete web", who="mia"),
)

DEFAULT_RULES = (
    Step(
        "default security group rule list --ingress",
        lists=(
            {"Ethertype": "IPv4", "Remote Security Group": "PARENT", "Used in custom Security Group": False},
            {"Ethertype": "IPv6", "Remote Security Group": "PARENT", "Used in default Security Group": True},
        ),
    ),
    Step(
        "default security group rule create --protocol tcp --dst-port 22 --for-default-sg --for-custom-sg "
        "--description ssh --remote-ip 192.0.2.0/24",
        shows={
            "protocol": "tcp",
            "port_range_min": 22,
            "used_in_default_sg": True,
            "used_in_non_default_sg": True,
            "remote_ip_prefix": "192.0.2.0/24",
        },
        keeps={"ssh": "id"},
    ),
    Step("default security group rule show $ssh", shows={"description": "ssh", "direction": "ingress"}),
    Step("default security group rule create --protocol udp", fails="disallowed by policy", who="mia"),
    Step("security group create later", keeps={"later": "id"}, who="mia"),
    Step(
        "security group rule list --ingress later",
        lists=({"IP Protocol": "tcp", "Port Range": "22:22", "IP Range": "192.0.2.0/24"},),
        who="mia",
    ),
    Step("default security group rule delete $ssh"),
    Step("default security group rule show $ssh", fails="No DefaultSecurityGroupRule found"),
    Step("security group delete later", who="mia"),
)
