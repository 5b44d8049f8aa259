"""Addresses and prefixes: what always holds, whatever the network."""

import ipaddress
import random

from hypothesis import assume, given
from hypothesis import strategies as st

from tunbridge.rules import ipam
from tunbridge.rules.ipam import Network, Pool


@st.composite
def networks(draw: st.DrawFn, least: int = 1) -> Network:
    version = draw(st.sampled_from([4, 6]))
    bits = 32 if version == 4 else 128
    length = draw(st.integers(least, bits))
    number = draw(st.integers(0, 2**bits - 1))
    return ipaddress.ip_network((number, length) if version == 6 else (number % 2**32, length), strict=False)


@st.composite
def small_networks(draw: st.DrawFn) -> Network:
    version = draw(st.sampled_from([4, 6]))
    bits = 32 if version == 4 else 128
    number = draw(st.integers(0, 2**32 - 1)) << (0 if version == 4 else 80)
    return ipaddress.ip_network((number, draw(st.integers(bits - 6, bits))), strict=False)


def addresses(pools: list[Pool]) -> set[int]:
    return {int(pool.first) + n for pool in pools for n in range(pool.size)}


@given(small_networks(), st.integers(0, 63))
def test_default_pools_are_all_usable_addresses_but_the_gateways(net: Network, offset: int) -> None:
    gateway = net.network_address + offset % net.num_addresses
    whole = ipam.usable(net)
    found = addresses(ipam.default_pools(net, gateway))
    wanted = addresses([whole])
    assert found == (wanted - {int(gateway)} if whole.size > 1 else wanted)
    assert all(ipam.valid_on(net, ipaddress.ip_address(n) if net.version == 4 else ipaddress.IPv6Address(n), "x")
               for n in found) or net.prefixlen == 128  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), max_size=6))
def test_pools_overlap_when_two_share_an_address(spans: list[tuple[int, int]]) -> None:
    base = ipaddress.ip_address("10.0.0.0")
    pools = [Pool(base + start, base + start + length) for start, length in spans]
    share = len(addresses(pools)) < sum(pool.size for pool in pools)
    assert (ipam.overlapping(pools) is not None) == share


@given(small_networks(), st.sets(st.integers(0, 63)), st.booleans(), st.integers())
def test_a_free_address_is_given_while_there_is_one(net: Network, taken: set[int], sequential: bool, seed: int) -> None:
    pools = ipam.default_pools(net, None)
    used = {int(net.network_address) + n for n in taken}
    found = ipam.free_address(pools, lambda a: int(a) not in used, random.Random(seed), sequential)
    free = sorted(addresses(pools) - used)
    assert (found is None) == (not free)
    if found is not None:
        assert int(found) in free
        assert not sequential or int(found) == free[0]


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**64 - 1))
def test_an_address_made_of_a_mac_tells_the_mac(mac: int, prefix: int) -> None:
    text = ":".join(f"{mac:012x}"[i : i + 2] for i in range(0, 12, 2))
    net = ipaddress.IPv6Network((prefix << 64, 64))
    made = ipam.eui64(net, text)
    assert made in net
    assert ipam.is_eui64(made)
    identifier = int(made) & (2**64 - 1)
    octets = (identifier ^ (2 << 56)).to_bytes(8, "big")
    assert octets[:3] + octets[5:] == mac.to_bytes(6, "big")


def test_the_address_of_rfc_4291s_example() -> None:
    net = ipaddress.IPv6Network("fe80::/64")
    assert str(ipam.eui64(net, "34:56:78:9a:bc:de")) == "fe80::3656:78ff:fe9a:bcde"


@given(networks(), st.data())
def test_what_is_available_is_what_is_not_taken(whole: Network, data: st.DataObject) -> None:
    bits = whole.max_prefixlen
    lengths = st.integers(whole.prefixlen, min(whole.prefixlen + 5, bits))
    taken: list[Network] = []
    for _ in range(data.draw(st.integers(0, 4))):
        length = data.draw(lengths)
        size = 2 ** (bits - length)
        place = data.draw(st.integers(0, 2 ** (length - whole.prefixlen) - 1))
        taken.append(type(whole)((int(whole.network_address) + place * size, length)))
    left = ipam.available([whole], taken)
    assert sum(net.num_addresses for net in left) == whole.num_addresses - sum(
        net.num_addresses for net in ipam._collapsed(taken)
    )
    assert not any(a.overlaps(b) for a in left for b in taken)
    assert [net.prefixlen for net in left] == sorted((net.prefixlen for net in left), reverse=True)


@given(networks(), st.integers(0, 8))
def test_a_cut_prefix_lies_in_the_smallest_that_has_room(whole: Network, more: int) -> None:
    wanted = whole.prefixlen + more
    assume(wanted <= whole.max_prefixlen)
    found = ipam.cut([whole], wanted)
    assert found is not None
    assert found.prefixlen == wanted
    assert ipam.inside([whole], found)
    assert ipam.cut([found], whole.prefixlen) is None or more == 0


def test_prefixes_that_touch_are_kept_as_one() -> None:
    assert ipam.collapsed(["10.0.0.0/25", "10.0.0.128/25", "2001:db8::/65"]) == ["10.0.0.0/24", "2001:db8::/65"]


def test_many_prefixes_are_taken_out_of_one() -> None:
    whole = ipaddress.ip_network("2000::/8")
    taken = [ipaddress.ip_network((int(whole.network_address) + (i << 100) + 7, 128)) for i in range(500)]
    left = ipam.available([whole], taken)
    assert sum(net.num_addresses for net in left) == whole.num_addresses - len(taken)
    assert not ipam.overlap(left, taken)
    assert ipam.overlap([whole], taken) and ipam.inside(taken, *taken) and not ipam.inside(taken, whole)
