"""What may safely be advised on a host: whoever wired it repairs it first, and a command by hand comes second.

A port that is made by hand gets a new OpenFlow number, which the flows of Neutron's agent do not know until it starts
again; ovn-controller and Antrea take away what they did not make.
"""

from tunbridge.inspect.wiring import Flavour

_AGENTS: dict[Flavour, str] = {
    "neutron": "the agent of this host (neutron-openvswitch-agent or tunbridge-agent)",
    "ovn": "ovn-controller (systemctl restart ovn-controller)",
    "antrea": "the antrea-agent Pod of this node",
    "plain": "whatever program made it",
}


def agent(is_tunbridge: bool | None) -> str:
    """Name the agent that gives ports their local VLAN; None: it is not known which one runs."""
    if is_tunbridge is None:
        return "the agent of this host"
    return "Tunbridge's agent" if is_tunbridge else "Neutron's agent"


def restart(owner: Flavour) -> str:
    """Return "restart AGENT", for the agent that wired the host."""
    return f"restart {_AGENTS[owner]}"


def by_agent(owner: Flavour, does: str, command: str) -> str:
    """Return the agent's way first, then the manual one where flows and agent leave it in place.

    `does` says what the agent does when it starts ("which makes the pair anew").
    """
    if owner == "neutron":
        return f"{restart(owner)}, {does}; by hand, and then restart it too, as its flows go by port number: {command}"
    return command if owner == "plain" else f"{restart(owner)}, {does}"


def after_emptying(owner: Flavour) -> str:
    """Return what has to be done after Open vSwitch has emptied the flow tables of a bridge."""
    if owner == "plain":
        return (
            "then have its flows written again: a controller does that when it reconnects, and what ovs-ofctl added "
            "has to be added again"
        )
    return f"then {restart(owner)}, which writes them again"
