"""Who asks for what: the cases of the table of policy. Neutron's interpreter reads it too."""

ROLES: dict[str, tuple[str, ...]] = {
    "admin": ("admin", "manager", "member", "reader"),
    "manager": ("manager", "member", "reader"),
    "member": ("member", "reader"),
    "reader": ("reader",),
    "service": ("service",),
    "advsvc": ("advsvc",),
    "data_plane_integrator": ("data_plane_integrator",),
    "other": ("auditor",),
}
"""Name -> roles of the token, with the implied ones."""
OWN, OTHER = "own", "other"
_OWN_ALL: dict[str, object] = {"project": OWN, "network": OWN, "group": OWN}
_FOREIGN: dict[str, object] = {"project": OTHER, "network": OTHER, "group": OTHER}
_GUEST: dict[str, object] = {"project": OWN, "network": OTHER, "group": OTHER}
_HOST: dict[str, object] = {"project": OTHER, "network": OWN, "group": OWN}
SITUATIONS: dict[str, dict[str, object]] = {
    "own": _OWN_ALL,
    "own, for all": {**_OWN_ALL, "target": "*"},
    "own, of an instance": {**_OWN_ALL, "device_owner": "compute:nova"},
    "own, of a service": {**_OWN_ALL, "device_owner": "network:dhcp"},
    "another's": _FOREIGN,
    "another's, shared": {**_FOREIGN, "shared": True},
    "another's, external": {**_FOREIGN, "external": True},
    "own, in another's": _GUEST,
    "own, in another's, shared": {**_GUEST, "shared": True},
    "own, in another's, external": {**_GUEST, "external": True},
    "own, in another's, shared, of a service": {**_GUEST, "shared": True, "device_owner": "network:dhcp"},
    "own, in another's, of an instance": {**_GUEST, "device_owner": "compute:nova"},
    "another's, in own": _HOST,
    "another's, in own, of an instance": {**_HOST, "device_owner": "compute:nova"},
    "another's, in own, of bare metal": {**_HOST, "device_owner": "baremetal:none"},
    "another's, in own, of a share": {**_HOST, "device_owner": "manila:share"},
}
"""Whose the thing is, and the network or group that it is in; whether these are shared or external."""
ACTIONS = ("create", "update", "delete", "get")
