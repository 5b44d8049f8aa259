"""The cloud as a host sees it: the central database, or nothing where the host stands alone."""

import asyncio
from collections.abc import Callable, Mapping, Set
from typing import Protocol

from msgspec import Struct

from tunbridge.agent.config import AgentConfig
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.view import Key, Location, Source
from tunbridge.log import Log


class BootConfig(Struct, frozen=True, kw_only=True):
    """What a VM is told by the metadata service besides what its port tells; "" and nothing where it is not set."""

    hostname: str = ""
    public_keys: tuple[str, ...] = ()
    """Lines as in authorized_keys."""
    user_data: bytes = b""


class Cloud(Protocol):
    """What the engine asks of the central database."""

    @property
    def source(self) -> Source:
        """Rows of the cloud that concern this host."""

    @property
    def complete(self) -> bool:
        """Whether `source` has everything that this host needs: until then nothing is deleted."""

    @property
    def problem(self) -> str | None:
        """Why there is no connection now; None when there is one, or is to be none."""

    @property
    def reconnects(self) -> int:
        """How often a lost connection was made again."""

    async def run(self) -> None:
        """Stay connected, until cancelled."""

    def configure(self, config: AgentConfig) -> None:
        """Take settings that were read again."""

    def tunnel_ips(self) -> Mapping[str, str]:
        """Tunnel addresses of the other hosts, by name."""

    def take_touched(self) -> set[Key]:
        """Keys of rows that changed since the last call."""

    def plugged(self, port_ids: set[str]) -> None:
        """Say which ports are plugged in here: they are asked for and claimed."""

    def unknown(self, port_ids: Set[str]) -> Set[str]:
        """Those of plugged ports of which not all is there that belongs to them, nor that they do not exist."""

    def report(self, statuses: Mapping[str, str]) -> None:
        """Say how each port of this host is: ACTIVE, DOWN or ERROR."""

    async def boot_config(self, port_id: str) -> BootConfig:
        """The boot configuration of a port. Raises DatabaseError: it cannot be read now, and was not before."""

    def locate(self, changes: Mapping[tuple[str, str], Location | None]) -> None:
        """Say which addresses (network, address) ports here have that several may have; None: not any more."""


class Alone:
    """A host without a central database: it has no networks, and tunnels to the peers of its configuration."""

    def __init__(self) -> None:
        self.source: Source = Rows()
        self.complete = True
        self.problem: str | None = None
        self.reconnects = 0

    async def run(self) -> None:
        await asyncio.Event().wait()

    def configure(self, config: AgentConfig) -> None:
        pass

    def tunnel_ips(self) -> Mapping[str, str]:
        return {}

    def take_touched(self) -> set[Key]:
        return set()

    def plugged(self, port_ids: set[str]) -> None:
        pass

    def unknown(self, port_ids: Set[str]) -> Set[str]:  # noqa: ARG002 - the protocol's
        return frozenset()

    def report(self, statuses: Mapping[str, str]) -> None:
        pass

    async def boot_config(self, port_id: str) -> BootConfig:  # noqa: ARG002 - the protocol's
        return BootConfig()

    def locate(self, changes: Mapping[tuple[str, str], Location | None]) -> None:
        pass


def cloud_of(config: AgentConfig, log: Log, changed: Callable[[], None], watch_only: bool = False) -> Cloud:
    """The cloud that a configuration names. `changed` is called whenever rows or completeness changed.

    With `watch_only` nothing is written: the host neither registers nor claims nor reports.
    """
    if not config.database:
        return Alone()
    from tunbridge.agent.central import Central, Remembered  # late: a host that stands alone does without

    return Central(config, log, changed, watch_only, Remembered(config.state_dir))
