"""A served house and the distribution's Chromium. A page fails its test on console errors and on requests to other machines."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from fenji.config import running
from tests.cast import person, token_for

CHROMIUM = shutil.which("chromium") or ""
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SIZES = {"1440": {"width": 1440, "height": 900}, "360": {"width": 360, "height": 740}}
PICTURES = Path(__file__).resolve().parents[2] / "var" / "pictures"


@pytest.fixture(scope="module")
def base(house_file: Path) -> Iterator[str]:
    """The address of the module's house, served by processes of its own."""
    port = running.free_port()
    processes = [running.web(house_file, port), running.worker(house_file)]
    try:
        running.wait_ready(f"http://127.0.0.1:{port}", processes[0])
        yield f"http://127.0.0.1:{port}"
    finally:
        running.stop_all(processes)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "Chromium is missing: run `make browser`, or: sudo apt-get install -y chromium fonts-noto-cjk fontconfig"
    fonts = subprocess.run(["/usr/bin/fc-list"], capture_output=True, text=True, check=True).stdout
    assert "NotoSansCJK" in fonts, "a Chinese font is missing: run `make browser`, or: sudo apt-get install -y fonts-noto-cjk"
    # playwright keeps an event loop of its own in this thread; the ORM is used beside it, never inside it
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Visitor:
    """Somebody at a browser, and what their pages complained of."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.base}{path}")
        return self.page


class Visitors:
    def __init__(self, browser: Browser, base: str) -> None:
        self.browser, self.base = browser, base
        self.contexts: list[BrowserContext] = []
        self.all: list[Visitor] = []

    def __call__(self, login: str | None, size: str = "1440", language: str = "zh-hans") -> Visitor:
        context = self.browser.new_context(viewport=SIZES[size], locale="zh-CN", timezone_id="Asia/Shanghai")
        cookies = {"fenji_language": language}
        if login is not None:
            cookies["fenji_session"] = token_for(person(login))
        context.add_cookies([{"name": k, "value": v, "url": self.base} for k, v in cookies.items()])
        visitor = Visitor(context.new_page(), self.base)
        visitor.page.on("console", lambda m: visitor.complaints.append(m.text) if m.type == "error" else None)
        visitor.page.on("pageerror", lambda e: visitor.complaints.append(str(e)))
        visitor.page.on("request", lambda r: self._loopback(r.url, visitor))
        self.contexts.append(context)
        self.all.append(visitor)
        return visitor

    @staticmethod
    def _loopback(url: str, visitor: Visitor) -> None:
        if urlsplit(url).scheme in ("http", "https", "ws") and urlsplit(url).hostname != "127.0.0.1":
            visitor.complaints.append(f"request to {url}")


@pytest.fixture
def visit(browser: Browser, base: str) -> Iterator[Visitors]:
    visitors = Visitors(browser, base)
    yield visitors
    complaints = [c for v in visitors.all for c in v.complaints if "status of 4" not in c]
    for context in visitors.contexts:
        context.close()
    assert not complaints, complaints
