"""Requests straight into the application, from any thread, each thread on a database connection of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from urllib.parse import urlencode

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

_CSRF = "a" * 32


@cache
def application() -> WSGIHandler:
    return WSGIHandler()


@dataclass(frozen=True)
class Answer:
    status: int
    location: str
    body: str
    raw: bytes = b""
    headers: str = ""


def call(method: str, path: str, token: str, fields: dict[str, object] | None = None, language: str = "en") -> Answer:
    """A browser's request: session in the cookie, fields as a form."""
    body = urlencode({**fields, "csrfmiddlewaretoken": _CSRF}, doseq=True).encode() if fields is not None else b""
    cookies = {settings.SESSION_COOKIE: token, settings.LANGUAGE_COOKIE_NAME: language, "csrftoken": _CSRF}
    headers = {"HTTP_COOKIE": "; ".join(f"{k}={v}" for k, v in cookies.items())}
    return _send(method, path, body, {**headers, "CONTENT_TYPE": "application/x-www-form-urlencoded"})


def ask(method: str, path: str, key: str = "", body: bytes = b"", kind: str = "application/json", **headers: str) -> Answer:
    """A machine's request: its key as bearer, the body as it is. `headers`: as WSGI names them, without HTTP_."""
    given = {f"HTTP_{name}": value for name, value in headers.items()}
    if key:
        given["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return _send(method, path, body, {"HTTP_ACCEPT_LANGUAGE": "en", "CONTENT_TYPE": kind, **given})


def _send(method: str, path: str, body: bytes, given: dict[str, str]) -> Answer:
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        **given,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    seen: dict[str, object] = {}

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        seen["status"] = int(status.split(maxsplit=1)[0])
        seen["headers"] = dict(headers)

    response = application()(environ, start)
    try:
        raw = b"".join(response)
    finally:
        response.close()
    headers = "\n".join(f"{k}: {v}" for k, v in seen["headers"].items())
    return Answer(seen["status"], seen["headers"].get("Location", ""), raw.decode("utf-8", errors="replace"), raw, headers)
