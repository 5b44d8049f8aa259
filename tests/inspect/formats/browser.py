"""A page in a real browser: the distribution's Chromium without a window, and everything it complained of."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, sync_playwright

_REPORT = "addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"


@contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("chromium is not installed")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Shown:
    """One page, opened from a file; `noise` is what it fetched, logged, asked or raised."""

    def __init__(self, browser: Browser, folder: Path, html: str, **options: Any) -> None:
        self.noise: list[str] = []
        file = folder / "page.html"
        file.write_text(html, encoding="utf-8")
        options = {"viewport": {"width": 1300, "height": 800}, "reduced_motion": "reduce"} | options
        self.page: Page = browser.new_context(**options).new_page()
        self.page.set_default_timeout(10_000)
        self.page.add_init_script(_REPORT)
        self.page.on("console", lambda message: self.noise.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.noise.append(f"error: {error}"))
        self.page.on("dialog", self._asked)
        self.page.on("request", lambda request: self._requested(request.url, file.as_uri()))
        self.page.goto(file.as_uri())

    def _asked(self, dialog: Dialog) -> None:
        self.noise.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _requested(self, url: str, own: str) -> None:
        if url != own:
            self.noise.append(f"request: {url}")

    def shape(self, label: str) -> Locator:
        """Find the shape whose accessible name begins with this."""
        return self.page.locator(f'svg rect[aria-label^="{label}"]')

    @property
    def details(self) -> str:
        return self.page.locator("#ui-details").inner_text()

    def scale(self) -> float:
        """Tell how many pixels of the screen one of the picture takes."""
        box = self.page.locator("svg rect.canvas").bounding_box()
        width = self.page.locator("svg rect.canvas").get_attribute("width")
        assert box and width
        return box["width"] / float(width)

    def is_in_sight(self, label: str) -> bool:
        box, stage = self.shape(label).bounding_box(), self.page.locator("#ui-stage").bounding_box()
        assert box and stage
        x, y = box["x"] + box["width"] / 2 - stage["x"], box["y"] + box["height"] / 2 - stage["y"]
        return 0 < x < stage["width"] and 0 < y < stage["height"]
