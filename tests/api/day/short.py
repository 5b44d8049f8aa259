"""A short day, for each way to log in: one of every resource, made, seen, changed and deleted."""

from tests.api.day.steps import Step

ADMINS = (
    Step("network create --tag short blue", shows={"status": "ACTIVE"}, keeps={"blue": "id"}),
    Step("network set --description changed blue"),
    Step("network show blue", shows={"description": "changed", "tags": ["short"], "provider:network_type": "vxlan"}),
    Step("address scope create scope"),
    Step("subnet pool create --pool-prefix 10.3.0.0/16 --default-prefix-length 24 --address-scope scope pool"),
    Step("subnet create --network blue --subnet-pool pool blue4", shows={"cidr": "10.3.0.0/24"}),
    Step("security group create web"),
    Step("address group create --address 192.0.2.0/24 office", keeps={"office": "id"}),
    Step(
        "security group rule create --protocol tcp --dst-port 80 --remote-address-group office web",
        shows={"remote_address_group_id": "$office"},
    ),
    Step(
        "port create --network blue --security-group web --host nowhere vm",
        shows={"binding_vif_type": "binding_failed"},
    ),
    Step("port unset --host vm"),
    Step("port show vm", shows={"binding_vif_type": "unbound"}),
    Step(
        "network rbac create --type network --action access_as_shared --target-all-projects blue", keeps={"rbac": "id"}
    ),
    Step("network list --share", lists=({"ID": "$blue", "Name": "blue"},)),
    Step("ip availability show blue", shows={"used_ips": 1, "total_ips": 253}),
    Step("network segment range create --network-type vxlan --minimum 900 --maximum 950 --shared range"),
    Step("network segment range list", lists=({"Minimum ID": 900}, {"Minimum ID": 1, "Default": True})),
    Step("default security group rule list --egress", lists=({}, {})),
    Step("network agent list", lists=()),
    Step("availability zone list --network", lists=()),
    Step("network segment range delete range"),
    Step("network rbac delete $rbac"),
)
"""Done by an admin, who leaves what a member then looks at."""

WITH_PROJECTS = (
    Step("quota set --networks 7 demo"),
    Step("quota show --usage demo"),
    Step("quota list --network", lists=({"Networks": 7},)),
    Step("quota delete --network demo"),
)
"""Quotas: the client looks the project up in a Keystone, real or built in; without one, SDKs set them by project id."""

MEMBERS = (
    Step("network list", lists=(), who="mia"),
    Step("network delete $blue", fails="No Network found", who="mia"),
    Step("network agent list", lists=(), who="mia"),
    Step("network create --share mine", fails="disallowed by policy", who="mia"),
    Step("network create mine", shows={"provider:network_type": None, "shared": False}, who="mia"),
    Step("security group list", lists=({"Name": "default"},), who="mia"),
    Step("network delete mine", who="mia"),
)

ENDING = (
    Step("port delete vm"),
    Step("network delete blue"),
    Step("subnet pool delete pool"),
    Step("address scope delete scope"),
    Step("security group delete web"),
    Step("address group delete office"),
    Step("network list", lists=()),
)
