"""Values of every sort that a client may send, made by hypothesis: JSON, and strings that nearly are what is wanted."""

from typing import Any

from hypothesis import strategies as st

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 300),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)

IPS = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda ip: ip.exploded.upper()),
    st.sampled_from(
        [
            "10.0.0.1",
            "10.0.0.01",
            "010.0.0.1",
            "10.0.0",
            "10.0.0.256",
            "1_0.0.0.1",
            "٣.0.0.1",
            "+1.2.3.4",
            "1.2.3.4 ",
            "::",
            "::1",
            "::ffff:1.2.3.4",
            "::1.2.3.4",
            "fe80::1%eth0",
            "224.0.0.1",
            "ff02::1",
            "1" * 59,
            "-1.2.3.4",
            "2001:DB8::1",
            "1:2:3:4:5:6:7::",
            ":",
            "0x7f.1.1.1",
            "1.2.3.4\n",
            "127.0.0.1",
            "::ffff:0:1",
            "::2:3",
        ]
    ),
)
CIDRS = st.one_of(
    st.builds("{}/{}".format, IPS, st.integers(-1, 130)),
    st.builds("{}/{}".format, IPS, IPS),
    st.sampled_from(
        [
            "10.0.0.0/8",
            "10.0.0.1/8",
            "10/8",
            "0.0.0.0/0",
            "::/0",
            "127.0.0.0/8",
            "127.0.0.0/7",
            "::1/128",
            "10.0.0.0/",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/0.0.0.255",
            "10.0.0.0/08",
            "224.0.0.0/3",
            "239.1.0.0/16",
            "ff00::/7",
            "10.0.0.0/0.0.0.0",
            "2001:db8::/64",
            "2001:DB8::/ffff::",
            "10.0.0.0/8/8",
            "/",
            "/8",
            " 10.0.0.0/8",
        ]
    ),
)
MACS = st.one_of(
    st.binary(min_size=6, max_size=6).map(lambda b: b.hex(":")),
    st.binary(min_size=6, max_size=6).map(lambda b: b.hex("-").upper()),
    st.sampled_from(
        [
            "fa16.3e00.0001",
            "fa163e000001",
            "fa163e00000",
            "fa163e-000001",
            "fa163:e0000",
            "0:1:2:3:4:5",
            "1:2:3",
            "00:00:00:00:00:00",
            "ff:ff:ff:ff:ff:ff",
            "01:00:5e:00:00:01",
            "fa:16:3e:00:00",
            "fa:16:3e:00:00:0g",
            "fa:16:3e:00:00:01 ",
            "fa:16:3e:00:00:01\n",
            "00:11:22:33:44:55:66:77",
            "fa:16-3e:00:00:01",
        ]
    ),
)
UUIDS = st.one_of(
    st.uuids().map(str),
    st.uuids().map(lambda u: u.hex.upper()),
    st.sampled_from(
        [
            "{11111111-2222-3333-4444-555555555555}",
            "urn:uuid:11111111-2222-3333-4444-555555555555",
            "*",
            "x",
            "1111111122223333444455555555555",
            "1-1-1111112222333344445555555555555",
            "prefix_delegation",
        ]
    ),
)
NAMES = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "Z", "C", "S"]), max_size=6),
    st.sampled_from(
        ["", " ", "a ", " a", "a b", "a\n", "\n", "a\nb", "default", "Default", "名前", "🙂", "a\u00a0", "\u3000"]
    )
    | st.sampled_from(["x" * n for n in (32, 33, 36, 37, 64, 65, 255, 256, 1024, 1025)]),
)
DNS = st.one_of(
    st.from_regex(r"\A[a-z0-9-]{1,8}(\.[a-z0-9-]{0,8}){0,3}\.?\Z"),
    st.sampled_from(["a.1", "1.", "-a", "a-", "a..b", "x" * 64, "<project_id>.example.", "A.b", ".", "a\n", "٣.٣"])
    | st.integers(245, 260).map(lambda n: ("x" * 49 + ".") * 5 + "x" * max(0, n - 251) + "."),
)
NUMBERS = st.one_of(
    st.integers(-3, 70_000),
    st.integers(-3, 70_000).map(str),
    st.sampled_from(["1.5", 1.5, 2.0, "0x10", " 7 ", "1_0", "٣", True, 2**31 - 1, -(2**40), 2**32 - 1, 2**32, "4", 6]),
)
WORDS = st.sampled_from(
    [
        "true",
        "False",
        " YES ",
        "on",
        "0",
        "t",
        "maybe",
        "normal",
        "direct",
        "slaac",
        "ACTIVE",
        "ingress",
        "IPv4",
        "ipv6",
        "vlan",
        "network:dhcp",
        "neutron:x",
        "compute:nova",
        "other:x",
        "manila:x",
        "router",
        "classless-static-route",
    ]
)
SINGLE = st.one_of(SCALARS, IPS, CIDRS, MACS, UUIDS, NAMES, DNS, NUMBERS, WORDS)


def _dictionary(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={**keys, "more": SCALARS})


STRUCTURES = st.one_of(
    _dictionary(start=IPS | SCALARS, end=IPS),
    _dictionary(ip_address=IPS | CIDRS, subnet_id=UUIDS | SCALARS),
    _dictionary(destination=CIDRS | SCALARS, nexthop=IPS),
    _dictionary(mac_address=MACS, ip_address=IPS | CIDRS),
    _dictionary(opt_name=WORDS | NAMES, opt_value=NAMES | st.none(), ip_version=NUMBERS),
)
ANY = st.one_of(
    SINGLE,
    JSON,
    st.lists(SINGLE, max_size=3),
    STRUCTURES,
    st.lists(STRUCTURES, max_size=3),
    st.lists(SINGLE, min_size=1, max_size=2).map(lambda items: items * 2),
)
BY_KIND: dict[str, st.SearchStrategy[Any]] = {
    "type:ip_address_or_none": IPS,
    "type:subnet_or_none": CIDRS,
    "type:subnet_list": st.lists(CIDRS, max_size=3),
    "type:mac_address": MACS,
    "type:uuid": UUIDS,
    "type:uuid_or_none": UUIDS,
    "type:uuid_list": st.lists(UUIDS, max_size=3),
    "type:subnetpool_id_or_none": UUIDS,
    "type:dns_host_name": DNS,
    "type:dns_domain_name": DNS,
    "type:nameservers": st.lists(IPS, max_size=3),
    "type:ip_pools": st.lists(_dictionary(start=IPS, end=IPS), max_size=2),
    "type:fixed_ips": st.lists(_dictionary(ip_address=IPS, subnet_id=UUIDS), max_size=3),
    "type:hostroutes": st.lists(st.fixed_dictionaries({"destination": CIDRS, "nexthop": IPS}), max_size=2),
    "type:allowed_address_pairs": st.lists(_dictionary(mac_address=MACS, ip_address=IPS | CIDRS), max_size=3),
    "type:list_of_any_key_specs_or_none": st.lists(
        _dictionary(opt_name=WORDS | NAMES, opt_value=NAMES | st.none(), ip_version=NUMBERS), max_size=2
    ),
    "type:list_of_subnet_service_types": st.lists(WORDS | NAMES, max_size=3),
    "type:list_of_unique_strings": st.lists(NAMES, max_size=3),
    "type:availability_zone_hint_list": st.lists(NAMES, max_size=3),
    "type:non_negative": NUMBERS,
    "type:range": NUMBERS,
}
"""Values near to what each validator is for."""
