"""PNG and PDF: a real picture of the right size, Korean that is no boxes, errors that name what is missing."""

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inspect.draw_documents import cloud, port
from tests.inspect.test_draw_text import seed
from tunbridge.inspect.draw import svg
from tunbridge.inspect.formats import png
from tunbridge.inspect.formats.png import PngError
from tunbridge.inspect.model import Bridge, Document, Host

ROOT = Path(__file__).parents[3]


@pytest.fixture
def pen() -> None:
    for command in ("rsvg-convert", "fc-list"):
        if shutil.which(command) is None:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{command} is not installed")


def size(pixels: bytes) -> tuple[int, int]:
    assert pixels[:8] == b"\x89PNG\r\n\x1a\n" and pixels[12:16] == b"IHDR"
    width, height = struct.unpack(">II", pixels[16:24])
    return width, height


def named(name: str) -> Document:
    return Document(hosts=[Host(name=name, bridges=[Bridge(name="br-int", role="integration", ports=[port(name)])])])


@pytest.mark.usefixtures("pen")
@pytest.mark.parametrize("scale", [0.5, 1, 3])
def test_it_is_as_large_as_the_svg_times_the_scale(scale: float) -> None:
    pixels, _ = png.render(seed(), scale=scale)
    head = svg.render(seed()).split("viewBox")[0].split('"')
    wide, high = (float(head[head.index(f"{' '}{side}=") + 1]) for side in ("width", "height"))
    assert abs(size(pixels)[0] - wide * scale) <= 1 and abs(size(pixels)[1] - high * scale) <= 1


@pytest.mark.usefixtures("pen")
def test_korean_is_drawn_with_a_font_that_has_it() -> None:
    pixels, boxes = png.render(named("컴퓨트-서울"))
    assert boxes == ""
    assert pixels != png.render(named("컴퓨트-부산"))[0]


@pytest.mark.usefixtures("pen")
def test_what_no_font_has_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "fonts.conf").write_text("<fontconfig/>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(tmp_path / "fonts.conf"))
    pixels, boxes = png.render(named("서울"))
    assert size(pixels)[0] > 100
    assert set("서울") <= set(boxes)


@pytest.mark.usefixtures("pen")
@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"]]>&amp;', "\x1b[31mred", "\ud800", "nul\x00"])
def test_hostile_names_are_drawn(name: str) -> None:
    assert size(png.render(named(name))[0])[0] > 100


def test_without_the_pen_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(PngError, match="librsvg2-bin"):
        png.render(seed())


def test_a_picture_too_large_says_which_scale_would_do() -> None:
    with pytest.raises(PngError, match=r"--scale \d.*--group always"):
        png.render(cloud(60, taps=0), "never", scale=10)


def run(*arguments: str, stdout: int) -> subprocess.CompletedProcess[bytes]:
    script = "import sys; from tunbridge.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "draw", *arguments, "examples/compute0.txt"]
    return subprocess.run(command, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, check=False, timeout=60)


def test_a_terminal_is_not_given_pixels() -> None:
    master, terminal = os.openpty()
    try:
        done = run("-f", "png", stdout=terminal)
    finally:
        os.close(terminal)
        os.close(master)
    assert done.returncode != 0
    assert b"-o" in done.stderr and b"Traceback" not in done.stderr


@pytest.mark.usefixtures("pen")
def test_a_pdf_is_one_page_as_large_as_the_picture_whose_text_is_text(tmp_path: Path) -> None:
    assert run("-o", str(tmp_path / "a.PDF"), stdout=subprocess.DEVNULL).returncode == 0
    page = (tmp_path / "a.PDF").read_bytes()
    assert page.startswith(b"%PDF-") and page.rstrip().endswith(b"%%EOF")
    drawn, _ = png.render_pdf(seed())
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", drawn)
    head = svg.render(seed()).split("viewBox")[0]
    sides = [float(side) for side in re.findall(r' (?:width|height)="(\d+)"', head)]
    assert [round(float(side) * 96 / 72) for side in box] == sides
    assert b"/Font" in drawn


@pytest.mark.usefixtures("pen")
def test_a_pdf_is_never_larger_than_readers_show() -> None:
    drawn, _ = png.render_pdf(cloud(70, taps=0), "never", width=400)
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", drawn)
    assert 10_000 < max(map(float, box)) <= 14_400


@pytest.mark.parametrize("name", ["a.jpg", "a.v2", "a.svgz"])
def test_a_name_that_ends_in_no_form_is_refused(tmp_path: Path, name: str) -> None:
    done = run("-o", str(tmp_path / name), stdout=subprocess.DEVNULL)
    assert done.returncode == 2
    assert b".pdf" in done.stderr and b"-f" in done.stderr
    assert not (tmp_path / name).exists()
    assert run("-f", "svg", "-o", str(tmp_path / name), stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.usefixtures("pen")
def test_a_file_and_a_pipe_are(tmp_path: Path) -> None:
    assert run("-o", str(tmp_path / "a.png"), stdout=subprocess.DEVNULL).returncode == 0
    piped = run("-f", "png", stdout=subprocess.PIPE)
    assert size(piped.stdout) == size((tmp_path / "a.png").read_bytes())


@pytest.mark.parametrize(
    ("name", "options", "begins"),
    [
        ("a.htm", [], "<!DOCTYPE html>"),
        ("a", [], "╭ compute0"),
        ("a.txt", [], "╭ compute0"),
        ("a.svg", ["--group", "always"], "<svg "),
        ("a.mmd", ["--group", "never"], "flowchart TB"),
    ],
)
def test_the_form_goes_by_the_name_of_the_file(tmp_path: Path, name: str, options: list[str], begins: str) -> None:
    done = run(*options, "-o", str(tmp_path / name), stdout=subprocess.DEVNULL)
    assert done.returncode == 0
    assert (tmp_path / name).read_text().startswith(begins)
