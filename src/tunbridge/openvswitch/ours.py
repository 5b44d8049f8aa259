"""Keys of `external_ids` by which rows of Tunbridge's agent are known, to the agent and to those who look at a host."""

ORIGIN = "tunbridge-origin"
"""Of every row that is the agent's: "created" by it, or "adopted" from the operator."""
PHYSICAL_NETWORK = "tunbridge-physical-network"
"""Of a provider bridge: the physical network that it stands for."""
