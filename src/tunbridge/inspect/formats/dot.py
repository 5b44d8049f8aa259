"""Graphviz source (`dot -Tsvg`): hosts are clusters, bridges boxes, the overlay one node."""

from tunbridge.inspect.draw.fleet import Grouping
from tunbridge.inspect.draw.style import LIGHT
from tunbridge.inspect.formats.graph import Edge, Graph, Group, Node, graph
from tunbridge.inspect.model import Document

_SHAPE = {"overlay": "cds", "physical": "oval", "ghost": "box", "missing": "plaintext"}
_NODE = {"fontname": "Helvetica", "fontsize": "11", "shape": "box", "style": "rounded,filled"}
_FRAME = {"fontname": "Helvetica", "nodesep": "0.25", "ranksep": "0.5", "labeljust": "l"}


def render(document: Document, group: Grouping = "auto") -> str:
    """Give the source of an undirected graph."""
    drawn = graph(document, group)
    lines = [
        "graph tunbridge {",
        f"  graph {_attributes({'rankdir': drawn.direction} | _FRAME)};",
        f"  node {_attributes(_NODE)};",
        f"  edge {_attributes({'fontname': 'Helvetica', 'fontsize': '9', 'color': LIGHT['plug']})};",
        *_legend(drawn),
    ]
    for each in drawn.groups:
        lines += _cluster(each)
    lines += [_node(node) for node in drawn.nodes]
    lines += [_edge(edge) for edge in drawn.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _legend(drawn: Graph) -> list[str]:
    if not drawn.remarks:
        return []
    text = "".join(f"{_escape(remark)}\\l" for remark in drawn.remarks)
    return [f'  label="{text}";', "  labelloc=b;"]


def _cluster(group: Group) -> list[str]:
    frame = {"label": group.title, "style": "rounded", "color": LIGHT["line"], "labelloc": "t"}
    head = [f"  subgraph cluster_{group.id} {{", f"    graph {_attributes(frame)};"]
    return [*head, *(f"  {_node(node)}" for node in group.nodes), "  }"]


def _node(node: Node) -> str:
    fill = LIGHT.get(f"{node.kind}-fill", LIGHT["chip"])
    look = {"label": "\n".join(node.lines), "fillcolor": fill, "color": LIGHT.get(node.kind, LIGHT["plug"])}
    if node.kind in _SHAPE:
        look["shape"] = _SHAPE[node.kind]
    if node.kind == "overlay":
        look["fillcolor"] = LIGHT["band"]
    if node.kind == "physical":
        look["fillcolor"] = LIGHT["wire-net"]
    if node.kind == "ghost":
        look["style"] = "rounded,dashed"
    if node.severity:
        look |= {"color": LIGHT[node.severity], "fillcolor": LIGHT[f"{node.severity}-fill"], "penwidth": "2"}
    return f"  {node.id} {_attributes(look)};"


def _edge(edge: Edge) -> str:
    look = {"label": edge.label} if edge.label else {}
    if edge.severity:
        look |= {"color": LIGHT[edge.severity], "fontcolor": LIGHT[edge.severity]}
    if edge.is_dim:
        look["style"] = "dashed"
    if edge.count > 1 or edge.severity:
        look["penwidth"] = "3"
    return f"  {edge.a} -- {edge.b}{' ' + _attributes(look) if look else ''};"


def _attributes(look: dict[str, str]) -> str:
    """Write attributes; every value is a quoted string, so that no name can be anything but text."""
    return "[" + ", ".join(f'{name}="{_lines(value)}"' for name, value in look.items()) + "]"


def _lines(value: str) -> str:
    return "\\n".join(_escape(line) for line in value.split("\n"))


def _escape(text: str) -> str:
    r"""Escape what means something in a label: the quote, backslashes (\N is the node's name) and HTML entities."""
    return text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
