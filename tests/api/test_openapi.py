"""The API's description of itself: schemathesis makes requests of it, and holds the answers against it."""

import os
from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.errors import SchemathesisError

from tests.api.serving import Cloud

EXAMPLES = int(os.environ.get("TUNBRIDGE_TEST_EXAMPLES", "2"))
"""Requests for each operation, user and kind; more of them are a longer search."""


@pytest.fixture(scope="module")
def document(cloud: Cloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.http.get(f"{cloud.url}/openapi.json").json()
    return found


OURS = "x-openstack-request-id"
"""Every answer of ours has it; the HTTP library refuses what is no HTTP (400) before it comes to us."""
CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.response_schema_conformance,
    schemathesis.checks.content_type_conformance,
]
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("who", ["admin", "mia"])
def test_no_request_breaks_the_server_and_answers_are_as_described(
    cloud: Cloud, document: dict[str, Any], who: str, mode: GenerationMode
) -> None:
    api = schemathesis.openapi.from_dict(document)
    api.config.update(base_url=f"{cloud.url}/v2.0")
    headers = {"X-Auth-Token": cloud.user(who).token}
    wrong: list[str] = []
    tried = 0
    seen: list[str] = []
    for result in api.get_all_operations():
        seen.clear()
        operation: Any = result.ok()  # type: ignore[union-attr]

        @SETTINGS
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            response = case.call(headers=headers)
            seen.append(f"{case.as_curl_command()} -> {response.status_code} {response.text[:300]}")
            if response.status_code == 400 and OURS not in response.headers:
                return
            case.validate_response(response, headers=headers, checks=CHECKS)

        try:
            holds()
        except (Unsatisfiable, SchemathesisError):
            continue  # there is nothing wrong to send: no parameters, no body
        except FailureGroup as e:
            wrong += [f"{operation.label}: {failure}\n{seen[-1]}" for failure in e.exceptions]
        tried += 1
    assert not wrong, "\n\n".join(wrong)
    assert tried > 20


def test_every_path_of_a_resource_is_described(document: dict[str, Any]) -> None:
    paths = set(document["paths"])
    assert {"/networks", "/networks/{id}", "/networks/{id}/tags/{tag}", "/subnetpools/{id}/add_prefixes"} <= paths
    assert {"/security-groups", "/address-groups/{id}/add_addresses", "/quotas/{project}/details"} <= paths


def test_the_page_shows_every_operation(cloud: Cloud, document: dict[str, Any]) -> None:
    reply: httpx.Response = cloud.http.get(f"{cloud.url}/docs")
    assert reply.headers["content-type"].startswith("text/html")
    assert "<script" not in reply.text
    for path in document["paths"]:
        assert f"/v2.0{path}</code>" in reply.text
    assert msgspec.json.decode(cloud.http.get(f"{cloud.url}/openapi.json").content) == document


@pytest.mark.parametrize(
    ("action", "takes"),
    [
        ("add_router_interface", {"subnet_id", "port_id"}),
        ("remove_extraroutes", {"router"}),
        ("add_external_gateways", {"router"}),
    ],
)
def test_actions_of_routers_say_what_they_take(document: dict[str, Any], action: str, takes: set[str]) -> None:
    (path,) = [path for path in document["paths"] if path.endswith(f"/routers/{{id}}/{action}")]
    (content,) = document["paths"][path]["put"]["requestBody"]["content"].values()
    assert content["schema"]["properties"].keys() == takes
