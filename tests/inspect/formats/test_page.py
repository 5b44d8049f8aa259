"""The page in a real browser: it fetches nothing, runs nothing but its own, and is used by pointer, keys and ear."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.inspect.formats.browser import Shown, chromium
from tests.inspect.formats.test_sources import NAMES, hostile
from tests.inspect.test_draw_fleet import fleet, to
from tests.inspect.test_draw_text import seed
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.formats import html
from tunbridge.inspect.model import Document

Open = Callable[..., Shown]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open a document as a page; whatever the test did, the page must have kept quiet."""
    shown: list[Shown] = []

    def open_(document: Document, **options: object) -> Shown:
        shown.append(Shown(browser, tmp_path, html.render(document), **options))
        return shown[-1]

    yield open_
    for page in shown:
        page.page.context.close()
        assert page.noise == []


def damaged() -> Document:
    """Four hosts of which one lacks the way back to another, and one a patch port."""
    return fleet({1: [to(2)], 0: ["patch-tun"]}, 6)


def test_a_name_is_only_ever_text(opened: Open) -> None:
    shown = opened(hostile())
    assert shown.page.locator("script").count() == 2
    for name in NAMES:
        summary = shown.page.locator("#ui-tree > details > summary", has_text=visible(name)).first
        expect(summary).to_be_attached()
    assert shown.page.locator(".ui-finding").count() == len(NAMES)
    shown.page.locator(".ui-finding").first.click()
    shown.page.keyboard.press("/")
    shown.page.keyboard.type("<script>")
    assert shown.page.locator("#ui-results button").first.inner_text().startswith("<script>alert(1)</script>")


def test_no_other_script_or_style_would_run(opened: Open) -> None:
    shown = opened(seed())
    shown.page.evaluate(
        """() => {
            const script = document.createElement("script");
            try { script.text = "window.ran = true"; } catch { script.append("window.ran = true"); }
            document.body.append(script);
            const style = document.createElement("style");
            style.textContent = "body { display: none }";
            document.body.append(style);
            new Image().src = "https://example.invalid/";
        }"""
    )
    assert shown.page.evaluate("window.ran") is None
    assert shown.page.locator("body").is_visible()
    blocked = {line.removeprefix("console: policy: ") for line in shown.noise if "policy: " in line}
    assert {"style-src-elem", "img-src", "require-trusted-types-for"} <= blocked
    shown.noise.clear()


def test_a_click_shows_what_is_known_and_leads_to_the_other_end(opened: Open) -> None:
    shown = opened(seed())
    shown.shape("tunnel vxlan-0a00001b").click()
    assert "remote_ip" in shown.details and "10.0.0.27" in shown.details and "compute0.txt, line" in shown.details
    shown.page.get_by_role("button", name="Go to the other end").click()
    assert "vxlan-0a000019" in shown.details
    assert "ui-now" in (shown.shape("tunnel vxlan-0a000019").get_attribute("class") or "")
    expect(shown.page.locator("#ui-said")).to_have_text("tunnel vxlan-0a000019 of br-tun on network0, to compute0")


def test_what_is_pointed_at_is_told_until_the_pointer_leaves(opened: Open) -> None:
    shown = opened(seed())
    shown.shape("bridge br-int on compute0").click(position={"x": 20, "y": 8})
    shown.shape("port eno16777736").hover()
    assert "eno16777736" in shown.details
    shown.page.locator("h1").hover()
    assert shown.details.startswith("br-int")


def test_a_wire_can_be_clicked(opened: Open) -> None:
    shown = opened(seed())
    upper, lower = (
        shown.shape(f"port {name} on compute0").bounding_box()
        for name in ("patch-tun of br-int", "patch-int of br-tun")
    )
    assert upper and lower
    shown.page.mouse.click(upper["x"] + upper["width"] / 2, (upper["y"] + upper["height"] + lower["y"]) / 2)
    assert "port of br-int on compute0" in shown.details and "port of br-tun on compute0" in shown.details


