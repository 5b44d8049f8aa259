"""OpenFlow errors by name, as Open vSwitch calls them (OpenFlow 1.4.1, section 7.5.4; `ofp-errors.h`)."""

import struct

from tunbridge.openvswitch.openflow.wire import NICIRA

_NAMES: dict[int, tuple[str, dict[int, str]]] = {
    0: ("OFPHFC", {
        0: "INCOMPATIBLE", 1: "EPERM",
    }),
    1: ("OFPBRC", {
        0: "BAD_VERSION", 1: "BAD_TYPE", 2: "BAD_STAT", 3: "BAD_VENDOR", 4: "BAD_SUBTYPE", 5: "EPERM", 6: "BAD_LEN",
        7: "BUFFER_EMPTY", 8: "BUFFER_UNKNOWN", 9: "BAD_TABLE_ID", 10: "IS_SECONDARY", 11: "BAD_PORT",
        12: "BAD_PACKET", 13: "MULTIPART_BUFFER_OVERFLOW", 14: "MULTIPART_REQUEST_TIMEOUT",
        15: "MULTIPART_REPLY_TIMEOUT",
    }),
    2: ("OFPBAC", {
        0: "BAD_TYPE", 1: "BAD_LEN", 2: "BAD_VENDOR", 3: "BAD_VENDOR_TYPE", 4: "BAD_OUT_PORT", 5: "BAD_ARGUMENT",
        6: "EPERM", 7: "TOO_MANY", 8: "BAD_QUEUE", 9: "BAD_OUT_GROUP", 10: "MATCH_INCONSISTENT",
        11: "UNSUPPORTED_ORDER", 12: "BAD_TAG", 13: "BAD_SET_TYPE", 14: "BAD_SET_LEN", 15: "BAD_SET_ARGUMENT",
    }),
    3: ("OFPBIC", {
        0: "UNKNOWN_INST", 1: "UNSUP_INST", 2: "BAD_TABLE_ID", 3: "UNSUP_METADATA", 4: "UNSUP_METADATA_MASK",
        5: "BAD_EXPERIMENTER", 6: "BAD_EXP_TYPE", 7: "BAD_LEN", 8: "EPERM", 9: "DUP_INST",
    }),
    4: ("OFPBMC", {
        0: "BAD_TYPE", 1: "BAD_LEN", 2: "BAD_TAG", 3: "BAD_DL_ADDR_MASK", 4: "BAD_NW_ADDR_MASK", 5: "BAD_WILDCARDS",
        6: "BAD_FIELD", 7: "BAD_VALUE", 8: "BAD_MASK", 9: "BAD_PREREQ", 10: "DUP_FIELD", 11: "EPERM",
    }),
    5: ("OFPFMFC", {
        0: "UNKNOWN", 1: "TABLE_FULL", 2: "BAD_TABLE_ID", 3: "OVERLAP", 4: "EPERM", 5: "BAD_TIMEOUT",
        6: "BAD_COMMAND", 7: "BAD_FLAGS", 8: "CANT_SYNC", 9: "BAD_PRIORITY", 10: "IS_SYNC",
    }),
    6: ("OFPGMFC", {
        0: "GROUP_EXISTS", 1: "INVALID_GROUP", 2: "WEIGHT_UNSUPPORTED", 3: "OUT_OF_GROUPS", 4: "OUT_OF_BUCKETS",
        5: "CHAINING_UNSUPPORTED", 6: "WATCH_UNSUPPORTED", 7: "LOOP", 8: "UNKNOWN_GROUP", 9: "CHAINED_GROUP",
        10: "BAD_TYPE", 11: "BAD_COMMAND", 12: "BAD_BUCKET", 13: "BAD_WATCH", 14: "EPERM",
    }),
    10: ("OFPSCFC", {
        0: "BAD_FLAGS", 1: "BAD_LEN", 2: "EPERM",
    }),
    12: ("OFPMMFC", {
        0: "UNKNOWN", 1: "METER_EXISTS", 2: "INVALID_METER", 3: "UNKNOWN_METER", 4: "BAD_COMMAND", 5: "BAD_FLAGS",
        6: "BAD_RATE", 7: "BAD_BURST", 8: "BAD_BAND", 9: "BAD_BAND_VALUE", 10: "OUT_OF_METERS", 11: "OUT_OF_BANDS",
    }),
    14: ("OFPBPC", {
        0: "BAD_TYPE", 1: "BAD_LEN", 2: "BAD_VALUE", 3: "TOO_MANY", 4: "DUP_TYPE", 5: "BAD_EXPERIMENTER",
        6: "BAD_EXP_TYPE", 7: "BAD_EXP_VALUE", 8: "EPERM",
    }),
    15: ("OFPACFC", {
        0: "INVALID", 1: "UNSUPPORTED", 2: "EPERM",
    }),
    16: ("OFPMOFC", {
        0: "UNKNOWN", 1: "MONITOR_EXISTS", 2: "INVALID_MONITOR", 3: "UNKNOWN_MONITOR", 4: "BAD_COMMAND",
        5: "BAD_FLAGS", 6: "BAD_TABLE_ID", 7: "BAD_OUT",
    }),
    17: ("OFPBFC", {
        0: "UNKNOWN", 1: "EPERM", 2: "BAD_ID", 3: "BUNDLE_EXIST", 4: "BUNDLE_CLOSED", 5: "OUT_OF_BUNDLES",
        6: "BAD_TYPE", 7: "BAD_FLAGS", 8: "MSG_BAD_LEN", 9: "MSG_BAD_XID", 10: "MSG_UNSUP", 11: "MSG_CONFLICT",
        12: "MSG_TOO_MANY", 13: "MSG_FAILED", 14: "TIMEOUT", 15: "BUNDLE_IN_PROGRESS",
    }),
}  # fmt: skip
_NICIRA = {
    2: "NXBRC_NXM_INVALID", 3: "NXBRC_NXM_BAD_TYPE", 4: "NXBRC_MUST_BE_ZERO", 5: "NXBRC_BAD_REASON",
    9: "NXBRC_FM_BAD_EVENT", 10: "NXBRC_UNENCODABLE_ERROR", 11: "NXBAC_MUST_BE_ZERO", 12: "NXFMFC_HARDWARE",
    13: "NXFMFC_BAD_TABLE_ID", 15: "NXBAC_BAD_CONJUNCTION", 16: "NXTTMFC_BAD_COMMAND", 17: "NXTTMFC_BAD_OPT_LEN",
    18: "NXTTMFC_BAD_FIELD_IDX", 19: "NXTTMFC_TABLE_FULL", 20: "NXTTMFC_ALREADY_MAPPED", 21: "NXTTMFC_DUP_ENTRY",
    22: "OFPBFC_BAD_VERSION", 23: "NXQOFC_QUEUE_ERROR", 34: "NXR_NOT_SUPPORTED", 35: "NXR_STALE",
    36: "NXST_NOT_CONFIGURED", 37: "NXFMFC_INVALID_TLV_FIELD", 38: "NXTTMFC_INVALID_TLV_DEL",
    39: "NXBAC_BAD_HEADER_TYPE", 40: "NXBAC_UNKNOWN_ED_PROP", 41: "NXBAC_BAD_ED_PROP",
    42: "NXBAC_CT_DATAPATH_SUPPORT", 43: "NXBMC_CT_DATAPATH_SUPPORT", 44: "NXTFFC_DUP_TABLE",
}  # fmt: skip
_EXPERIMENTER = 0xFFFF


def error_name(body: bytes) -> str:
    """Give the name of the error in the body of an error message; numbers where it has none here."""
    if len(body) < 4:
        return "an error without a code"
    kind, code = struct.unpack_from("!HH", body)
    if kind == _EXPERIMENTER and body[4:8] == NICIRA.to_bytes(4):
        return _NICIRA.get(code, f"Nicira error {code}")
    prefix, codes = _NAMES.get(kind, ("", {}))
    return f"{prefix}_{codes[code]}" if code in codes else f"OpenFlow error {kind}, {code}"
