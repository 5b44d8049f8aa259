"""What a sentence rests on: the lines of the source that state an object or its attributes, or the object itself."""

from collections.abc import Iterable, Iterator

from tunbridge.inspect.explain.statement import Citation
from tunbridge.inspect.model import Bridge, Controller, End, Host, Lines, Manager, Port
from tunbridge.inspect.wiring import Wiring


def host(host: Host, *attributes: str) -> list[Citation]:
    """Cite a host: where it begins (its UUID), or where an attribute is stated."""
    return _cite(host, host.lines, attributes, [])


def manager(host: Host, manager: Manager) -> list[Citation]:
    """Cite a Manager and its state."""
    return _cite(host, manager.lines, ("name", "is_connected"), ["Manager", manager.target])


def controller(host: Host, bridge: Bridge, controller: Controller) -> list[Citation]:
    """Cite a Controller of a bridge and its state."""
    return _cite(host, controller.lines, ("name", "is_connected"), [bridge.name, "Controller", controller.target])


def bridge(host: Host, bridge: Bridge, *attributes: str) -> list[Citation]:
    """Cite a bridge: where it begins, or where its attributes are stated."""
    return _cite(host, bridge.lines, attributes, [bridge.name])


def port(host: Host, bridge: Bridge, port: Port, *attributes: str) -> list[Citation]:
    """Cite a port: where it begins, or those of its or its interfaces' attributes that are stated."""
    subject = [bridge.name, port.name]
    found: list[Citation] = []
    for attribute in attributes or ("name",):
        for lines in (port.lines, *(interface.lines for interface in port.interfaces)):
            if attribute in lines and not (attribute == "name" and lines is not port.lines):
                found += _cite(host, lines, (attribute,), subject)
    return found or _cite(host, port.lines, (), subject)


def end(wiring: Wiring, end: End, *attributes: str) -> list[Citation]:
    """Cite the port at one end of a link; an end that is not known is not cited."""
    if end.bridge is None or end.port is None:
        return []
    found = wiring.ports.get((end.host, end.bridge, end.port))
    if found is None:
        return []
    return port(wiring.hosts[end.host], wiring.bridges[end.host, end.bridge], found, *attributes)


def ends(wiring: Wiring, ends: Iterable[End], *attributes: str) -> Iterator[Citation]:
    """Cite the ports at several ends."""
    for one in ends:
        yield from end(wiring, one, *attributes)


def _cite(host: Host, lines: Lines, attributes: Iterable[str], subject: list[str]) -> list[Citation]:
    stated = [lines[attribute] for attribute in attributes if attribute in lines]
    source = host.source or host.name
    text = " ".join([host.name, *subject])
    if not stated:
        first = lines.get("name", min(lines.values(), default=None))
        stated_or_none: list[int | None] = [first]
    else:
        stated_or_none = [*stated]
    return [Citation(source=source, line=line, subject=text) for line in stated_or_none]
