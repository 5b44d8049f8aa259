"""The SVG picture as pixels (PNG) or as a page (PDF), made by `rsvg-convert` of librsvg.

PNG is for chats and documents that show no SVG, PDF for print and tickets; text in a PDF stays text.

librsvg is GNOME's renderer, kept up with security fixes by every distribution. It finds fonts through Pango and
fontconfig, so a name in Korean is drawn with whatever font of the machine has it. It knows no dark mode: the picture is
the light one.
"""

import re
import subprocess
from typing import Literal

from tunbridge.errors import TunbridgeError
from tunbridge.inspect.draw import svg
from tunbridge.inspect.draw.fleet import Grouping
from tunbridge.inspect.model import Document

SCALE = 2.0
"""Pixels of PNG for one of SVG: sharp on screens of today."""

MAX_PAGE = 14_400 * 96 / 72
"""Pixels of SVG that a side of a PDF page may have: readers show up to 14,400 points (ISO 32000-1, Annex C)."""

MAX_SIDE = 32767
"""Pixels that a side may have: the limit of cairo, with which librsvg draws."""

_SECONDS = 120
_LOOKED_AT = 64
_MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF-"}
_SIZE = re.compile(r'<svg [^>]*width="(\d+)" height="(\d+)"')


class PngError(TunbridgeError):
    """The picture cannot be made."""

    exit_status = 2


def render(
    document: Document, group: Grouping = "auto", *, scale: float = SCALE, width: int | None = None
) -> tuple[bytes, str]:
    """Draw `document` as PNG, `scale` pixels for each of the SVG; give with it the characters that no font here has.

    For `width` see `svg.render`. Raises PngError.
    """
    picture = svg.render(document, group=group, width=width)
    _check_size(picture, scale)
    return _converted(picture, "png", scale), _undrawable(picture)


def render_pdf(document: Document, group: Grouping = "auto", *, width: int | None = None) -> tuple[bytes, str]:
    """Draw `document` as a PDF of one page as large as the picture; otherwise as `render`. Raises PngError."""
    picture = svg.render(document, group=group, width=width)
    return _converted(picture, "pdf", min(1, MAX_PAGE / _longest(picture))), _undrawable(picture)


def _converted(picture: str, form: Literal["png", "pdf"], scale: float) -> bytes:
    command = ["rsvg-convert", f"--format={form}", f"--zoom={scale}", "--background-color=white", "--unlimited"]
    try:
        done = subprocess.run(command, input=picture.encode(), capture_output=True, timeout=_SECONDS, check=False)
    except FileNotFoundError as e:
        raise PngError(
            f"{form.upper()} is made by rsvg-convert, which is not installed: install the package librsvg2-bin (Debian,"
            " Ubuntu) or librsvg2-tools (Fedora); -f svg needs nothing"
        ) from e
    except subprocess.TimeoutExpired as e:
        raise PngError(f"rsvg-convert took more than {_SECONDS} s: try a smaller --scale, or -f svg") from e
    if done.returncode or not done.stdout.startswith(_MAGIC[form]):
        words = done.stderr.decode(errors="backslashreplace").strip() or f"exit status {done.returncode}"
        raise PngError(f"rsvg-convert: {words}")
    return done.stdout


def _longest(picture: str) -> int:
    found = _SIZE.search(picture)
    return max(int(found[1]), int(found[2])) if found else 1


def _check_size(picture: str, scale: float) -> None:
    side = _longest(picture)
    if side * scale > MAX_SIDE:
        raise PngError(
            f"the picture would be {round(side * scale):,} pixels long, more than the {MAX_SIDE:,} that PNG pens draw:"
            f" give --scale {MAX_SIDE / side:.2g} at most, or --group always, or -f svg"
        )


def _undrawable(text: str) -> str:
    """Find characters that would be drawn as boxes. Of very many, the first are looked at; without fontconfig, none."""
    missing = []
    for char in sorted({char for char in text if ord(char) > 0xFF})[:_LOOKED_AT]:
        command = ["fc-list", f":charset={ord(char):x}", "file"]
        try:
            found = subprocess.run(command, capture_output=True, timeout=10, check=False)
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return ""
        if found.returncode == 0 and not found.stdout:
            missing.append(char)
    return "".join(missing)
