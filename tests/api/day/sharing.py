"""What projects let each other use (RBAC), and how much each may have (quotas)."""

from tests.api.day.steps import Step

RBAC = (
    Step("network create garden", shows={}, keeps={"garden": "id"}, who="mia"),
    Step("network show garden", fails="No Network found", who="otto"),
    Step(
        "network rbac create --type network --action access_as_shared --target-project $other garden",
        shows={
            "object_type": "network",
            "object_id": "$garden",
            "action": "access_as_shared",
            "target_project_id": "$other",
        },
        keeps={"to_other": "id"},
        who="mia",
    ),
    Step("network show garden", shows={"id": "$garden", "shared": True}, who="otto"),
    Step("network set --name mine garden", fails="disallowed by policy", who="otto"),
    Step("port create --network garden guest", keeps={"guest": "id"}, who="otto"),
    Step("network rbac delete $to_other", fails="cannot be removed because other objects depend on it", who="mia"),
    Step("port delete guest", who="otto"),
    Step("network rbac list --type network --long", lists=({"ID": "$to_other"},), who="mia"),
    Step("network rbac list", lists=(), who="otto"),
    Step("network rbac show $to_other", shows={"object_id": "$garden"}, who="mia"),
    Step("network rbac set --target-project $demo $to_other", who="mia"),
    Step("network rbac show $to_other", shows={"target_project_id": "$demo"}, who="mia"),
    Step("network show garden", fails="No Network found", who="otto"),
    Step("network rbac delete $to_other", who="mia"),
    Step(
        "network rbac create --type network --action access_as_shared --target-all-projects garden",
        fails="disallowed by policy",
        who="mia",
    ),
    Step(
        "network rbac create --type network --action access_as_external --target-all-projects garden",
        shows={"target_project_id": "*", "action": "access_as_external"},
    ),
    Step("network show garden", shows={"router:external": True}, who="otto"),
    Step("network delete garden", who="mia"),
    Step("security group create shared", who="mia"),
    Step("address group create shared", who="mia"),
    Step("subnet pool create --pool-prefix 10.7.0.0/16 shared", who="mia"),
    Step("address scope create shared", who="mia"),
    *(
        Step(
            f"network rbac create --type {kind} --action access_as_shared --target-project $other shared",
            shows={"object_type": kind},
            who="mia",
        )
        for kind in ("security_group", "address_group", "subnetpool", "address_scope")
    ),
    Step("network rbac list", lists=({}, {}, {}, {}), who="mia"),
    *(
        Step(f"{kind} show shared", shows={"name": "shared"}, who="otto")
        for kind in ("security group", "address group", "subnet pool", "address scope")
    ),
    Step("security group show shared", shows={"is_shared": True}, who="otto"),
    *(
        Step(f"{kind} delete shared", who="mia")
        for kind in ("security group", "address group", "subnet pool", "address scope")
    ),
    Step("network rbac list", lists=(), who="mia"),
)

QUOTAS = (
    Step("quota list --network", lists=()),
    Step(
        "quota set --networks 1 --ports 2 --subnets 1 --secgroups 2 --secgroup-rules 10 --rbac-policies 1 "
        "--subnetpools 1 --force $demo"
    ),
    Step(
        "quota list --network",
        lists=({"Project ID": "$demo", "Networks": 1, "Ports": 2, "Subnets": 1, "Security Groups": 2},),
    ),
    Step("network create one", who="mia"),
    Step("network create two", fails="Quota exceeded for resources: ['network']", who="mia"),
    Step("quota set --networks 5 $demo", fails="disallowed by policy", who="mia"),
    Step(
        "quota set --no-force --networks 0 $demo",
        fails="Quota limit 0 for network must be greater than or equal to already used 1",
    ),
    Step("quota set --force --networks 0 $demo"),
    Step("quota set --networks -1 $demo"),
    Step("network create two", who="mia"),
    Step("network delete one two", who="mia"),
    Step("quota delete --network $demo"),
    Step("quota list --network", lists=()),
)
