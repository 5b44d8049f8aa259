"""What is kept of a trunk's sub-ports in the row of its parent port: `other_config:sub_ports`."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

KEY = "sub_ports"


class Record(Struct, frozen=True, order=True):
    """A sub-port that is wired: its tag, its network with the local VLAN, and its number in br-int."""

    vlan: int
    port_id: str
    network_id: str
    local_vlan: int
    number: int


def text_of(records: Iterable[Record]) -> str:
    """Records as they are kept: `101=PORT,NETWORK,LOCAL_VLAN,NUMBER 102=…`, in the order of their tags."""
    return " ".join(f"{r.vlan}={r.port_id},{r.network_id},{r.local_vlan},{r.number}" for r in sorted(records))


def records_of(text: str) -> Iterator[Record]:
    """The records of a text; what cannot be read is left out."""
    for entry in text.split():
        vlan, _, rest = entry.partition("=")
        parts = rest.split(",")
        if len(parts) == 4 and all(n.isascii() and n.isdecimal() for n in (vlan, *parts[2:])):
            yield Record(int(vlan), parts[0], parts[1], int(parts[2]), int(parts[3]))
