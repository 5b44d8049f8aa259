"""Rules of agents: hosts register them, an admin describes them and removes dead ones."""

from collections.abc import Collection

from tunbridge.rules import hosts, l3_agents, placement
from tunbridge.rules.errors import Conflict
from tunbridge.rules.l3_agents import L3Agent
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.timed import TimedRules


class AgentRules(TimedRules):
    """The rules of agents: hosts register them, an admin may describe them and remove dead ones."""

    name = "Agent"

    def all(self, reader: Reader) -> Collection[Row]:
        """Give the agents that hosts have registered, and their L3 agents."""
        return [*reader.all(self.table), *l3_agents.all_of(reader)]

    def row(self, reader: Reader, id: str) -> Row | None:
        """Give an agent, if there is one."""
        return reader.get(self.table, id) or l3_agents.find(reader, id)

    def body(self, reader: Reader, row: Row) -> Values:
        """Give all that can be seen of an agent."""
        setting = self._setting(reader, row)
        told_by = row.told_by if isinstance(row, L3Agent) else row
        beat = hosts.heartbeat(reader, told_by)
        return {
            "id": row.id,
            "agent_type": row.agent_type,
            "binary": row.binary,
            "topic": row.topic,
            "host": row.host,
            "admin_state_up": True if setting is None else setting.admin_state_up,
            "created_at": _plain(row.created_at),
            "started_at": _plain(row.started_at),
            "heartbeat_timestamp": None if beat is None else beat.strftime("%Y-%m-%d %H:%M:%S"),
            "alive": hosts.is_alive(reader, told_by, self._settings, self._clock()),
            "configurations": hosts.configurations(row),
            "description": None if setting is None else setting.description,
            "availability_zone": row.availability_zone,
            "resources_synced": placement.synced(reader, row),
        }

    def update(self, txn: Txn, _request: Request, row: Row, values: Values) -> None:
        """Keep what an admin says of an agent."""
        columns: Values = {name: values[name] for name in ("admin_state_up", "description") if name in values}
        setting = self._setting(txn, row)
        if setting is not None:
            txn.update("Agent_Setting", setting.id, columns)
            return
        made: Values = {"host": row.host, "agent_type": row.agent_type, "admin_state_up": True, **columns}
        txn.insert("Agent_Setting", made)

    def delete(self, txn: Txn, _request: Request, row: Row) -> None:
        """Forget an agent; one that lives registers itself again. Raises Conflict for one that goes with another."""
        if isinstance(row, L3Agent):
            message = f"Agent {row.id} is a part of agent {row.told_by.id}, and goes with it."
            raise Conflict("AgentInUse", message)
        kinds = (row.agent_type, hosts.L3_AGENT_TYPE) if row.agent_type == hosts.AGENT_TYPE else (row.agent_type,)
        for kind in kinds:
            setting = txn.find_unique("Agent_Setting", ("host", "agent_type"), (row.host, kind))
            if setting is not None:
                txn.delete("Agent_Setting", setting.id)
        placement.forget(txn, row)
        beat = txn.find_unique("Host_Heartbeat", ("host", "agent_type"), (row.host, row.agent_type))
        if beat is not None:
            txn.delete("Host_Heartbeat", beat.id)
        if row.agent_type == hosts.AGENT_TYPE:
            txn.delete_where("Port_Status", "host", row.host)
            txn.delete_where("Address_Location", "host", row.host)
        txn.delete("Host", row.id)

    @staticmethod
    def _setting(reader: Reader, row: Row) -> Row | None:
        return reader.find_unique("Agent_Setting", ("host", "agent_type"), (row.host, row.agent_type))


def _plain(text: str) -> str:
    """Give a time as Neutron prints those of agents."""
    return text.replace("T", " ").removesuffix("Z")
