"""Dumps of one host that are large in one way each: what makes a loop over pairs visible."""

from collections.abc import Callable

UUIDS = ("7d7c87c8-560d-4138-8742-8f745aea968b", "25bab28b-f4e3-4cc1-8369-1267ca847c93")
VERSION = '    ovs_version: "2.11.0"\n'


def port(name: str, type_: str = "", tag: int = 0, options: str = "", error: str = "") -> str:
    lines = [f"        Port {name}", *([f"            tag: {tag}"] if tag else []), f"            Interface {name}"]
    lines += [f"                type: {type_}"] * bool(type_)
    lines += [f"                options: {{{options}}}"] * bool(options)
    lines += [f'                error: "{error}"'] * bool(error)
    return "\n".join(lines) + "\n"


def patch(name: str, peer: str, error: str = "") -> str:
    return port(name, "patch", options=f"peer={peer}", error=error)


def bridge(name: str, *ports: str) -> str:
    return f"    Bridge {name}\n        fail_mode: secure\n" + "".join(ports)


def host(*bridges: str, uuid: str = UUIDS[0]) -> str:
    return f"{uuid}\n" + "".join(bridges) + VERSION


def ip(number: int, net: int = 10) -> str:
    return f"{net}.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def vxlan(name: str, local: str, remote: str, key: str = "flow") -> str:
    return port(name, "vxlan", options=f'local_ip="{local}", remote_ip="{remote}", key="{key}"')


def keyed(local: str, remote: str, keys: list[int]) -> list[str]:
    return [vxlan(f"v{index}", local, remote, str(key)) for index, key in enumerate(keys)]


SHAPES: dict[str, Callable[[int], str]] = {
    "ports": lambda n: host(bridge("br-int", *(port(f"tap{i}", tag=i % 4000 + 1) for i in range(n)))),
    "untagged ports": lambda n: host(bridge("br-int", patch("patch-tun", "x"), *(port(f"tap{i}") for i in range(n)))),
    "bridges": lambda n: host(*(bridge(f"br{i}", port(f"br{i}", "internal")) for i in range(n))),
    "patch pairs between two bridges": lambda n: host(
        bridge("br-int", *(patch(f"a{i}", f"b{i}") for i in range(n))),
        bridge("br-x", *(patch(f"b{i}", f"a{i}") for i in range(n))),
    ),
    "a chain of bridges": lambda n: host(
        *(bridge(f"br{i}", patch(f"l{i}", f"r{i - 1}"), patch(f"r{i}", f"l{i + 1}")) for i in range(n))
    ),
    "a star of bridges": lambda n: host(
        bridge("br-int", *(patch(f"int-x{i}", f"phy-x{i}") for i in range(n))),
        *(bridge(f"x{i}", patch(f"phy-x{i}", f"int-x{i}")) for i in range(n)),
    ),
    "patch ports with one peer": lambda n: host(
        bridge("br-int", *(patch(f"a{i}", "z") for i in range(n))), bridge("br-x", patch("z", "a0"))
    ),
    "patch ports without a peer": lambda n: host(
        bridge("br-int", *(patch(f"a{i}", f"q{i}", "No usable peer") for i in range(n)))
    ),
    "patch ports of as many missing bridges": lambda n: host(
        bridge("br-int", *(patch(f"int-x{i}", f"phy-x{i}") for i in range(n))), *(bridge(f"y{i}") for i in range(n))
    ),
    "tunnels": lambda n: host(
        bridge("br-int", patch("patch-tun", "patch-int")),
        bridge("br-tun", patch("patch-int", "patch-tun"), *(vxlan(f"v{i}", ip(1), ip(i + 2)) for i in range(n))),
    ),
    "tunnels to one address": lambda n: host(
        bridge("br-tun", *(vxlan(f"v{i}", ip(1), ip(2)) for i in range(n)))
    ),
    "tunnels that differ in their keys": lambda n: host(bridge("br-tun", *keyed(ip(1), ip(2), list(range(n)))))
    + host(bridge("br-tun", *keyed(ip(2), ip(1), list(range(n, 0, -1)))), uuid=UUIDS[1]),
    "tunnels from as many addresses": lambda n: host(
        bridge("br-tun", *(vxlan(f"v{i}", ip(i), ip(i, 11)) for i in range(n)))
    ),
    "equal errors": lambda n: host(
        bridge("br-int", *(port(f"tap{i}", error=f"could not open tap{i} (No such device)") for i in range(n)))
    ),
    "NICs": lambda n: host(
        bridge("br-int", patch("int-e", "phy-e")),
        bridge("e", patch("phy-e", "int-e"), *(port(f"eth{i}") for i in range(n)))
    ),
    "bridges with a NIC each": lambda n: host(
        *(f"    Bridge x{i}\n        datapath_type: netdev\n{port(f'eth{i}')}" for i in range(n)),
        f"    Bridge br-tun\n        datapath_type: netdev\n{vxlan('v0', ip(1), ip(2))}",
    ),
    "names like those of pods": lambda n: host(bridge("br-int", *(port(f"{i:015x}", tag=1) for i in range(n)))),
    "hosts": lambda n: "".join(
        host(bridge("br-int", port("tap0", tag=1)), uuid=f"{i:08x}{UUIDS[0][8:]}") for i in range(n)
    ),
}  # fmt: skip
