"""Each conversion gives what neutron-lib's gives, and refuses what it refuses in the same words."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings

from tests.model import reference, values
from tunbridge.model import convert
from tunbridge.model.convert import Convert
from tunbridge.model.validators import Check, InvalidError, addresses, plain, ports

NEAR = {
    "convert_ip_to_canonical_format": values.IPS,
    "convert_cidr_to_canonical_format": values.CIDRS,
    "convert_to_sanitized_mac_address": values.MACS,
    "convert_to_int": values.NUMBERS,
    "convert_to_boolean": values.WORDS,
    "convert_allocation_pools_to_canonical_format": values.BY_KIND["type:ip_pools"],
}
ALL = [each for each in vars(convert).values() if isinstance(each, Convert)]
LIBRARY = [each for each in ALL if hasattr(reference.converters, each.name or "-")]
OTHERS = [each for each in ALL if each not in LIBRARY and each.name]


def outcome(convert: Any, value: Any) -> Any:
    """Give what a conversion makes of a value, how it refuses, or with what it breaks."""
    try:
        return "gives", convert(copy.deepcopy(value))
    except reference.exceptions.NeutronException as e:
        return type(e).__name__, str(e).removesuffix(".")
    except InvalidError as e:
        return e.type, e.reason.removesuffix(".")
    except Exception:
        return "breaks"


def _differs_on_purpose(name: str, value: Any) -> bool:
    """Say whether Neutron takes what it should not: numbers for addresses, a last line feed, "" for a list of pools.

    Or refuses what it could take: white space around a CIDR.
    """
    if name == "convert_to_sanitized_mac_address":
        if not isinstance(value, str) or value.strip() != value or plain.as_integer(value) is not None:
            return True
        # An EUI-64 (0.0.0.0 is one) becomes a MAC address for Neutron when it is a small number, and breaks it else.
        return addresses.mac_number(value) is None and set(value.lower()) <= set("0123456789abcdef.:-")
    if name in ("convert_cidr_to_canonical_format", "convert_ip_to_canonical_format"):
        return not isinstance(value, str) or value.strip() != value
    if name == "convert_allocation_pools_to_canonical_format":
        pools = value if isinstance(value, list) else []
        numbers = any(isinstance(ip, int | float) for pool in pools if isinstance(pool, dict) for ip in pool.values())
        return numbers or value in ("", {})
    return False


@pytest.mark.parametrize("ours", LIBRARY, ids=lambda c: c.name)
@pytest.mark.parametrize("near", [True, False], ids=["near values", "any values"])
def test_conversion_does_as_neutron(ours: Convert, near: bool) -> None:
    theirs = getattr(reference.converters, ours.name)

    @settings(max_examples=50, deadline=None)
    @given(NEAR.get(ours.name, values.SINGLE) if near else values.ANY)
    def convert_alike(value: Any) -> None:
        expected, actual = outcome(theirs, value), outcome(ours, value)
        assert actual != "breaks"
        if expected == "breaks":
            return  # ours refuses, or leaves it for the check behind it
        if _differs_on_purpose(ours.name, value):
            return
        assert actual == expected
        assert type(actual[1]) is type(expected[1])

    convert_alike()


CASES = [(name, case) for name, cases in reference.data("neutron_conversions.json")["cases"].items() for case in cases]


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name} {case['value']!r}" for name, case in CASES])
def test_conversion_of_an_extension_does_as_neutron(name: str, case: dict[str, Any]) -> None:
    run: Convert | Check = (
        ports.target_project if name == ports.target_project.name else next(c for c in OTHERS if c.name == name)
    )
    actual = outcome(run, case["value"])
    if (name, case["value"]) == ("convert_protocol", "ANY"):
        assert (actual, case["gives"]) == (("gives", None), "any")  # Neutron keeps a protocol that does not exist
    elif "breaks" in case:
        assert actual != "breaks" and actual[0] != "gives", "does not refuse what breaks Neutron"
    elif "type" in case:
        assert actual == (case["type"], case["message"].removesuffix("."))
    else:
        assert actual == ("gives", case["gives"])


def test_every_conversion_is_held_against_neutron() -> None:
    known = {name for name, _ in CASES}
    assert {each.name for each in OTHERS} <= known
    assert len(LIBRARY) >= 12


@pytest.mark.parametrize(
    "items",
    [
        ["ip_address=10.0.0.1"],
        ["ip_address=10.0.0.1", "ip_address=10.0.0.2", "subnet_id=x"],
        [" a = b = c "],
        ["a="],
        ["True"],
        [],
        ["a"],
        ["=b"],
        [" =b"],
    ],
    ids=str,
)
def test_pairs_of_a_query_are_read_as_neutron_reads_them(items: list[str]) -> None:
    expected, actual = outcome(reference.converters.convert_kvp_list_to_dict, items), outcome(convert.key_values, items)
    if expected[0] == "gives":
        assert {key: sorted(found) for key, found in actual[1].items()} == {
            key: sorted(found) for key, found in expected[1].items()
        }
    else:
        assert actual == expected


def test_ip_version_of_dhcp_options_becomes_a_number() -> None:
    given_options = [{"opt_name": "a", "opt_value": "b", "ip_version": "6"}, {"opt_name": "c", "opt_value": "d"}]
    kept = convert.to_dhcp_opts(given_options)
    assert kept == [{"opt_name": "a", "opt_value": "b", "ip_version": 6}, {"opt_name": "c", "opt_value": "d"}]
    ports.extra_dhcp_opts(kept)
