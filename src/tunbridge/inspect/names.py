"""Names of hosts: every host of a document has one of its own, so that links and findings can refer to it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from msgspec.structs import replace

from tunbridge.inspect.model import Host

_STEM_SUFFIXES = (".txt", ".log", ".out", ".ovs-vsctl-show", ".show")


def distinguish(hosts: Sequence[Host]) -> list[Host]:
    """Number the hosts whose names are taken: `node`, `node-2`, `node-3`. The first keeps its name."""
    taken = {host.name for host in hosts}
    seen: Counter[str] = Counter()
    given: set[str] = set()
    result: list[Host] = []
    for host in hosts:
        name = host.name
        while name in given or (name != host.name and name in taken):
            seen[host.name] += 1
            name = f"{host.name}-{seen[host.name] + 1}"
        given.add(name)
        result.append(host if name == host.name else replace(host, name=name))
    return result


def stem(source: str) -> str:
    """Give the name that a file's path suggests for its host: `a/compute0.ovs-vsctl-show.txt` says `compute0`."""
    if source in ("-", "standard input") or source.startswith(("/dev/", "/proc/")):
        return ""  # a pipe, perhaps of a shell's <(...), has no name that says anything
    base = PurePath(source).name
    while base.lower().endswith(_STEM_SUFFIXES):
        shorter = base.rpartition(".")[0]
        if not shorter:
            break
        base = shorter
    return base
