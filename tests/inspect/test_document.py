"""The JSON document: its schema is current, documents fit it, and the pages about it are complete."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import msgspec
import pytest

from tests.inspect.hosts import bridge as make_bridge
from tests.inspect.hosts import compute, ovn, port, two
from tests.inspect.hosts import host as make_host
from tunbridge.inspect import model
from tunbridge.inspect.check import check
from tunbridge.inspect.checks.document import checks_page
from tunbridge.inspect.checks.registry import CODES
from tunbridge.inspect.document import schema, schema_text, to_json
from tunbridge.inspect.explain import predict
from tunbridge.inspect.model import Document, Host
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand

ROOT = Path(__file__).parents[2]
DUMPS = ROOT.parent / "shared" / "dumps"


def valid(document: Document) -> Any:
    data = json.loads(to_json(document))
    jsonschema.validate(data, schema(), cls=jsonschema.Draft202012Validator)
    return data


def test_the_committed_schema_is_current() -> None:
    assert (ROOT / "docs" / "document.schema.json").read_text() == schema_text()
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_page_of_checks_is_current() -> None:
    page = (ROOT / "docs" / "checks.md").read_text()
    assert page == checks_page()
    for code in CODES:
        assert f"## {code}" in page


def test_the_page_of_the_document_names_every_field() -> None:
    page = (ROOT / "docs" / "document.md").read_text()
    kinds = [kind for kind in vars(model).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    assert len(kinds) > 10
    for kind in kinds:
        for field in msgspec.structs.fields(kind):
            assert f"`{field.name}`" in page, f"{kind.__name__}.{field.name}"


@pytest.mark.parametrize(
    "hosts",
    [
        two(),
        [compute("c0", "10.0.0.1", ["10.0.0.2"])],
        [ovn("a", ["10.0.0.2"])],
        [make_host("k", make_bridge("br-int", port("antrea-tun0", "geneve", key="flow", remote_ip="flow")))],
    ],
)
def test_documents_fit_the_schema(hosts: list[Host]) -> None:
    valid(check(predict(understand(hosts))))


@pytest.mark.skipif(not DUMPS.is_dir(), reason="the real dumps are not here")
def test_the_document_of_all_real_dumps_fits_the_schema() -> None:
    hosts = [h for path in sorted(DUMPS.glob("*-*.txt")) for h in read_show(path.read_text(), source=path.name)]
    assert len(valid(check(predict(understand(hosts))))["hosts"]) > 20


def test_the_document_has_the_fields_that_were_promised() -> None:
    data = valid(check(predict(understand(two()))))
    assert list(data) == ["version", "hosts", "links", "paths", "findings", "not_checked"]
    host = data["hosts"][1]
    assert {
        "name", "known", "role", "source", "system_id", "ovs_version", "addresses", "managers", "bridges"
    } <= set(host)  # fmt: skip
    bridge = host["bridges"][0]
    assert {"name", "role", "fail_mode", "datapath_type", "controllers", "ports"} <= set(bridge)
    assert {"name", "tag", "trunks", "bond_mode", "interfaces"} <= set(bridge["ports"][0])
    assert {"name", "type", "options", "error"} <= set(bridge["ports"][0]["interfaces"][0])
    assert {"kind", "type", "key", "local_address", "remote_address", "state", "a", "b"} <= set(data["links"][0])
    assert set(data["links"][0]["a"]) == {"host", "bridge", "port"}
    assert bridge["datapath_type"] is None, "unknown is null"


def test_a_schema_that_is_not_met_is_noticed() -> None:
    data = valid(check(understand(two())))
    data["links"][0]["kind"] = "string"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema(), cls=jsonschema.Draft202012Validator)
