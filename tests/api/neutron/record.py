"""Record what a Neutron answers: python -m tests.api.neutron.record URL OUT [SCRIPT…].

URL is the server's without /v2.0; OUT a folder, gets one file of JSON per script (all of them, or those named). The
Neutron has a fresh database and believes the headers of keystonemiddleware (X-User-Id, X-Project-Id, X-Roles,
X-Service-Roles): real.py runs one, with `all` for the scripts of SERVICES. Settings that it does not name are Neutron's
defaults.
"""

import json
import sys
from pathlib import Path

import httpx

from tests.api.neutron.script import AGENT, SCRIPTS, run
from tests.api.neutron.settings import ALL, PLAIN, SERVICES

SETTINGS = {
    "core_plugin": "ml2",
    "mechanism_drivers": "openvswitch",
    "project_network_types": "vxlan",
    "vni_ranges": "1:16000",
    "network_vlan_ranges": "physnet1:2000:2999, physnet2",
    "flat_networks": "*",
    "enforce_new_defaults": "true",
    "enforce_scope": "true",
    "quota_*": "-1 for network, subnet, port, security_group, security_group_rule, rbac_policy",
    "dns_domain": "cloud.example.org.",
}
SYSTEM = "(the system)"
ROLES = {
    "admin": ("admin", "admin,manager,member,reader"),
    "mia": ("demo", "member,reader"),
    "mara": ("demo", "manager,member,reader"),
    "rita": ("demo", "reader"),
    "otto": ("other", "member,reader"),
    "nova": ("service", "service"),
    "sys": (SYSTEM, "admin,manager,member,reader"),
}
PROJECTS = {name: f"{number:032x}" for number, name in enumerate(("admin", "demo", "other", "service"), 0xABC0)}


def settings(script: str) -> dict[str, str]:
    """Give the settings of the Neutron that answered a script."""
    services, extensions = ALL if script in SERVICES else PLAIN
    return {**SETTINGS, "service_plugins": services, "extension_drivers": extensions}


def main(url: str, out: Path, names: list[str]) -> None:
    """Run scripts against a Neutron."""
    with httpx.Client(timeout=600) as http:

        def call(user: str, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> httpx.Response:
            if user == AGENT:
                return http.request(method, url + path)
            user, _, service = user.partition("+")
            project, roles = ROLES[user]
            who = {"X-User-Id": user, "X-Roles": roles}
            if project == SYSTEM:
                who["OpenStack-System-Scope"] = "all"
            else:
                who |= {"X-Project-Id": PROJECTS[project], "X-Project-Name": project}
            if service:
                who["X-Service-Roles"] = ROLES[service][1]
            more = {"Content-Type": "application/json", **who, **headers}
            return http.request(method, f"{url}/v2.0{path}", content=body, headers=more)

        for script in [script for script in SCRIPTS if not names or script.stem in names]:
            found = run(script.read_text(), call, PROJECTS, url)
            source = {"source": "Neutron 29.0.0 (2026.2)", "settings": settings(script.stem), "answers": found}
            (out / f"{script.stem}.json").write_text(json.dumps(source, indent=1, ensure_ascii=False) + "\n")
            worst = [answer for answer in found if answer["status"] >= 500]
            print(f"{script.stem}: {len(found)} requests, {len(worst)} of them 5xx")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]), sys.argv[3:])
