"""Mermaid source, for wikis and READMEs that draw `mermaid` blocks: a flowchart, one subgraph for each host."""

from tunbridge.inspect.draw.fleet import Grouping
from tunbridge.inspect.draw.safe import clip
from tunbridge.inspect.draw.style import LIGHT
from tunbridge.inspect.formats.graph import Edge, Group, Node, graph
from tunbridge.inspect.model import Document

MAX_REMARK = 160
"""Characters of a line about what was found: a flowchart has no place for more."""

_KINDS = ("integration", "tunnel", "provider", "other")
_SHAPE = {"overlay": ("[[", "]]"), "physical": ("([", "])"), "workload": ("(", ")")}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,/")


def render(document: Document, group: Grouping = "auto") -> str:
    """Give the source of a flowchart."""
    drawn = graph(document, group)
    lines = [f"flowchart {drawn.direction}"]
    for each in drawn.groups:
        lines += _subgraph(each)
    lines += [f"  {_node(node)}" for node in drawn.nodes]
    wrong: dict[str, list[int]] = {"error": [], "warning": []}
    for index, edge in enumerate(drawn.edges):
        lines.append(f"  {_edge(edge)}")
        if edge.severity:
            wrong[edge.severity].append(index)
    if drawn.remarks:
        text = "<br/>".join(_escape(clip(remark, MAX_REMARK)) for remark in drawn.remarks)
        lines.append(f'  n0["{text}"]:::remarks')
    lines += _classes()
    for severity, indices in wrong.items():
        if indices:
            lines.append(f"  linkStyle {','.join(map(str, indices))} stroke:{LIGHT[severity]},stroke-width:3px")
    return "\n".join(lines) + "\n"


def _subgraph(group: Group) -> list[str]:
    nodes = [f"    {_node(node)}" for node in group.nodes]
    return [f'  subgraph {group.id}["{_escape(group.title or "?")}"]', *nodes, "  end"]


def _node(node: Node) -> str:
    left, right = _SHAPE.get(node.kind, ("[", "]"))
    text = "<br/>".join(_escape(line) for line in node.lines)
    return f'{node.id}{left}"{text}"{right}:::{node.severity or node.kind}'


def _edge(edge: Edge) -> str:
    wire = "-.-" if edge.is_dim else "===" if edge.count > 1 else "---"
    label = f'|"{_escape(edge.label)}"|' if edge.label else ""
    return f"{edge.a} {wire}{label} {edge.b}"


def _classes() -> list[str]:
    looks = {kind: (LIGHT[f"{kind}-fill"], LIGHT[kind], LIGHT[f"{kind}-ink"]) for kind in _KINDS}
    looks["workload"] = (LIGHT["chip"], LIGHT["plug"], LIGHT["ink"])
    looks["physical"] = (LIGHT["wire-net"], LIGHT["provider"], LIGHT["provider-ink"])
    looks["overlay"] = (LIGHT["band"], LIGHT["tunnel"], LIGHT["tunnel-ink"])
    looks["error"] = looks["missing"] = (LIGHT["error-fill"], LIGHT["error"], LIGHT["ink"])
    looks["warning"] = (LIGHT["warning-fill"], LIGHT["warning"], LIGHT["ink"])
    lines = [f"  classDef {name} fill:{f},stroke:{s},color:{ink}" for name, (f, s, ink) in looks.items()]
    ghost = f"fill:{LIGHT['canvas']},stroke:{LIGHT['plug']},color:{LIGHT['soft']}"
    lines.append(
        f"  classDef remarks fill:{LIGHT['canvas']},stroke:{LIGHT['line']},color:{LIGHT['soft']},text-align:left"
    )
    return [*lines, f"  classDef ghost {ghost},stroke-dasharray:5 4"]


def _escape(text: str) -> str:
    """Write everything but plain letters, digits and a few signs as Mermaid's character codes (#60; is <)."""
    return "".join(char if char in _PLAIN or ord(char) > 0xA0 else f"#{ord(char)};" for char in text)