def test_the_keyboard_alone_is_enough(opened: Open) -> None:
    shown = opened(seed())
    keys = shown.page.keyboard
    focused = shown.page.locator(":focus")
    shown.page.locator("#ui-stage").focus()
    keys.press("Tab")
    assert focused.get_attribute("aria-label") == "host compute0, 10.0.0.25"
    assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    keys.press("ArrowDown")
    assert (focused.get_attribute("aria-label") or "").startswith("bridge br-int on compute0")
    keys.press("ArrowDown")
    assert (focused.get_attribute("aria-label") or "").startswith("port patch-tun of br-int on compute0")
    keys.press("Enter")
    assert shown.page.locator("#ui-said").inner_text().startswith("port patch-tun")
    assert "patch-int" in shown.details
    keys.press("Escape")
    assert focused.get_attribute("id") == "ui-stage"
    assert shown.page.locator(".ui-now").count() == 0
    keys.press("Shift+Tab")
    assert focused.get_attribute("id") == "ui-theme"


def test_search_lists_marks_and_leads_to_what_it_finds(opened: Open) -> None:
    shown = opened(damaged())
    for _ in range(6):
        shown.page.get_by_role("button", name="Zoom in").click()
    shown.page.keyboard.press("/")
    shown.page.keyboard.type("network3 phy-br tap")
    status = shown.page.locator("#ui-hits")
    assert status.inner_text().startswith("0 matches")
    shown.page.keyboard.press("Control+a")
    shown.page.keyboard.type("phy-br-eth1")
    assert int(status.inner_text().split()[0]) == shown.page.locator("#ui-results li").count() == 8
    shown.page.keyboard.press("Enter")
    assert status.inner_text().startswith("1 of 8: phy-br-eth1")
    label = "port phy-br-eth1 of br-eth1 on network0"
    assert shown.is_in_sight(label)
    assert {"ui-hit", "ui-now"} <= set((shown.shape(label).get_attribute("class") or "").split())
    shown.page.keyboard.press("Shift+Enter")
    assert status.inner_text().startswith("8 of 8")
    shown.page.keyboard.press("ArrowDown")
    shown.page.keyboard.press("ArrowDown")
    shown.page.keyboard.press("Enter")
    assert status.inner_text().startswith("2 of 8")
    shown.page.keyboard.press("/")
    shown.page.keyboard.press("Escape")
    assert status.inner_text() == "" and shown.page.locator(".ui-hit").count() == 0


def test_the_fix_of_a_finding_can_be_copied(opened: Open) -> None:
    document = damaged()
    shown = opened(document, permissions=["clipboard-read", "clipboard-write"])
    item = shown.page.locator("#ui-findings li").first
    item.get_by_role("button", name="Copy the fix").click()
    expect(item.get_by_role("button", name="Copied")).to_be_visible()
    assert shown.page.evaluate("navigator.clipboard.readText()") == document.findings[0].fix


def test_the_fix_can_be_copied_where_the_browser_gives_no_clipboard(opened: Open) -> None:
    shown = opened(damaged())
    shown.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    shown.page.get_by_role("button", name="Copy the fix").first.click()
    expect(shown.page.get_by_role("button", name="Copied")).to_be_visible()


def test_a_finding_leads_to_its_place(opened: Open) -> None:
    shown = opened(damaged())
    for _ in range(6):
        shown.page.get_by_role("button", name="Zoom in").click()
    shown.page.get_by_role("button", name="tunnel-one-way").click()
    label = f"tunnel {to(1)} of br-tun on network0"
    assert "ui-now" in (shown.shape(label).get_attribute("class") or "")
    assert shown.is_in_sight(label)
    assert "tunnel-one-way" in shown.details


