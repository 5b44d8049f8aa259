"""What servers know of telling Placement about an agent's host: whether it was done, and of which settings."""

from tunbridge.rules.request import Reader, Row, Txn

TABLE = "Agent_Placement"


def of(reader: Reader, agent: Row) -> Row | None:
    """Give the row of an agent, if Placement was ever to be told of its host."""
    return reader.find_unique(TABLE, ("host", "agent_type"), (agent.host, agent.agent_type))


def synced(reader: Reader, agent: Row) -> bool | None:
    """Say whether Placement knows what the agent's host has; None: there is nothing to tell, or nobody to."""
    row = of(reader, agent)
    return None if row is None else bool(row.synced)


def providers(reader: Reader, agent: Row) -> list[str]:
    """Give the UUIDs of the resource providers that Placement may have of an agent's host, parents first."""
    row = of(reader, agent)
    return [] if row is None else row.providers.split()


def note(txn: Txn, agent: Row, is_synced: bool, version: str, providers: list[str]) -> None:
    """Keep what became of telling Placement."""
    row = of(txn, agent)
    columns = {"synced": is_synced, "version": version, "providers": " ".join(providers)}
    if row is None:
        txn.insert(TABLE, {"host": agent.host, "agent_type": agent.agent_type, **columns})
    else:
        txn.update(TABLE, row.id, columns)


def forget(txn: Txn, agent: Row) -> None:
    """Remove what is known of an agent that is removed."""
    row = of(txn, agent)
    if row is not None:
        txn.delete(TABLE, row.id)
