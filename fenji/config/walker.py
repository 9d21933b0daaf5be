"""A small browser without a screen: keeps cookies, follows redirects, fills the forms a page really has."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit


@dataclass
class Form:
    """A form of a page: where it goes, and its fields with their present values."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.text: list[str] = []
        self._form: Form | None = None
        self._area = ""
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {k: v or "" for k, v in attrs}
        if tag == "form":
            self._form = Form(values.get("action", ""), values.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(tag, values)

    def _field(self, tag: str, values: dict[str, str]) -> None:
        if self._form is None:
            return
        name = values.get("name", "")
        if tag == "input" and name:
            boxed = values.get("type") in ("checkbox", "radio")
            if not boxed or "checked" in values:
                self._form.fields[name] = values.get("value", "on" if boxed else "")
        elif tag == "textarea":
            self._area = name
            self._form.fields[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in values or self._select not in self._form.fields):
            self._form.fields[self._select] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._area and self._form is not None:
            self._form.fields[self._area] += data
        self.text.append(data)


@dataclass(frozen=True)
class Page:
    """An answer: status, address, body, headers by lower-case name."""

    status: int
    url: str
    body: str
    headers: dict[str, str]

    def parsed(self) -> _Forms:
        """Forms and text."""
        parser = _Forms()
        parser.feed(self.body)
        return parser

    @property
    def text(self) -> str:
        """What can be read, blanks folded."""
        return " ".join(" ".join(self.parsed().text).split())

    def form(self, wanted: str) -> Form:
        """The form whose action ends with `wanted`; with "" the one that posts back to this page. Raises LookupError."""
        for form in self.parsed().forms:
            here = form.method == "post" and form.action in ("", urlsplit(self.url).path)
            if form.action.rstrip("/").endswith(wanted.rstrip("/")) if wanted else here:
                return form
        raise LookupError(f"no form to {wanted!r} on {self.url}")


class Walker:
    """One person at one browser, on one keep-alive connection."""

    def __init__(self, base: str, language: str = "en") -> None:
        parts = urlsplit(base)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=30)
        self.cookies = {"fenji_language": language}
        self.base = base

    def request(self, method: str, path: str, fields: dict[str, str] | None = None) -> Page:
        """One exchange; redirects are not followed."""
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = urlencode(fields) if fields is not None else None
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if method != "GET":
                raise
            self.connection.close()
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
        text = answer.read().decode("utf-8", errors="replace")
        for header in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = header.partition("=")
            self.cookies[name] = rest.split(";")[0]
        return Page(answer.status, path, text, {k.lower(): v for k, v in answer.headers.items()})

    def follow(self, page: Page) -> Page:
        """Go where redirects lead, five at most."""
        for _ in range(5):
            if page.status not in (301, 302, 303):
                return page
            page = self.get(urljoin(page.url, page.headers["location"]), follow=False)
        return page

    def get(self, path: str, *, follow: bool = True) -> Page:
        """Open a page."""
        page = self.request("GET", path)
        return self.follow(page) if follow else page

    def send(self, page: Page, wanted: str, *, follow: bool = True, **fields: str) -> Page:
        """Fill the form to `wanted` with `fields` over its present values, and send it."""
        form = page.form(wanted)
        target = urljoin(page.url, form.action) if form.action else page.url
        values = {**form.fields, **fields}
        if form.method == "get":
            return self.get(f"{target.split('?')[0]}?{urlencode(values)}", follow=follow)
        sent = self.request("POST", target, values)
        return self.follow(sent) if follow else sent

    def sign_in(self, username: str, password: str) -> Page:
        """Sign in; the page that follows."""
        return self.send(self.get("/login/"), "/login/", username=username, password=password)


def until(found: Callable[[], bool], seconds: float) -> bool:
    """Try again and again until `found`, or until the seconds are over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found():
            return True
        time.sleep(0.1)
    return False
