"""The same requests to this server as to a real Neutron: the same answers, but for what DIFFERENT and KEYS name."""

import contextlib
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.neutron import different_services
from tests.api.neutron.different import ABSENT, DIFFERENT, EXTRA, NUMBERS, UNRECORDED, VALUES, Different
from tests.api.neutron.hosts import add_hosts, report
from tests.api.neutron.script import AGENT, FOLDER, SCRIPTS, run, steps
from tests.api.neutron.settings import HOSTS, SERVICES, ZONE
from tests.api.serving import PEOPLE, Cloud, serving

PROJECTS = {"admin": "admin", **{project: name for name, (project, _) in PEOPLE.items()}}
"""Project -> one of its users."""
OWN = [script for script in SCRIPTS if script.stem in (*SERVICES, "found", "nova", "sharing", "routers", "floatingips")]
"""Recorded with a Neutron of its own each: these look at hosts."""


@contextlib.contextmanager
def alike(folder: Path, physical_networks: str = '["*"]') -> Iterator[Cloud]:
    """Run a server with the settings of the Neutron that was recorded, and nothing in it.

    Where all names of physical networks are known, those of VLANs are too; Neutron has its ranges for them.
    """
    quotas = "{ network = -1, subnet = -1, port = -1, security_group = -1, security_group_rule = -1, rbac_policy = -1 }"
    vlans = (
        '[{ physical_network = "physnet1", minimum = 2000, maximum = 2999 }, '
        '{ physical_network = "physnet2", minimum = 1, maximum = 4094 }]'
    )
    vnis = "[{ minimum = 1, maximum = 16000 }]"
    domain = '"cloud.example.org."'
    networking = {"dns_domain": domain, "default_quotas": quotas, "vlan_ranges": vlans, "vni_ranges": vnis}
    networking["physical_networks"] = physical_networks
    networking["ipam"] = '"sequential"'  # at random it may choose an address that a script names later
    with serving(folder, networking=networking) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Give the server of the scripts that were recorded one after the other, and count what is there."""
    with alike(tmp_path_factory.mktemp("alike")) as cloud:
        yield cloud


@pytest.mark.parametrize("script", OWN, ids=lambda script: script.stem)
def test_answers_of_a_cloud_with_hosts_are_those_of_neutron(tmp_path: Path, script: Path) -> None:
    about_service = script.stem in SERVICES
    physical_networks = '["physnet1", "physnet2"]' if about_service else '["*"]'
    with alike(tmp_path, physical_networks) as cloud:
        add_hosts(cloud, ZONE if about_service else None)
        compare(cloud, script)


@pytest.mark.parametrize("script", [script for script in SCRIPTS if script not in OWN], ids=lambda script: script.stem)
def test_answers_are_those_of_neutron(shared: Cloud, script: Path) -> None:
    compare(shared, script)


def compare(cloud: Cloud, script: Path) -> None:
    """Carry out a script, and hold the answers against those that were recorded."""

    def call(user: str, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> httpx.Response:
        if user == AGENT:
            return report(cloud, *path.split("/")[2:])
        if user == "sys":
            return cloud.system().request(method, path, content=body, headers={"Content-Type": "application/json"})
        user, _, service = user.partition("+")
        more = {"Content-Type": "application/json", **headers}
        if service:
            more["X-Service-Token"] = cloud.user(service).token
        return cloud.user(user).request(method, path, content=body, headers=more)

    recorded = json.loads((FOLDER / "answers" / f"{script.stem}.json").read_text())["answers"]
    text = script.read_text()
    assert [answer["request"] for answer in recorded] == [step.text for step in steps(text)], "record it again"
    projects = {name: cloud.user(user).project_id for name, user in PROJECTS.items()}
    answers = run(text, call, projects, cloud.url)
    about_service = script.stem in SERVICES
    extra = EXTRA if about_service else EXTRA | UNRECORDED
    found = []
    for neutrons, ours in zip(recorded, answers, strict=True):
        if about_service:
            ours = different_services.settled(ours)
            wanted = different_services.settled(different_services.wanted(script.stem, neutrons, ours))
        else:
            wanted = _wanted(neutrons, ours, DIFFERENT)
        different = list(differences(wanted, ours, extra=extra))
        if different:
            found.append("\n    ".join([neutrons["request"], *different]))
    assert not found, f"{len(found)} of {len(recorded)} answers of {script.stem} differ:\n" + "\n".join(found)


def test_every_difference_is_still_needed() -> None:
    """One whose request is in no script any more says nothing."""
    known = {script.stem: {step.text for step in steps(script.read_text())} for script in SCRIPTS}
    plain = set().union(*(requests for name, requests in known.items() if name not in SERVICES))
    assert [request for request in DIFFERENT if request not in plain] == []
    for name, different in different_services.DIFFERENT.items():
        assert [request for request in different if request not in known[name]] == []


def _wanted(neutrons: dict[str, Any], ours: dict[str, Any], known: Mapping[str, Different]) -> dict[str, Any]:
    """Give what this server ought to answer: where Neutron breaks (5xx), any answer that is none."""
    different = known.get(neutrons["request"])
    if different is not None:
        return {"request": neutrons["request"], **different.answer}
    return ours if neutrons["status"] >= 500 > ours["status"] else neutrons


def differences(neutrons: Any, ours: Any, at: str = "", *, extra: Mapping[str, str] = EXTRA) -> Iterator[str]:
    """Tell where two answers differ."""
    if isinstance(neutrons, dict) and isinstance(ours, dict):
        for key in sorted(neutrons.keys() | ours.keys()):
            path = f"{at}.{key}"
            if key not in ours:
                if not _ends(path, ABSENT):
                    yield f"{path}: only in Neutron: {neutrons[key]!r}"
            elif key not in neutrons:
                if not _ends(path, extra):
                    yield f"{path}: not in Neutron: {ours[key]!r}"
            else:
                yield from differences(neutrons[key], ours[key], path, extra=extra)
    elif isinstance(neutrons, list) and isinstance(ours, list) and len(neutrons) == len(ours):
        for number, (theirs, own) in enumerate(zip(neutrons, ours, strict=True)):
            yield from differences(theirs, own, f"{at}[{number}]", extra=extra)
    elif str(neutrons) == ours and _ends(at, NUMBERS):
        return
    elif neutrons == "<gateway host>" and ours in HOSTS:
        return  # which one is chosen by the router's id, which is another each time
    elif neutrons == "<address>" and _is_address(ours):
        return  # a free one that was chosen may be one that the script names elsewhere
    elif neutrons != ours and not any(VALUES[end][:2] == (neutrons, ours) for end in _ends(at, VALUES)):
        yield f"{at}: Neutron {neutrons!r}, here {ours!r}"


def _is_address(value: Any) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _ends(path: str, known: Iterable[str]) -> list[str]:
    plain = re.sub(r"\[\d+\]", "[]", path)
    return [end for end in known if plain.endswith(end)]
