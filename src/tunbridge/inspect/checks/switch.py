"""Checks of the running switch: flows that it waits for, MAC tables, and counters that grow."""

from collections.abc import Iterator
from shlex import quote

from tunbridge.inspect.checks.advice import after_emptying
from tunbridge.inspect.checks.view import View, finding
from tunbridge.inspect.model import Bridge, Finding, Host, Interface

NEARLY = 0.9
"""From this part on, a MAC table is called nearly full."""
DROPS = ("rx_dropped", "tx_dropped", "rx_missed_errors", "rx_over_err")
ERRORS = ("rx_errors", "tx_errors", "rx_crc_err", "rx_frame_err", "collisions")
"""Counters of ovs-vswitchd.conf.db(5), Interface, `statistics`; these two are also what `diff` compares."""


def flow_restore_wait(view: View) -> Iterator[Finding]:
    """Report hosts whose Open vSwitch was told to wait for flows, and was not told that they are there."""
    for host in view.given:
        if host.flow_restore_wait:
            yield finding(
                "flow-restore-wait",
                host.name,
                host.name,
                "other_config:flow-restore-wait is set: an ovs-vswitchd that was started since forwards nothing and "
                "talks to no controller, and one that is started now will not either",
                "ovs-vsctl remove Open_vSwitch . other_config flow-restore-wait; that empties the flow tables of "
                "bridges with a controller: " + after_emptying(view.owners[host.name]),
            )


def mac_tables(view: View) -> Iterator[Finding]:
    """Report bridges that have learned as many MAC addresses as they may, or nearly."""
    for host in view.given:
        for bridge in host.bridges:
            used, size = bridge.mac_table_used, bridge.mac_table_size
            if used is not None and size and used >= size * NEARLY:
                yield _mac_table(host, bridge, used, size)


def _mac_table(host: Host, bridge: Bridge, used: int, size: int) -> Finding:
    full = used >= size
    return finding(
        "mac-table-full",
        host.name,
        bridge.name,
        f"the MAC table of {bridge.name} holds {used} of {size} addresses"
        + (": for each new one an old one is forgotten, and packets to it are flooded" if full else ": nearly full"),
        f"ovs-vsctl set bridge {quote(bridge.name)} other_config:mac-table-size={max(size * 4, 2048)} (Neutron's agent "
        "takes 50000); is it a loop or a scan? ovs-appctl fdb/show tells who is there",
        severity=None if full else "info",
    )


def counters(view: View) -> Iterator[Finding]:
    """Report interfaces whose counters of drops and errors grew between two readings.

    An interface that is switched off drops all that is flooded to it: a bridge's own port, which nobody uses.
    """
    for host, bridge, _, interface in view.interfaces():
        if interface.growth and interface.admin_state != "down":
            yield from _grown(host, bridge, interface, "drops-growing", DROPS)
            yield from _grown(host, bridge, interface, "errors-growing", ERRORS)


def _grown(host: Host, bridge: Bridge, interface: Interface, code: str, names: tuple[str, ...]) -> Iterator[Finding]:
    growth = interface.growth or {}
    grown = [f"{name} +{growth[name]}" for name in names if growth.get(name, 0) > 0]
    if not grown:
        return
    during = f" in {host.counted_over:g} s" if host.counted_over is not None else ""
    drops = code == "drops-growing"
    yield finding(
        code,
        host.name,
        interface.name,
        f"{interface.name} of {bridge.name} "
        + ("drops packets" if drops else "has errors")
        + f": {', '.join(grown)}{during}",
        f"ip -s link show {quote(interface.name)}; "
        + (
            "do the MTUs of both ends fit, does the receiver keep up (queues, CPU)?"
            if drops
            else f"ethtool -S {quote(interface.name)}; try another cable, transceiver or switch port"
        ),
    )
