"""The clients of the field log in, and read who there is, with no more than an auth_url, a user and a password."""

import json
from typing import Any

import openstack as sdk
import pytest
from keystoneauth1 import exceptions, session
from keystoneauth1.identity import generic, v3

from tests.api.auth.conftest import MEMBER_PASSWORD
from tests.api.auth.openstack import openstack
from tests.api.auth.server import Running
from tunbridge.api.auth.clouds import write_clouds_yaml

DOMAINS: dict[str, Any] = {"user_domain_name": "Default", "project_domain_name": "Default"}


@pytest.mark.parametrize("path", ["/identity", "/identity/", "/identity/v3", "/identity/v3/"])
def test_any_form_of_auth_url_leads_to_a_token_and_to_the_network_service(server: Running, path: str) -> None:
    auth = generic.Password(
        server.url + path, username="admin", password=server.password, project_name="admin", **DOMAINS
    )
    ours = session.Session(auth)
    assert ours.get_endpoint(service_type="network") == server.url
    caller = ours.get("/v2.0/networks", endpoint_filter={"service_type": "network"}).json()["caller"]
    assert (caller["user_name"], caller["project_name"]) == ("admin", "admin")
    assert set(caller["roles"]) == {"admin", "manager", "member", "reader"}


def test_a_wrong_password_is_what_keystoneauth_calls_unauthorized(server: Running) -> None:
    auth = generic.Password(f"{server.url}/identity", username="mia", password="wrong", project_name="demo", **DOMAINS)
    with pytest.raises(exceptions.Unauthorized):
        session.Session(auth).get_token()


def test_an_application_credential_made_with_the_sdk_logs_in_and_ends_when_it_is_deleted(server: Running) -> None:
    mia: Any = sdk.connect(
        auth_url=f"{server.url}/identity", username="mia", password=MEMBER_PASSWORD, project_name="demo", **DOMAINS
    )
    made = mia.identity.create_application_credential(mia.current_user_id, "ci", roles=[{"name": "reader"}])
    auth = v3.ApplicationCredential(f"{server.url}/identity/v3", made.secret, application_credential_id=made.id)
    program = session.Session(auth)
    caller = program.get(f"{server.url}/v2.0/networks").json()["caller"]
    assert (caller["user_name"], caller["project_name"], caller["roles"]) == ("mia", "demo", ["reader"])
    mia.identity.delete_application_credential(mia.current_user_id, made.id)
    assert server.who(X_Auth_Token=program.get_token() or "").status_code == 401


def test_the_openstack_command_works_with_the_clouds_yaml_alone(server: Running) -> None:
    env = {"OS_CLIENT_CONFIG_FILE": str(write_clouds_yaml(server.config, server.url)), "OS_CLOUD": "tunbridge"}
    answers = openstack(
        env,
        "network list",
        "token issue -f json",
        "catalog list -f json",
        "project list -f json",
        "project show demo -f json",
        "user list -f json",
        "user show mia -f json",
        "role list -f json",
        "domain show Default -f json",
        "role assignment list --names -f json",
        "application credential create laptop -f json",
        "application credential list -f json",
        "application credential delete laptop",
        "application credential list -f json",
        "project create new",
    )
    failed = [(status, output) for status, output in answers if status != 0]
    assert len(failed) == 1
    assert "tunbridge user" in failed[0][1]  # projects are made on the server
    read: list[Any] = [json.loads(output) if output.startswith(("[", "{")) else output for _, output in answers]
    assert {service["Type"] for service in read[2]} == {"network", "identity"}
    assert {project["Name"] for project in read[3]} == {"admin", "demo", "other"}
    assert read[4]["name"] == "demo"
    assert {user["Name"] for user in read[5]} == {"admin", "mia"}
    assert read[6]["name"] == "mia"
    assert {role["Name"] for role in read[7]} == {"admin", "manager", "member", "reader", "service"}
    assert {(a["User"], a["Project"], a["Role"]) for a in read[9]} >= {("mia@Default", "demo@Default", "member")}
    assert [credential["Name"] for credential in read[11]] == ["laptop"]
    assert read[13] == []


def test_a_member_reads_themselves_and_no_others(server: Running) -> None:
    env = {
        "OS_AUTH_URL": f"{server.url}/identity",
        "OS_USERNAME": "mia",
        "OS_PASSWORD": MEMBER_PASSWORD,
        "OS_PROJECT_NAME": "demo",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
    }
    token, mine, users = openstack(env, "token issue -f json", "project list --my-projects -f json", "user list")
    assert token[0] == 0
    assert {project["Name"] for project in json.loads(mine[1])} == {"demo", "other"}
    assert users[0] != 0
    assert "identity:list_users" in users[1]
