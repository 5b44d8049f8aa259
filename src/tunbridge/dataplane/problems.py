"""What the agent cannot do, or waits for: each kind has a code that does not change, for scripts and alerts."""

from enum import StrEnum

from msgspec import Struct


class Code(StrEnum):
    """The kinds of problems; docs/operate.md says of each what to do."""

    # It waits for
    OVSDB_SILENT = "ovsdb-silent"
    CENTRAL_LOADING = "central-loading"
    OVS_RESTARTING = "ovs-restarting"
    FOUGHT = "fought"
    APPLY_FAILED = "apply-failed"
    FLOWS_REFUSED = "flows-refused"
    VSWITCHD_SILENT = "vswitchd-silent"
    BRIDGE_SILENT = "bridge-silent"
    VSWITCHD_BEHIND = "vswitchd-behind"
    CONTROLLER_UNCONNECTED = "controller-unconnected"
    MANAGER_SILENT = "manager-silent"
    # It cannot
    NIC_ELSEWHERE = "nic-elsewhere"
    NIC_MISSING = "nic-missing"
    NIC_IN_USE = "nic-in-use"
    DATAPATH_OTHER = "datapath-other"
    DEVICE_FAILED = "device-failed"
    NAME_TAKEN = "name-taken"
    EXPORT_TAKEN = "export-taken"
    MINIMUM_NOT_KEPT = "minimum-not-kept"
    PLUGGED_TWICE = "plugged-twice"
    NOT_CARRIED_OUT = "not-carried-out"


class Problem(Struct, frozen=True, kw_only=True):
    """What cannot be done, and what the operator can do about it."""

    code: Code
    subject: str
    message: str
