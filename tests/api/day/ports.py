"""Ports: addresses, security, options, and the hosts that they are bound to."""

from tests.api.day.steps import Step

PORTS = (
    Step("network create lan", keeps={"lan": "id"}, who="mia"),
    Step("subnet create --network lan --subnet-range 10.1.0.0/24 lan4", keeps={"lan4": "id"}, who="mia"),
    Step("security group create web", keeps={"web": "id"}, who="mia"),
    Step(
        "port create --network lan --fixed-ip subnet=lan4,ip-address=10.1.0.250 --mac-address fa:16:3e:aa:bb:cc "
        "--security-group web --description first --device server-1 --device-owner compute:east --dns-name www "
        "--allowed-address ip-address=10.1.0.100,mac-address=fa:16:3e:00:00:99 --tag vip "
        "--extra-dhcp-option name=mtu,value=1400,ip-version=4 www",
        shows={
            "name": "www",
            "mac_address": "fa:16:3e:aa:bb:cc",
            "fixed_ips": [{"subnet_id": "$lan4", "ip_address": "10.1.0.250"}],
            "security_group_ids": ["$web"],
            "device_id": "server-1",
            "device_owner": "compute:east",
            "dns_name": "www",
            "dns_assignment": [
                {"ip_address": "10.1.0.250", "hostname": "www", "fqdn": "www.openstacklocal."},
            ],
            "allowed_address_pairs": [{"ip_address": "10.1.0.100", "mac_address": "fa:16:3e:00:00:99"}],
            "extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1400", "ip_version": 4}],
            "status": "DOWN",
            "admin_state_up": True,
            "port_security_enabled": True,
            "tags": ["vip"],
        },
        keeps={"www": "id"},
        who="mia",
    ),
    Step("port show www", shows={"binding_vif_type": None, "binding_host_id": None}, who="mia"),
    Step("port show www", shows={"binding_vif_type": "unbound", "binding_host_id": "", "binding_vnic_type": "normal"}),
    Step("port create --network lan --fixed-ip ip-address=10.1.0.250 twice", fails="already allocated", who="mia"),
    Step("port create --network lan --fixed-ip ip-address=10.2.0.10 far", fails="not a valid IP", who="mia"),
    Step(
        "port create --network lan --mac-address fa:16:3e:aa:bb:cc same", fails="fa:16:3e:aa:bb:cc is in use", who="mia"
    ),
    Step("port create --network lan --host compute1 bound", fails="disallowed by policy", who="mia"),
    Step("port create --network lan --no-fixed-ip --disable bare", shows={"fixed_ips": []}, who="mia"),
    Step(
        "port create --network lan --no-security-group --disable-port-security open",
        shows={"security_group_ids": [], "port_security_enabled": False},
        who="mia",
    ),
    Step("port list --network lan", lists=({"Name": "www"}, {"Name": "bare"}, {"Name": "open"}), who="mia"),
    Step("port list --device-id server-1 --long", lists=({"ID": "$www", "Device Owner": "compute:east"},), who="mia"),
    Step("port list --mac-address fa:16:3e:aa:bb:cc", lists=({"ID": "$www"},), who="mia"),
    Step("port list --fixed-ip subnet=lan4,ip-address=10.1.0.250", lists=({"ID": "$www"},), who="mia"),
    Step("port list --fixed-ip ip-substring=.0.250", lists=({"ID": "$www"},), who="mia"),
    Step("port list --security-group $web --tags vip --device-owner compute:east", lists=({"ID": "$www"},), who="mia"),
    Step("port list --status ACTIVE", lists=(), who="mia"),
    Step("port list", lists=(), who="otto"),
    Step(
        "port set --name server --fixed-ip subnet=lan4,ip-address=10.1.0.11 --device server-2 --disable --tag more "
        "--allowed-address ip-address=10.1.0.101 --security-group default --dns-name web "
        "--extra-dhcp-option name=mtu,value=1300,ip-version=4 www",
        who="mia",
    ),
    Step(
        "port show server",
        shows={
            "fixed_ips": [
                {"subnet_id": "$lan4", "ip_address": "10.1.0.11"},
                {"subnet_id": "$lan4", "ip_address": "10.1.0.250"},
            ],
            "device_id": "server-2",
            "admin_state_up": False,
            "dns_name": "web",
            "extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1300", "ip_version": 4}],
            "allowed_address_pairs": [
                {"ip_address": "10.1.0.100", "mac_address": "fa:16:3e:00:00:99"},
                {"ip_address": "10.1.0.101", "mac_address": "fa:16:3e:aa:bb:cc"},
            ],
            "tags": ["more", "vip"],
        },
        who="mia",
    ),
    Step(
        "port unset --fixed-ip subnet=lan4,ip-address=10.1.0.250 --security-group web --tag more "
        "--allowed-address ip-address=10.1.0.100,mac-address=fa:16:3e:00:00:99 --device --device-owner server",
        who="mia",
    ),
    Step(
        "port show server",
        shows={
            "fixed_ips": [{"subnet_id": "$lan4", "ip_address": "10.1.0.11"}],
            "device_id": "",
            "device_owner": "",
            "tags": ["vip"],
        },
        who="mia",
    ),
    Step(
        "subnet create --network lan --ip-version 6 --subnet-range 2001:db8:1::/64 --ipv6-ra-mode slaac "
        "--ipv6-address-mode slaac lan6",
        keeps={"lan6": "id"},
        who="mia",
    ),
    Step(
        "port create --network lan --mac-address fa:16:3e:00:00:01 --no-fixed-ip slaac",
        shows={"fixed_ips": [{"subnet_id": "$lan6", "ip_address": "2001:db8:1:0:f816:3eff:fe00:1"}]},
        who="mia",
    ),
    Step("port set --no-security-group --no-allowed-address server", who="mia"),
    Step("port set --disable-port-security server", who="mia"),
    Step("port show server", shows={"port_security_enabled": False}, who="mia"),
    Step("network delete lan", fails="There are one or more ports still in use on the network", who="mia"),
    Step("port delete server bare open slaac", who="mia"),
    Step("network delete lan", who="mia"),
    Step("security group delete web", who="mia"),
    Step("subnet show lan4", fails="No Subnet found for lan4", who="mia"),
)
