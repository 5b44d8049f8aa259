"""The colours and type of the SVG picture, light and dark.

Plain classes with one `prefers-color-scheme` block, no CSS variables: browsers switch, and viewers that know neither
media queries nor variables (librsvg, Inkscape, ImageMagick) still show the light picture as it is meant.
One hue for each kind of bridge, and the same hue for the wires that belong to it; red and amber mean trouble only.
"""

SANS = "ui-sans-serif, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"

LIGHT = {
    "canvas": "#ffffff",
    "card": "#f6f8fa",
    "line": "#d0d7de",
    "ink": "#1f2328",
    "soft": "#59636e",
    "chip": "#ffffff",
    "plug": "#8c959f",
    "integration-fill": "#e8f1fd",
    "integration": "#2563c9",
    "integration-ink": "#174693",
    "tunnel-fill": "#f1ebfd",
    "tunnel": "#7a4fd3",
    "tunnel-ink": "#5630a3",
    "provider-fill": "#e4f5ec",
    "provider": "#16855a",
    "provider-ink": "#0f5f40",
    "other-fill": "#eceff3",
    "other": "#77818c",
    "other-ink": "#454d57",
    "band": "#dfd2fa",
    "wire-net": "#bfe6d2",
    "error": "#cf222e",
    "error-fill": "#ffecea",
    "warning": "#9a6700",
    "warning-fill": "#fff4d2",
    "info": "#6e7781",
    "on-mark": "#ffffff",
}
DARK = {
    "canvas": "#0d1117",
    "card": "#161b22",
    "line": "#30363d",
    "ink": "#e6edf3",
    "soft": "#9198a1",
    "chip": "#0d1117",
    "plug": "#6e7681",
    "integration-fill": "#132644",
    "integration": "#4c8ef2",
    "integration-ink": "#a9cbff",
    "tunnel-fill": "#261b42",
    "tunnel": "#9b77ee",
    "tunnel-ink": "#d0bdff",
    "provider-fill": "#10301f",
    "provider": "#3aa873",
    "provider-ink": "#9be0bd",
    "other-fill": "#20262e",
    "other": "#768390",
    "other-ink": "#adb7c1",
    "band": "#3b2a68",
    "wire-net": "#1c5238",
    "error": "#ff6a61",
    "error-fill": "#3b1416",
    "warning": "#e3a92f",
    "warning-fill": "#33260a",
    "info": "#8b949e",
    "on-mark": "#0d1117",
}

_COLOURS = {
    ".canvas": "fill:{canvas}",
    ".host": "fill:{card};stroke:{line}",
    ".ghost": "fill:{canvas};stroke:{plug}",
    ".integration": "fill:{integration-fill};stroke:{integration}",
    ".tunnel": "fill:{tunnel-fill};stroke:{tunnel}",
    ".provider": "fill:{provider-fill};stroke:{provider}",
    ".other": "fill:{other-fill};stroke:{other}",
    ".workload,.port": "fill:{chip};stroke:{line}",
    ".port.integration": "stroke:{integration}",
    ".port.tunnel": "stroke:{tunnel}",
    ".port.provider": "stroke:{provider}",
    ".port.other": "stroke:{other}",
    ".error-box": "fill:{error-fill};stroke:{error}",
    ".warning-box": "fill:{warning-fill};stroke:{warning}",
    ".band": "fill:{band}",
    ".net": "fill:{wire-net}",
    ".t-host,.t-port": "fill:{ink}",
    ".t-note,.t-meta,.t-role,.t-ghost,.t-legend": "fill:{soft}",
    ".t-integration": "fill:{integration-ink}",
    ".t-tunnel,.t-band": "fill:{tunnel-ink}",
    ".t-provider,.t-physical": "fill:{provider-ink}",
    ".t-other": "fill:{other-ink}",
    ".t-error": "fill:{error}",
    ".t-warning": "fill:{warning}",
    ".t-info": "fill:{info}",
    ".b-error": "fill:{error}",
    ".b-warning": "fill:{warning}",
    ".b-info": "fill:{info}",
    ".b-text": "fill:{on-mark}",
    ".w-workload": "stroke:{plug}",
    ".w-tunnel": "stroke:{tunnel}",
    ".w-provider,.w-physical": "stroke:{provider}",
    ".w-integration": "stroke:{integration}",
    ".w-other": "stroke:{other}",
    ".d-workload": "fill:{plug}",
    ".d-tunnel": "fill:{tunnel}",
    ".d-provider,.d-physical": "fill:{provider}",
    ".d-integration": "fill:{integration}",
    ".d-other": "fill:{other}",
    ".w-error,.cross,.error-line": "stroke:{error}",
    ".w-warning,.warning-line": "stroke:{warning}",
    ".d-error": "fill:{error}",
    ".d-warning": "fill:{warning}",
    ".cross-back": "stroke:{card}",
}

_SHAPES = {
    "text": f"font-family:{SANS}",
    ".mono": f"font-family:{MONO}",
    ".t-host": "font-size:15px;font-weight:600",
    ".t-role": "font-size:11px;letter-spacing:.02em",
    ".t-meta": "font-size:11px",
    ".t-bridge": "font-size:13px;font-weight:600",
    ".t-bridge-role,.t-bridge-meta": "font-size:10.5px",
    ".t-bridge-meta": "opacity:.85",
    ".t-port": "font-size:11px",
    ".t-note": "font-size:10.5px",
    ".t-band": "font-size:12.5px;font-weight:600;letter-spacing:.02em",
    ".t-physical": "font-size:11px",
    ".t-ghost": "font-size:11px",
    ".t-legend": "font-size:12px",
    ".t-code": "font-weight:600",
    ".b-text": "font-size:10px;font-weight:700;text-anchor:middle",
    ".end": "text-anchor:end",
    ".mid": "text-anchor:middle",
    ".ghost": "stroke-dasharray:5 4",
    ".wire": "fill:none;stroke-width:2;stroke-linejoin:round",
    ".w-workload": "stroke-width:1.25",
    ".error-line,.warning-line": "stroke-width:2",
    ".many": "stroke-width:4.5",
    ".dim": "stroke-dasharray:5 4",
    ".cross": "fill:none;stroke-width:2.5;stroke-linecap:round",
    ".cross-back": "fill:none;stroke-width:7;stroke-linecap:round",
}


def sheet() -> str:
    """Give the style sheet."""
    shapes = "".join(f"{name}{{{rule}}}" for name, rule in _SHAPES.items())
    return f"{shapes}\n{_block(LIGHT)}\n@media (prefers-color-scheme:dark){{{_block(DARK)}}}"


def _block(colours: dict[str, str]) -> str:
    return "".join(f"{name}{{{rule.format_map(colours)}}}" for name, rule in _COLOURS.items())
