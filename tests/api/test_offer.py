"""What is offered when hosts can do this much, and what is said of the rest."""

from collections.abc import Iterator

import pytest

from tests.api.serving import Cloud, error, serving
from tunbridge.api.offer import offer
from tunbridge.model import catalog, features
from tunbridge.model.catalog import EXTENSIONS, RESOURCES

BINDING_FIELDS = {"host_id", "profile", "vif_details", "vif_type", "vnic_type"}


@pytest.fixture(scope="module")
def modest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a server that offers only what hosts carry out."""
    with serving(tmp_path_factory.mktemp("modest"), preview=False) as cloud:
        yield cloud


def test_ports_can_be_bound_as_soon_as_hosts_bind_them() -> None:
    found = offer(RESOURCES, EXTENSIONS, frozenset({features.BINDING}), preview=False)
    names = {field.name for field in found.resources["port"].fields}
    assert {f"binding:{name}" for name in BINDING_FIELDS} <= names
    assert "binding" in found.resources
    assert {"binding", "binding-extended"} <= {extension.alias for extension in found.extensions}
    assert not {"binding", "binding-extended"} & found.waiting


def test_no_extension_waits_for_what_is_no_feature() -> None:
    assert {need for extension in EXTENSIONS for need in extension.needs} <= features.ALL
    everything = offer(RESOURCES, EXTENSIONS, features.ALL, preview=False)
    assert not everything.waiting and not everything.withheld
    assert everything.resources.keys() == {resource.name for resource in catalog.RESOURCES}


@pytest.mark.skipif(features.ALL <= features.AVAILABLE, reason="everything that is declared is offered")
def test_what_waits_for_hosts_is_told_by_extension_and_setting(modest: Cloud) -> None:
    mia = modest.user("mia")
    found = offer(RESOURCES, EXTENSIONS, features.AVAILABLE, preview=False)
    for path, alias in found.withheld.items():
        status, kind, message = error(mia.get(f"/{path}"))
        assert (status, kind) == (404, "HTTPNotFound")
        assert alias in message and "networking.preview = true" in message
    for alias in found.waiting:
        _, _, message = error(mia.get(f"/extensions/{alias}"))
        assert message.startswith(f"Extension with alias {alias} does not exist: ")
        assert "networking.preview = true" in message
    network = mia.create("network", name="modest")
    for name, alias in found.resources["port"].withheld.items():
        status, _, message = error(mia.post("/ports", {"port": {"network_id": network["id"], name: ""}}))
        assert status == 400
        assert message.startswith(f"Unrecognized attribute(s) '{name}'; {name}: it comes with the extension {alias},")


def test_what_is_not_declared_at_all_is_only_not_there(modest: Cloud) -> None:
    mia = modest.user("mia")
    assert error(mia.get("/nonsense")) == (404, "HTTPNotFound", "The resource could not be found.")
    status, _, message = error(mia.post("/networks", {"network": {"colour": "red"}}))
    assert (status, message) == (400, "Unrecognized attribute(s) 'colour'")
