"""Local IPs: made, given to a port and taken away by a member."""

from tests.api.day.steps import Step

LOCAL_IPS = (
    Step("network create cached", who="mia"),
    Step("subnet create --network cached --subnet-range 10.77.0.0/24 cached4", who="mia"),
    Step("port create --network cached cache", keeps={"cache": "id"}, who="mia"),
    Step(
        "local ip create --network cached --local-ip-address 10.77.0.77 --name dns --description near",
        shows={"name": "dns", "description": "near", "local_ip_address": "10.77.0.77", "ip_mode": "translate"},
        keeps={"dns": "id", "kept": "local_port_id"},
        who="mia",
    ),
    Step("port show $kept", shows={"device_owner": "network:local_ip", "status": "N/A"}, who="mia"),
    Step("port delete $kept", fails="still referenced by Local IPs", who="mia"),
    Step(
        "local ip association create dns cache",
        shows={"local_ip_id": "$dns", "local_ip_address": "10.77.0.77", "fixed_port_id": "$cache"},
        who="mia",
    ),
    Step("local ip association list dns", lists=({"Local IP Address": "10.77.0.77"},), who="mia"),
    Step("local ip delete dns", fails="is still associated with one or more ports", who="mia"),
    Step("local ip set --name names dns", who="mia"),
    Step("local ip show names", shows={"id": "$dns", "name": "names"}, who="mia"),
    Step("local ip list", lists=({"ID": "$dns", "Name": "names"},), who="mia"),
    Step("local ip association delete names $cache", who="mia"),
    Step("local ip delete names", who="mia"),
    Step("local ip create --local-port cache", shows={"local_port_id": "$cache"}, keeps={"own": "id"}, who="mia"),
    Step("port delete cache", fails="still referenced by Local IPs", who="mia"),
    Step("local ip delete $own", who="mia"),
    Step("port delete cache", who="mia"),
    Step("network delete cached", who="mia"),
)
