"""Each check refuses what neutron-lib's validator refuses, with the same reason, and lets through the rest."""

import copy
import re
from typing import Any

import pytest
from hypothesis import given, settings
from oslo_config import cfg

from tests.model import reference, values
from tests.model.test_attributes import DIFFERENCES, KEYS, ours
from tunbridge.model.validators import Check, InvalidError, addresses, plain, ports

cfg.CONF.register_opts(
    [cfg.IntOpt("max_allowed_address_pair", default=10), cfg.StrOpt("dns_domain", default="openstacklocal")]
)
MAX_INTEGER = 2**31 - 1


Case = tuple[Check, str, Any]
NEUTRONS_OWN = ("type:valid_target_project", "type:name_not_default", "type:service_plugin_type")
"""Validators that are not in its library, or ask which plugins run; tests of the API hold what they decide."""


def _uses() -> dict[str, list[Case]]:
    """Give every use of a validator in an attribute, by validator and parameter."""
    found: dict[str, list[Case]] = {"type:mac_address": [(addresses.mac_address, "type:mac_address", None)]}
    for key in KEYS:
        spec, field = reference.attributes()[key], ours(key)
        for name, parameter in (spec.get("validate") or {}).items():
            writable = spec.get("allow_post") or spec.get("allow_put")
            if not writable or (key[0], key[1], "check") in DIFFERENCES or name in NEUTRONS_OWN:
                continue
            assert field is not None and field.check is not None
            found.setdefault(f"{name} {parameter}"[:80], []).append((field.check, name, parameter))
    return found


USES = _uses()
CASES = {label: uses[0] for label, uses in USES.items()}


@pytest.mark.parametrize("label", USES)
def test_attributes_with_the_same_validator_have_the_same_check(label: str) -> None:
    """So that it is enough to hold one of them against Neutron."""
    first = CASES[label][0]
    for check, _, _ in USES[label]:
        assert (check.name, check.schema) == (first.name, first.schema)


def neutron(name: str, parameter: Any, value: Any) -> tuple[str, str] | Exception | None:
    """Give Neutron's refusal as (type, text), None where it lets through, or the error with which it breaks."""
    validator = reference.validators.get_validator(name)
    assert validator is not None
    try:
        reason = validator(copy.deepcopy(value), parameter)
    except reference.exceptions.NeutronException as e:
        return type(e).__name__, str(e).removesuffix(".")
    except reference.HTTPBadRequest as e:
        return "HTTPBadRequest", str(e.detail).removesuffix(".")
    except Exception as e:
        return e
    return None if reason is None else ("", str(reason).removesuffix("."))


def tunbridge(check: Check, value: Any) -> tuple[str, str] | None:
    """Give our refusal as (type, text), None where the check lets through."""
    try:
        check(value)
    except InvalidError as e:
        return e.type or "", e.reason.removesuffix(".")
    return None


def in_order(refusal: tuple[str, str] | None) -> Any:
    """Give a refusal with the members of sets in it in one order: Python prints them in any."""
    if refusal is None:
        return None
    kind, text = refusal
    if "keys" in text or "Unrecognized" in text:
        return kind, sorted(re.split(r"[ ,'{}]+", text))
    return refusal


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("near", [True, False], ids=["near values", "any values"])
def test_check_decides_as_neutron(case: str, near: bool) -> None:
    check, name, parameter = CASES[case]

    @settings(max_examples=50, deadline=None)
    @given(values.BY_KIND.get(name, values.SINGLE) if near else values.ANY)
    def decide_alike(value: Any) -> None:
        expected, actual = neutron(name, parameter, value), tunbridge(check, value)
        if _differs_on_purpose(name, value, actual):
            return
        if isinstance(expected, Exception):
            assert actual is not None, f"lets through what breaks Neutron: {expected!r}"
        else:
            assert in_order(actual) == in_order(expected)

    decide_alike()


def test_a_dhcp_option_that_is_refused_is_shown_as_neutron_shows_it() -> None:
    """A regression test for what hypothesis found: text for the version is a number in Neutron's message."""
    check = ports.extra_dhcp_opts
    for version in ("0", 0, "5"):
        option = {"opt_name": "true", "ip_version": version, "opt_value": "0"}
        with pytest.raises(InvalidError) as refused:
            check.refuse([option])
        assert f"'ip_version': {version}," in str(refused.value.reason)
        assert option["ip_version"] == version, "what was given stays as it is"


def test_items_that_python_calls_equal_are_duplicates() -> None:
    """A regression test for what hypothesis found: `false` and 0 are one to Neutron."""
    for twice in ([False, 0], [1, True], [{"a": [0.0]}, {"a": [0]}]):
        with pytest.raises(InvalidError) as refused:
            ports.extra_dhcp_opts.refuse(twice)
        assert f"Duplicate items in the list: '{twice[1]}'" in str(refused.value.reason)


_ODD_LENGTH = re.compile("/[0-9A-Fa-f.]*:|:[0-9A-Fa-f:.]*/0[0-9]")


def _differs_on_purpose(name: str, value: Any, actual: tuple[str, str] | None) -> bool:
    if name == "type:non_negative":  # more than a column holds breaks Neutron's database
        number = plain.as_integer(value)
        return number is not None and number > MAX_INTEGER
    if name in ("type:nameservers", "type:network_segments"):
        # Any iterable will do for Neutron: an empty string or dictionary is a list, then.
        return isinstance(value, str | dict) and actual is not None
    if name in (
        "type:dns_host_name",
        "type:fip_dns_host_name",
    ):  # a last line feed, which Neutron's `$` lets through, is not for a zone
        return isinstance(value, str) and value.endswith("\n")
    if "subnet" in name or name in ("type:hostroutes", "type:allowed_address_pairs"):
        # An IPv6 prefix with a netmask (2001:db8::/ffff::) or zeros before its length: hardly anything reads it.
        return actual is not None and _ODD_LENGTH.search(str(value)) is not None
    return False


def test_every_validator_in_use_is_held_against_neutron() -> None:
    kinds = {name for _, name, _ in CASES.values()}
    assert len(kinds) >= 25
    assert set(values.BY_KIND) <= kinds


@pytest.mark.parametrize("pairs", [11, 10])
def test_number_of_address_pairs_is_for_rules(pairs: int) -> None:
    """Neutron's validator knows the setting; our checks know none."""
    ports.allowed_address_pairs([{"ip_address": f"10.0.0.{n}"} for n in range(pairs)])
