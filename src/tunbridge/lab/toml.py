"""Write the agent's configuration as the TOML file that it reads: Python's library only reads TOML."""

import msgspec

from tunbridge.agent.config import AgentConfig


def to_toml(config: AgentConfig) -> str:
    """Write a configuration as a file that `tunbridge.agent.config.load` reads back as the same configuration."""
    plain: dict[str, object] = msgspec.to_builtins(config)
    peers = plain.pop("peers")
    providers = plain.pop("providers")
    assert isinstance(peers, list)
    assert isinstance(providers, dict)
    tables = {key: plain.pop(key) for key in ("metadata", "network_log", "flow_export", "database_tls")}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items() if value is not None]
    for name, table in tables.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *(f"{k} = {_value(v)}" for k, v in table.items() if v is not None)]
    for peer in peers:
        lines += ["", "[[peers]]", *(f"{k} = {_value(v)}" for k, v in peer.items())]
    for network, provider in providers.items():
        lines += ["", f'[providers."{network}"]', *(f"{k} = {_value(v)}" for k, v in provider.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """Write a value: JSON's escapes of a string are TOML's, which wants one more (U+007F); a table has no nulls."""
    if isinstance(value, dict):
        pairs = (f"{_value(key)} = {_value(content)}" for key, content in value.items() if content is not None)
        return f"{{ {', '.join(pairs)} }}"
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
