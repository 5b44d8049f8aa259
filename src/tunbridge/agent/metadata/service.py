"""The small metadata service of a cloud without Nova: paths to documents, in the forms of OpenStack and of EC2.

Only what the port and its boot configuration tell. Paths and contents are those of nova-api-metadata, so that an image
cannot tell the difference: cloud-init's sources OpenStack and Ec2 read them.
"""

import base64
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from tunbridge.agent.metadata import http
from tunbridge.agent.metadata.http import Request, Response
from tunbridge.agent.metadata.instance import Instance, network_data

OPENSTACK_VERSIONS = (
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27",
    "2020-10-14", "latest",
)  # fmt: skip
EC2_VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
    "2009-04-04", "latest",
)  # fmt: skip
_SEED = 512
"""Bytes of randomness that a VM is given, as by Nova."""
Tree = Mapping[str, "Tree | str"]


def answer(instance: Instance, request: Request) -> Response:
    """What a VM gets for a request."""
    if request.method not in ("GET", "HEAD"):
        refused = http.error(HTTPStatus.METHOD_NOT_ALLOWED)
        return Response(refused.status, refused.body, headers={"Allow": "GET, HEAD"})
    parts = [part for part in request.path.split("/") if part]
    if not parts:
        return _text("\n".join(EC2_VERSIONS))
    if parts[0] == "openstack":
        return _openstack(instance, parts[1:])
    return _ec2(instance, parts[1:]) if parts[0] in EC2_VERSIONS else http.error(HTTPStatus.NOT_FOUND)


def _text(text: str) -> Response:
    return Response(HTTPStatus.OK, text.encode())


def _json(value: Any) -> Response:
    return Response(HTTPStatus.OK, msgspec.json.encode(value), "application/json")


# OpenStack

_DOCUMENTS: Mapping[str, Callable[[Instance], Response]] = {
    "meta_data.json": lambda instance: _json(_meta_data(instance)),
    "network_data.json": lambda instance: _json(network_data(instance)),
    "user_data": lambda instance: Response(HTTPStatus.OK, instance.boot.user_data, "application/octet-stream"),
    "vendor_data.json": lambda _: _json({}),
    "vendor_data2.json": lambda _: _json({}),
}


def _openstack(instance: Instance, parts: list[str]) -> Response:
    if not parts:
        return _text("\n".join(OPENSTACK_VERSIONS))
    there = [name for name in _DOCUMENTS if name != "user_data" or instance.boot.user_data]
    if parts[0] not in OPENSTACK_VERSIONS or len(parts) > 2:
        return http.error(HTTPStatus.NOT_FOUND)
    if len(parts) == 1:
        return _text("\n".join(there))
    return _DOCUMENTS[parts[1]](instance) if parts[1] in there else http.error(HTTPStatus.NOT_FOUND)


def _meta_data(instance: Instance) -> dict[str, Any]:
    keys = _keys(instance)
    return {
        "uuid": instance.id,
        "name": instance.name,
        "hostname": instance.hostname,
        "launch_index": 0,
        "availability_zone": instance.zone,
        "project_id": instance.project_id,
        "random_seed": base64.b64encode(secrets.token_bytes(_SEED)).decode(),
        "devices": [],
        **({"public_keys": keys, "keys": [_key(name, data) for name, data in keys.items()]} if keys else {}),
    }


def _key(name: str, data: str) -> dict[str, str]:
    return {"name": name, "type": "ssh", "data": data}


def _keys(instance: Instance) -> dict[str, str]:
    """Each public key under a name of its own: its comment if it has one."""
    found: dict[str, str] = {}
    for number, key in enumerate(instance.boot.public_keys):
        comment = key.split(None, 2)[2].strip() if len(key.split(None, 2)) == 3 else ""
        name = comment if comment and comment not in found else f"key{number}"
        found[name] = key
    return found


# EC2


def _ec2(instance: Instance, parts: list[str]) -> Response:
    if not parts:
        return _text("\n".join(["meta-data/", *(["user-data"] if instance.boot.user_data else [])]))
    if parts == ["user-data"] and instance.boot.user_data:
        return Response(HTTPStatus.OK, instance.boot.user_data, "application/octet-stream")
    if parts[0] != "meta-data":
        return http.error(HTTPStatus.NOT_FOUND)
    found: Tree | str = _tree(instance)
    for part in parts[1:]:
        inner = found.get(part) if isinstance(found, Mapping) else None
        if inner is None:
            return http.error(HTTPStatus.NOT_FOUND)
        found = inner
    if isinstance(found, str):
        return _text(found)
    if parts[1:] == ["public-keys"]:
        return _text("\n".join(f"{number}={name}" for number, name in enumerate(_keys(instance))))
    return _text("\n".join(f"{name}/" if isinstance(inner, Mapping) else name for name, inner in found.items()))


def _tree(instance: Instance) -> Tree:
    """The EC2 meta-data: directories and leaves."""
    host = instance.hostname.partition(".")[0]
    keys = {str(number): {"openssh-key": key} for number, key in enumerate(_keys(instance).values())}
    macs = {subject.port.mac_address: _interface(instance, number) for number, subject in enumerate(instance.subjects)}
    found: dict[str, Tree | str] = {
        "ami-id": "ami-00000000",
        "ami-launch-index": "0",
        "hostname": instance.hostname,
        "instance-id": instance.id,
        "instance-type": "none",
        "local-hostname": host,
        "local-ipv4": instance.address(4) or "",
        "mac": instance.port.mac_address,
        "network": {"interfaces": {"macs": macs}},
        "placement": {"availability-zone": instance.zone},
        "public-hostname": instance.hostname,
        "public-ipv4": next(iter(instance.floating_ips), ""),
        "reservation-id": instance.id,
    }
    return {**found, "public-keys": keys} if keys else found


def _interface(instance: Instance, number: int) -> Tree:
    subject = instance.subjects[number]
    port, subnets = subject.port, {s.id: s for s in subject.subnets}
    found: dict[str, Tree | str] = {"device-number": str(number), "interface-id": port.id, "mac": port.mac_address}
    for version, name in ((4, "local-ipv4s"), (6, "ipv6s")):
        addresses = [ip for ip in port.fixed_ips if (":" in ip.ip_address) == (version == 6)]
        if not addresses:
            continue
        found[name] = "\n".join(ip.ip_address for ip in addresses)
        if version == 4 and (subnet := subnets.get(addresses[0].subnet_id)) is not None:
            found["subnet-ipv4-cidr-block"] = subnet.cidr
    return found