def test_zoom_by_keys_wheel_buttons_and_fingers(opened: Open) -> None:
    shown = opened(damaged(), has_touch=True)
    whole = shown.scale()
    stage = shown.page.locator("#ui-stage")
    stage.focus()
    shown.page.keyboard.press("+")
    assert shown.scale() == pytest.approx(whole * 1.4, rel=0.01)
    shown.page.keyboard.press("-")
    assert shown.scale() == pytest.approx(whole, rel=0.01)
    shown.page.get_by_role("button", name="Zoom in").click()
    shown.page.keyboard.press("/")
    stage.focus()
    shown.page.keyboard.press("0")
    assert shown.scale() == pytest.approx(whole, rel=0.01)
    shown.page.mouse.move(300, 300)
    shown.page.mouse.wheel(0, -240)
    shown.page.wait_for_function(f"before => {_SCALE} > before * 1.2", arg=whole)
    before = shown.scale()
    touch = shown.page.context.new_cdp_session(shown.page)
    for kind, apart in (("touchStart", 40), ("touchMove", 80), ("touchMove", 120)):
        points = [{"x": 400 - apart, "y": 400, "id": 0}, {"x": 400 + apart, "y": 400, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    shown.page.wait_for_function(f"before => {_SCALE} > before * 2", arg=before)


_SCALE = "(r => r.getBoundingClientRect().width / r.width.baseVal.value)(document.querySelector('rect.canvas'))"


def test_dragging_moves_the_picture_and_chooses_nothing(opened: Open) -> None:
    shown = opened(seed())
    box = shown.shape("bridge br-int on compute0").bounding_box()
    assert box
    shown.page.mouse.move(box["x"] + 30, box["y"] + 10)
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + 130, box["y"] + 60, steps=4)
    shown.page.mouse.up()
    moved = shown.shape("bridge br-int on compute0").bounding_box()
    assert moved and moved["x"] == pytest.approx(box["x"] + 100, abs=3)
    assert shown.page.locator(".ui-now").count() == 0


def test_it_can_be_heard(opened: Open) -> None:
    """Everything that can be worked has a name, and the picture has its equivalent in words, in order."""
    shown = opened(seed())
    shown.page.locator("#ui-tree summary").first.click()
    shown.page.locator("#ui-tree details details summary").first.click()
    heard = shown.page.locator("body").aria_snapshot()
    for line in (
        '- region "Picture":',
        '- button "tunnel vxlan-0a00001b of br-tun on compute0, to network0"',
        '- searchbox "Search /"',
        '- heading "Findings" [level=2]',
        '- paragraph: "Arrow keys move the picture',
        '- button "Zoom in"',
        '- button "Show br-int"',
        '- button "patch-tun to br-tun"',
    ):
        assert line in heard, heard
    nameless = "e => !(e.getAttribute('aria-label') || e.textContent.trim())"
    assert not shown.page.locator("button, [role=button], a, summary").evaluate_all(f"all => all.some({nameless})")
    ids = shown.page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_it_is_light_or_dark_as_the_system_or_the_reader_wants(opened: Open, scheme: str, is_dark: bool) -> None:
    shown = opened(seed(), color_scheme=scheme)

    def seen() -> list[bool]:
        colours = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(document.querySelector('.canvas')).fill]"
        found = shown.page.locator("body").evaluate(colours)
        return [sum(map(int, colour.removeprefix("rgb(").rstrip(")").split(","))) < 380 for colour in found]

    assert seen() == [is_dark, is_dark]
    button = shown.page.get_by_role("button", name="Theme")
    button.click()
    assert seen() == [False, False]
    button.click()
    assert seen() == [True, True]


def test_a_host_of_a_group_is_found_and_the_group_shown(opened: Open) -> None:
    shown = opened(fleet({3: ["patch-tun"]}))
    shown.page.keyboard.press("/")
    shown.page.keyboard.type("compute17")
    shown.page.keyboard.press("Enter")
    assert "10.0.0.42" in shown.details
    group = shown.shape("35 hosts drawn as one, compute0 to compute35")
    assert "ui-now" in (group.get_attribute("class") or "")
    shown.shape("host compute3").click(position={"x": 40, "y": 20})
    assert "patch-int" in shown.page.locator("#ui-findings").inner_text()
